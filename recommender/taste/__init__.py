"""What a listener likes: learned from votes, or set by themselves."""
