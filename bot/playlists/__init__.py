"""Choosing, storing and publishing playlists."""
