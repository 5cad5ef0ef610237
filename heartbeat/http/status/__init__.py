"""Status pages over HTTP, and the forms to subscribe."""
