"""Ways back from outside to the page that was sent there: one file for each."""
