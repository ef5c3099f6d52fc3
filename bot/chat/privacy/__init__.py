"""What is stored about the user: /privacy, /export and /forget."""
