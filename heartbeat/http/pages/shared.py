"""Facts about all checks, which the readers of a large installation share for some seconds.

They are read anew as soon as a check has changed its state or somebody has changed anything: see `versions`. What only
time and pings change may be shown so many seconds late.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection

from heartbeat.checks import roll
from heartbeat.http.pages import versions

T = TypeVar("T")

MANY = 5_000
"""Checks from which on facts about them are shared. With fewer, each view reads its own."""
SHARED_FOR = timedelta(seconds=5)
_TOPIC = "checks"


class Everything:
    """All checks at an instant: the roll, and facts that are read when somebody first asks for them."""

    def __init__(self, db: Connection, now: datetime, version: str) -> None:
        self.roll = roll.call(db, now)
        self._read_at = now
        self._version = version
        self._facts: dict[str, Any] = {}
        self._reading = Lock()

    def fact(self, name: str, read: Callable[[], T]) -> T:
        """Return the fact of this name, which `read` reads."""
        with self._reading:
            if name not in self._facts:
                self._facts[name] = read()
            fact: T = self._facts[name]
            return fact

    def holds(self, now: datetime, version: str) -> bool:
        """Return True while it may be shown for the checks as they are at `now`, in this version."""
        age = now - self._read_at
        return self.roll.total >= MANY and self._version == version and timedelta() <= age < SHARED_FOR


class Shared:
    """What the readers of this process share."""

    def __init__(self) -> None:
        self._last: Everything | None = None
        self._reading = Lock()

    def everything(self, db: Connection, now: datetime) -> Everything:
        """Return all checks as they are now, or were some seconds ago."""
        version = versions.versions(db, [_TOPIC])[_TOPIC]
        # Readers who come while one reads wait for what that one reads.
        with self._reading:
            if self._last is None or not self._last.holds(now, version):
                self._last = Everything(db, now, version)
            return self._last
