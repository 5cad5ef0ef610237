"""One life of the service, and the points at which it may die."""

import asyncio
from collections import Counter
from enum import StrEnum


class Point(StrEnum):
    """Where a crash hurts most."""

    BEFORE_COMMIT = "before commit"
    AFTER_COMMIT = "after commit"
    BEFORE_SEND = "before send"
    AFTER_SEND = "after send"


class Crash(BaseException):
    """The process is gone. No `except Exception` survives this."""

    def __init__(self, point: Point | None) -> None:
        super().__init__(point)
        self.point = point


class Fate:
    """Decides at which of the points to come the service dies. It outlives every process."""

    def __init__(self) -> None:
        self.passed: Counter[Point] = Counter()
        self._left: int | None = None
        self._at: Point | None = None

    def strike(self, at: Point | None, skip: int) -> None:
        """Let `skip` points (of the kind `at`, where that is given) pass, and strike at the next."""
        self._at, self._left = at, skip

    def relent(self) -> None:
        """Strike no more."""
        self._left = None

    def strikes(self, point: Point) -> bool:
        """Whether this is the point."""
        self.passed[point] += 1
        if self._left is None or self._at not in (None, point):
            return False
        self._left -= 1
        if self._left >= 0:
            return False
        self._left = None
        return True


class Process:
    """From a start to a crash or a stop. A dead process does nothing any more, whatever its tasks still try."""

    def __init__(self, fate: Fate) -> None:
        self.died = asyncio.Event()
        self._fate = fate

    @property
    def alive(self) -> bool:
        return not self.died.is_set()

    def die(self) -> None:
        self.died.set()

    def reach(self, point: Point) -> None:
        """Raise `Crash` where the process is dead, or dies here."""
        self.must_live()
        if self._fate.strikes(point):
            self.die()
            raise Crash(point)

    def must_live(self) -> None:
        """Raise `Crash` where the process is dead."""
        if not self.alive:
            raise Crash(None)
