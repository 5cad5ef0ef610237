"""What an operator runs: the commands, and serving."""
