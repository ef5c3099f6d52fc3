"""Decode untrusted photos and videos into pixels, within limits."""
