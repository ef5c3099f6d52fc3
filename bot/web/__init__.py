"""The bot's web pages: the page after consent, health and metrics."""
