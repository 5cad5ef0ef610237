"""A crontab with a line for every check, which runs its job and pings. Pure.

The lines hold no secret. They take the ping key from a variable that the crontab sets itself. Only where there is no
ping key they name checks by uuid; whoever knows the uuid of a check can ping it.
"""

from collections.abc import Iterator, Sequence

from heartbeat.checks import schedule, schedule_words
from heartbeat.checks.check import Check

PING = "curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null"
"""The command that pings. Its retries cover a restart of the service."""


def lines(checks: Sequence[Check], keys: Sequence[str], public_url: str) -> Iterator[str]:
    """Yield the crontab of all checks. `keys` are the names of the ping keys."""
    if keys:
        yield f"# Put a ping key here ({' or '.join(keys)}). heartbeat does not print it."
        yield "HEARTBEAT_PING_KEY="
    else:
        yield "# There is no ping key, so these lines name each check by its uuid. Keep them from strangers."
    yield "# Each time is in the zone that its comment names: cron must run in that zone."
    for check in checks:
        yield ""
        yield f"# {check.slug}: {schedule_words.in_words(check.schedule)}{_host(check)}"
        address = f"$HEARTBEAT_PING_KEY/{check.slug}" if keys else str(check.uuid)
        yield f'{_times(check)} /path/to/{check.slug}; {PING} "{public_url}/ping/{address}/$?"'


def _times(check: Check) -> str:
    """Return the five fields, or a comment sign and a note if no crontab line has this schedule."""
    return schedule.crontab(check.schedule) or "# no times in crontab(5) have this schedule:"


def _host(check: Check) -> str:
    return f"; host {check.labels['host']}" if "host" in check.labels else ""
