"""Music services where playlists are saved."""
