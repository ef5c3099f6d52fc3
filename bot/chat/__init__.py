"""What people see in the chat: one package for each capability."""
