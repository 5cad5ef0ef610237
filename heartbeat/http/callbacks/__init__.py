"""Answers to pages: the signed link in a page, and the calls of providers."""
