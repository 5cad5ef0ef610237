"""The next morning in the reader's zone. Pure."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

NINE = time(9)


def next_morning(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the next 09:00 in a zone: at 3 a.m. that of the same day."""
    today = now.astimezone(zone).date()
    for day in (today, today + timedelta(days=1)):
        at = datetime.combine(day, NINE, zone).astimezone(UTC)
        if at > now:
            return at
    raise AssertionError("tomorrow morning is in the future")
