"""Status pages as files: rendering and publishing."""
