"""The shell: Telegram handlers, the vision worker, web callbacks, settings, command line."""
