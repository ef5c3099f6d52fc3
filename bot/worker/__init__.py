"""The vision process, and the queues of photos and albums for it."""
