"""`mirrortape doctor`: checks an installation."""
