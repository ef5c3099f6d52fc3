"""The tracks to choose from: import, storage, search by name, statistics."""
