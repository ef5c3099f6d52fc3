"""The track catalogue: import, storage, lookup by name, statistics."""
