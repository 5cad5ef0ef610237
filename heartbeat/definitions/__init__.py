"""Definitions: what the configuration file, the API and the console declare."""
