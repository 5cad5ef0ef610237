"""Configuration as code: what a file declares, its text, and definitions given apart from it."""
