"""Checks: what is expected of jobs, and what is so."""
