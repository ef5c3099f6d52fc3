"""Opening databases, encrypting what is stored, and whose data it is."""
