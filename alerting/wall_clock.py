"""Instants at which a clock on the wall shows a time, also where it is put forward or back. Pure.

Where the clock shows a time twice there is a first and a last instant. Where it skips a time, both are the instant of
the skip. Both functions never go back as the time on the wall goes on, so that spans between them leave no hole.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=8192)
def first(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant at which the clock shows `wall` (naive), in UTC."""
    return _shown(wall, zone, 0)


@lru_cache(maxsize=8192)
def last(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the last instant at which the clock shows `wall` (naive), in UTC."""
    return _shown(wall, zone, 1)


def shown(at: datetime, zone: ZoneInfo) -> datetime:
    """Return what the clock shows at an instant, without a zone."""
    return at.astimezone(zone).replace(tzinfo=None)


def _shown(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    at = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    if shown(at, zone) == wall:
        return at
    # The clock skips this time. By its offset from before the skip it would come after it, and the other way round.
    low, high = sorted(wall.replace(tzinfo=zone, fold=side).astimezone(UTC) for side in (0, 1))
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        low, high = (low, middle) if shown(middle, zone) > wall else (middle, high)
    return high.replace(microsecond=0)
