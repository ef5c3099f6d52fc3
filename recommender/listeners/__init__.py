"""Stores each listener's readings, playlists, votes and preferences."""
