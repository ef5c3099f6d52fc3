"""A listener's taste, learned from votes, and their own settings."""
