"""Opens databases, encrypts stored values, and knows which rows belong to which user."""
