"""How a notice leaves the house: the contract, the shelf of known kinds, and one file a notifier."""
