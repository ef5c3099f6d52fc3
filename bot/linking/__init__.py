"""Connecting music accounts, and writing playlists into them."""
