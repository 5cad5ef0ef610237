"""Subscribers of status pages, and the mail to them."""
