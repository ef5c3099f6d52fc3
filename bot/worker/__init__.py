"""The vision process, and the queue of photos and albums for it."""
