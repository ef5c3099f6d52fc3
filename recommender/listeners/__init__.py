"""What is stored about each listener: readings, playlists, votes, preferences."""
