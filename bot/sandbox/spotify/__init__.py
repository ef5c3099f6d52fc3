"""A local Spotify."""
