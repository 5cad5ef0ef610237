"""What comes back from outside about a page: one file for each way."""
