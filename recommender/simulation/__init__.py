"""Ranking policies, compared on simulated listeners."""
