"""Answers that come back: the signed link of a page, and calls of providers."""
