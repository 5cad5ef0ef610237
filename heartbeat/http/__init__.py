"""The faces of the service: pings, the API, the console, the status page, and the operator's endpoints."""
