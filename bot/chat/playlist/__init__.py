"""Playlists in the chat: /mood, /playlist, and moods in plain words."""
