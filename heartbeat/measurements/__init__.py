"""Measurements: what runs report of themselves, and what is usual for them."""
