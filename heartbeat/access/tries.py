"""How often somebody may try: counted in bounded memory. Nobody is locked out for good. Pure."""

from collections import OrderedDict
from datetime import datetime, timedelta

TRIES = 10
TRIES_PER = timedelta(minutes=1)
"""Tries to sign in that an address has, and in what time."""
ACCOUNT_TRIES = 10
ACCOUNT_TRIES_PER = timedelta(minutes=5)
"""Wrong tries that a user has, from whatever addresses, and in what time."""
MAX_REMEMBERED = 10_000
"""Addresses or users whose tries are remembered at a time."""


class Tries:
    """Counts tries by address or by user, each in a window that begins with the first of them."""

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

    def forgive(self, who: str) -> None:
        """Whoever has proved to be right starts afresh."""
        self._windows.pop(who, None)
