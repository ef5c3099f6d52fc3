"""The bot's tables, the database thread, backups and encryption keys."""
