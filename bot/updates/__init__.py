"""How updates come in: polling, webhook, the inbox, and who may use the bot."""
