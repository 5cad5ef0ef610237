"""What is told of trouble once it is over: the draft of a post-mortem."""
