"""Find faces and eyes in a photo, and cut the views that the network sees."""
