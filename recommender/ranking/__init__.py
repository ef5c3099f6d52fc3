"""Chooses and orders the tracks of a playlist, and explains each choice."""
