"""Announcements for customers, on the console."""
