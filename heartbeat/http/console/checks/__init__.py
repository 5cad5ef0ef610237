"""Checks on the console."""
