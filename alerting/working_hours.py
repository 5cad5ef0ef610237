"""The working hours for which a policy lets pages wait that are not critical. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alerting import rotation, times
from alerting.rotation import Window

AHEAD = timedelta(days=9)
"""The time in which windows of weekdays open at least once."""


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """Parts of some weekdays, on the clock on the wall of a zone (IANA)."""

    windows: tuple[Window, ...]
    timezone: str = "UTC"

    def open_at(self, at: datetime) -> datetime:
        """Return the instant itself if it is within the hours, else the next time at which they open."""
        zone = times.zone(self.timezone)
        if rotation.is_within(self.windows, at, zone):
            return at
        openings = rotation.openings(self.windows, at, at + AHEAD, zone)
        return min((opens for opens, _ in openings if opens > at), default=at)


def to_json(hours: WorkingHours | None) -> dict[str, Any] | None:
    """Return the hours as JSON for a row."""
    if hours is None:
        return None
    return {"windows": rotation.windows_to_json(hours.windows), "timezone": hours.timezone}


def from_json(stored: Mapping[str, Any] | None) -> WorkingHours | None:
    """Return the hours of a row. The reverse of `to_json`."""
    return WorkingHours(rotation.windows_from_json(stored["windows"]), stored["timezone"]) if stored else None
