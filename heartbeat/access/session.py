"""Sessions: what one is, and when it is over. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from heartbeat.access.account import User

TOUCHED_EVERY = timedelta(minutes=1)
"""How exactly it is kept when a session was last seen: a page that is looked at writes no more often."""
LONGEST_AGENT = 200
"""Characters kept of what a browser says of itself."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lasts: without being used, and at all."""

    idle: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True)
class Session:
    """One browser in which somebody has signed in. Without a user it began with the admin key."""

    id: int
    user: User | None
    how: str
    remote: str
    agent: str
    made_at: datetime
    seen_at: datetime
    proof: str | None = field(default=None, repr=False)


def stands(one: Session, now: datetime, limits: Limits, proof: str) -> bool:
    """Whether it still lets in. `proof` is the fingerprint of the admin key as it is now."""
    if now >= min(one.seen_at + limits.idle, one.made_at + limits.longest):
        return False
    return one.proof == proof if one.user is None else one.user.enabled


def wants_touch(one: Session, now: datetime) -> bool:
    """Whether it is time to write down that it was seen."""
    return now - one.seen_at >= TOUCHED_EVERY
