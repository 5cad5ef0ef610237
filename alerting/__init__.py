"""Downstairs: incidents, people and pages. It knows nothing of checks, cron or a web server."""
