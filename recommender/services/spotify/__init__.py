"""Spotify: the Web API client, and the stored accounts."""
