"""Faces and eyes in a photo, and the crops that the network looks at."""
