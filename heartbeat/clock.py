"""Time: the only now() of the service. Decisions take `now` as an argument; waiting is the event loop's."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the acting rooms ask for the time: aware, in UTC."""

    def now(self) -> datetime: ...

    def correct(self, offset: timedelta) -> None:
        """The database's clock is ahead of this machine's by `offset`: tell the time by the database's."""
        ...


class WallClock:
    """The machine's clock, corrected by its measured offset to the database's clock, so that replicas agree."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def correct(self, offset: timedelta) -> None:
        self.offset = offset
