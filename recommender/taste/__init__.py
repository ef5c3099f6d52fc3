"""A listener's taste: learned from votes, and set as preferences."""
