"""A local Telegram and a local Spotify with a chat page: everything runs without accounts."""
