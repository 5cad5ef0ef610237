"""Pings: what a job sends, from the queue before the database to the last hundred that are kept."""
