"""The watch over who is on call: gaps that are told days before, test pages, and hand-overs."""
