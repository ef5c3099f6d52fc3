"""Sending messages: rate limits, retries, delivery."""
