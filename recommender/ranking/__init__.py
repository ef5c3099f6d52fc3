"""Which tracks a playlist gets, in which order, and why."""
