"""`mirrortape setup`: asks for everything that the bot needs."""
