"""Limits on attempts to sign in. Nobody is locked out for good. Pure.

Each process counts the attempts of an address, in bounded memory. The database counts those for a name, so that more
replicas do not allow more attempts.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

TRIES = 10
TRIES_PER = timedelta(minutes=1)
"""Attempts to sign in that an address has, and in which time."""
ACCOUNT_TRIES = 10
ACCOUNT_TRIES_PER = timedelta(minutes=5)
"""Failed attempts that a user name has, from all addresses together, and in which time."""
MAX_REMEMBERED = 10_000
"""Addresses whose attempts are remembered at a time."""


@dataclass(frozen=True, slots=True)
class TryWindow:
    """The attempts for one name, since the first of them."""

    began_at: datetime
    count: int


def until_next(window: TryWindow | None, now: datetime) -> timedelta | None:
    """Return the wait before the next attempt for this name, or None if it may come at once."""
    if window is None or window.count < ACCOUNT_TRIES:
        return None
    left = window.began_at + ACCOUNT_TRIES_PER - now
    return left if left > timedelta() else None


class AddressTries:
    """Count attempts by address, each in a window that starts with the first of them."""

    def __init__(self, most: int, per: timedelta) -> None:
        self._most, self._per = most, per
        self._windows: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def count(self, address: str, now: datetime) -> timedelta | None:
        """Count an attempt; return None if it is allowed, else the wait until the next one is."""
        began, count = self._windows.pop(address, (now, 0))
        if now - began >= self._per:
            began, count = now, 0
        self._windows[address] = began, min(count + 1, self._most + 1)
        if len(self._windows) > MAX_REMEMBERED:
            self._windows.popitem(last=False)
        return began + self._per - now if count >= self._most else None
