"""Check-ins at times that the user chose: /schedule."""
