"""A local Telegram and a local Spotify with a chat page: everything runs with no account."""
