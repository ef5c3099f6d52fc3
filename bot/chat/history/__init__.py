"""Past moods and playlists: /history."""
