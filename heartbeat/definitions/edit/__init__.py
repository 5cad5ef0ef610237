"""Edits of single definitions outside of the file, by the rules of the file."""
