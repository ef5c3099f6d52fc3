"""How messages go out: rate limits, retries, delivery."""
