"""Finds faces and eyes in a photo, and cuts the network's input from it."""
