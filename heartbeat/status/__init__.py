"""Public status pages: announcements in customers' words, rendered to files that outlive the database."""
