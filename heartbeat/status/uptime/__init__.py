"""Uptime of components: days, counts, and the time since the last count."""
