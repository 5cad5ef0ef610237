"""Checks, and what the service makes of them."""
