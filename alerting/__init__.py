"""Downstairs: incidents, people and pages. It knows nothing of checks, cron or a web server."""

from zoneinfo import ZoneInfo, reset_tzpath

# The rules of time zones come from the package tzdata alone. A machine's own rules may be older, and its next update
# would move due times.
reset_tzpath(())
ZoneInfo.clear_cache()
