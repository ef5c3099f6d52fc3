"""Votes, stars and reactions on playlists: /feedback."""
