"""The only now() of the service. Decisions take `now` as an argument, and the event loop does the waiting."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4

from heartbeat.clock_reading import Reading

_BOOT_CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""It goes on while the machine sleeps, and nobody can set it."""
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_JITTER: Final = timedelta(milliseconds=20)


class Clock(Protocol):
    """The source of the time for acting rooms: timezone-aware, in UTC."""

    @property
    def boot(self) -> str:
        """The start of this machine, by a name that no other start of any machine has."""
        ...

    def now(self) -> datetime: ...

    def elapsed(self) -> float:
        """Return the seconds since `boot`, whatever the clock was set to meanwhile."""
        ...

    def agree(self, reading: Reading) -> timedelta:
        """Take the time from the database, whose clock was read. Return how far it is ahead of this machine's."""
        ...


class WallClock:
    """The machine's clock. Once it has agreed with the database, it shows the database's time, so that replicas agree.

    From then on it counts by the time since the machine started: whoever sets this machine's clock changes nothing.
    """

    def __init__(self) -> None:
        self.boot = _boot()
        self._zero: datetime | None = None

    def now(self) -> datetime:
        return datetime.now(UTC) if self._zero is None else self._zero + timedelta(seconds=self.elapsed())

    def elapsed(self) -> float:
        return time.clock_gettime(_BOOT_CLOCK)

    def agree(self, reading: Reading) -> timedelta:
        zero = reading.at - timedelta(seconds=reading.elapsed)
        if self._zero is None or abs(zero - self._zero) > _JITTER + reading.error:
            self._zero = zero
        return zero + timedelta(seconds=self.elapsed()) - datetime.now(UTC)


def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return str(uuid4())
