"""Public status pages: what customers are told, in their words, rendered to files that outlive the database."""
