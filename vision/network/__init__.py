"""The two-view network: its weights, its answers, and its heat maps."""
