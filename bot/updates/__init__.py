"""Receiving updates: polling, webhook, the inbox, and the allow-list."""
