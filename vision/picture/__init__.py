"""The pictures for users: the card that explains a reading, and numbered faces."""
