"""The catalogue of tracks: import, storage, search by name, statistics."""
