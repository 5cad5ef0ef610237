"""Who may come in: users and their roles, how they prove who they are, their sign-ins, and keys for programs."""
