"""When the next morning is, where somebody reads. Pure."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

NINE = time(9)


def next_morning(now: datetime, zone: ZoneInfo) -> datetime:
    """The next `NINE` on the clocks of this zone: at 3 a.m. that is the same day's."""
    today = now.astimezone(zone).date()
    for day in (today, today + timedelta(days=1)):
        at = datetime.combine(day, NINE, zone).astimezone(UTC)
        if at > now:
            return at
    raise AssertionError("tomorrow morning is always to come")
