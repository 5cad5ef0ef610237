"""People, policies and who is on call, on the console."""
