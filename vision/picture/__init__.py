"""Pictures for the user: the card that explains a reading, and numbered faces."""
