"""Limits on attempts to sign in. Nobody is locked out for good. Pure.

Each process counts the attempts of an address, in bounded memory. The database counts those for a name, so that more
replicas do not allow more attempts.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

TRIES = 10
TRIES_PER = timedelta(minutes=1)
"""Attempts to sign in that an address has, and in which time."""
KEY_TRIES = 30
"""Wrong API keys that an address may send in a minute."""
ACCOUNT_TRIES = 10
ACCOUNT_TRIES_PER = timedelta(minutes=5)
"""Failed attempts that a user name has, from all addresses together, and in which time."""
CODES_IN_A_ROW = 100
"""Wrong codes of a second factor in a row, however long they take, after which codes are refused (NIST SP 800-63B)."""
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


def sender_of(address: str) -> str:
    """Return what the attempts of an address count for: an IPv6 client can use every address of its /64."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or f"{IPv6Address(int(parsed) >> 64 << 64)}/64")


class AddressTries:
    """Count attempts by `sender_of` their address, each in a window that starts with the first of them."""

    def __init__(self, most: int, per: timedelta) -> None:
        self._most, self._per = most, per
        self._windows: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def count(self, address: str, now: datetime) -> timedelta | None:
        """Count an attempt; return None if it is allowed, else the wait until the next one is."""
        sender = sender_of(address)
        wait = self.wait(address, now)
        began, count = self._windows.pop(sender, (now, 0))
        # A window that begins later is one of a clock that was ahead.
        if not began <= now < began + self._per:
            began, count = now, 0
        self._windows[sender] = began, min(count + 1, self._most + 1)
        if len(self._windows) > MAX_REMEMBERED:
            self._windows.popitem(last=False)
        return wait

    def wait(self, address: str, now: datetime) -> timedelta | None:
        """Return the wait until the next attempt is allowed, None if it is now. Count nothing."""
        began, count = self._windows.get(sender_of(address), (now, 0))
        return began + self._per - now if count >= self._most and began <= now < began + self._per else None
