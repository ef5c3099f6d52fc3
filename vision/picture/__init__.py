"""The pictures that people see: the card that explains a reading, numbered faces."""
