"""The vision process, and the photos and albums that wait for it."""
