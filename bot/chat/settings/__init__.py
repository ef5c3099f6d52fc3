"""The user's preferences: /settings."""
