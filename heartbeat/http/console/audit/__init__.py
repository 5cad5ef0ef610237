"""The audit log on the console."""
