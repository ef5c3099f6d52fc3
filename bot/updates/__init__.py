"""Receiving updates: polling, webhook, the inbox, and who may use the bot."""
