"""A sentence on a screen: words and instants. Pure.

The template gives each instant its `<time>`, so that its zone is always known.
"""

from datetime import datetime, timedelta
from typing import Self

from alerting import times


class ZoneTime(str):
    """The local time, in `zone`, of the instant in front of it."""

    __slots__ = ("zone",)

    def __new__(cls, words: str, zone: str) -> Self:
        time = super().__new__(cls, words)
        time.zone = zone
        return time

    zone: str


Words = tuple[str | datetime, ...]


def ahead(at: datetime, now: datetime) -> str:
    """Return the time until `at`: "in 4 h", "now"."""
    return f"in {times.duration(at - now)}" if at - now >= timedelta(seconds=1) else "now"
