"""How often somebody may try. Nobody is locked out for good. Pure.

Tries of an address are counted by each process, in bounded memory; those for a name in the database, so that there are
no more of them where there are more replicas.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

TRIES = 10
TRIES_PER = timedelta(minutes=1)
"""Tries to sign in that an address has, and in what time."""
ACCOUNT_TRIES = 10
ACCOUNT_TRIES_PER = timedelta(minutes=5)
"""Wrong tries that a user has, from whatever addresses, and in what time."""
MAX_REMEMBERED = 10_000
"""Addresses whose tries are remembered at a time."""


@dataclass(frozen=True, slots=True)
class Window:
    """Tries for one name since the first of them."""

    began_at: datetime
    count: int


def until_next(window: Window | None, now: datetime) -> timedelta | None:
    """How long to wait before this name may be tried once more; None where it may be at once."""
    if window is None or window.count < ACCOUNT_TRIES:
        return None
    left = window.began_at + ACCOUNT_TRIES_PER - now
    return left if left > timedelta() else None


class Tries:
    """Counts tries by address, each in a window that begins with the first of them."""

    def __init__(self, most: int, per: timedelta) -> None:
        self._most, self._per = most, per
        self._windows: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def another(self, who: str, now: datetime) -> timedelta | None:
        """Count a try; None where it is allowed, else how long to wait for the next that is."""
        began, count = self._windows.pop(who, (now, 0))
        if now - began >= self._per:
            began, count = now, 0
        self._windows[who] = began, min(count + 1, self._most + 1)
        if len(self._windows) > MAX_REMEMBERED:
            self._windows.popitem(last=False)
        return began + self._per - now if count >= self._most else None
