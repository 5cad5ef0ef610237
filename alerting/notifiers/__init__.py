"""Notifiers: their contract, the registry of kinds, and one file for each."""
