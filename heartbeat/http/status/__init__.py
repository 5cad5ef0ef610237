"""Status pages over HTTP, and the forms for subscribers."""
