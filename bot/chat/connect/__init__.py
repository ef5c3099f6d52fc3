"""Connecting Spotify in the chat: /connect and /disconnect."""
