"""`mirrortape setup`: sets up a bot step by step."""
