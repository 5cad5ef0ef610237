"""The only now() of the service. Decisions take `now` as an argument, and the event loop does the waiting."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The source of the time for acting rooms: timezone-aware, in UTC."""

    def now(self) -> datetime: ...

    def correct(self, offset: timedelta) -> None:
        """Use the database's time, which is ahead of this machine's by `offset`."""
        ...


class WallClock:
    """The machine's clock, corrected by the measured offset of the database's clock, so that replicas agree."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def correct(self, offset: timedelta) -> None:
        self.offset = offset
