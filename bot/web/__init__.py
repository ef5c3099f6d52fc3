"""The bot's web pages: Spotify's callback, health and metrics."""
