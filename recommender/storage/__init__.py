"""Databases, encryption, and which data belongs to whom."""
