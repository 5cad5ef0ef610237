"""Sign-in, users and keys on the console."""
