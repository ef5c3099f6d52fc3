"""`mirrortape setup`: from nothing to a bot that can run."""
