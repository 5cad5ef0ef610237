"""Maintenance windows on the console."""
