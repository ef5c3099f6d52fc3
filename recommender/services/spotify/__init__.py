"""Spotify: its Web API, and what we store about accounts there."""
