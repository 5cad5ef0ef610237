"""The console's screens of people, policies and who is on call."""
