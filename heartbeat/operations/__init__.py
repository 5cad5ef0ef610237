"""Everything that an operator runs: the commands beside and around `heartbeat serve`."""
