"""First contact and consent: /start and /help."""
