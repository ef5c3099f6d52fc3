"""The music services that playlists are written to."""
