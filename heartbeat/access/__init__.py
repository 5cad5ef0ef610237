"""Access: users and their roles, passwords and second factors, sessions, and keys for programs."""
