"""Sessions of signed-in browsers, and when they end. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from heartbeat.access.account import User

TOUCHED_EVERY = timedelta(minutes=1)
"""The precision of the time of last use: an open page writes no more often."""
LONGEST_AGENT = 200
"""Characters of the browser's User-Agent that are stored."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The time after which a session ends: without use, and at the latest."""

    idle: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser. Without a user, it signed in with the admin key."""

    id: int
    user: User | None
    how: str
    remote: str
    agent: str
    made_at: datetime
    seen_at: datetime
    proof: str | None = field(default=None, repr=False)

    @property
    def browser(self) -> str:
        """The browser in words, such as "Firefox on Linux"; its user agent if that is of no known browser."""
        return browser_of(self.agent)


_BROWSERS: Final = {
    # The first mark counts: others give the names of those whose pages they want to be shown.
    "Edg": "Edge", "OPR/": "Opera", "SamsungBrowser/": "Samsung Internet", "Firefox/": "Firefox", "FxiOS/": "Firefox",
    "CriOS/": "Chrome", "Chrome/": "Chrome", "Safari/": "Safari",
}  # fmt: skip
_SYSTEMS: Final = {
    "iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "CrOS": "ChromeOS", "Windows": "Windows",
    "Mac OS X": "macOS", "Linux": "Linux",
}  # fmt: skip


def browser_of(agent: str) -> str:
    """Return the browser with this User-Agent in words."""
    name = next((name for mark, name in _BROWSERS.items() if mark in agent), "")
    system = next((system for mark, system in _SYSTEMS.items() if mark in agent), "")
    return f"{name} on {system}" if name and system else name or agent or "unknown"


def is_valid(session: Session, now: datetime, limits: Limits, proof: str) -> bool:
    """Return True while the session admits its browser. `proof` is the fingerprint of the present admin key."""
    if now >= min(session.seen_at + limits.idle, session.made_at + limits.longest):
        return False
    return session.proof == proof if session.user is None else session.user.enabled


def wants_touch(session: Session, now: datetime) -> bool:
    """Return True if the use of the session should be recorded now."""
    return now - session.seen_at >= TOUCHED_EVERY
