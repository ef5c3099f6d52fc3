"""Starting, running and stopping the bot, its jobs and its database lock."""
