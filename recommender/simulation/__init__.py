"""Compares ranking policies on simulated listeners."""
