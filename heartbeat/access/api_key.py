"""API keys: their names, scopes, roles and expiry. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from heartbeat.access.account import Unfit
from heartbeat.actor import Role

BEGINS = "hb_"
"""The start of every key, by which secret scanners find one that has leaked."""
PREFIX_LENGTH = 9
"""Characters of a key that are stored, so that its owner recognizes it."""
LONGEST_NAME = 100
MOST = 1_000
"""The largest number of keys."""
TOUCHED_EVERY = timedelta(minutes=1)
"""The precision of the time of last use."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class Scope(StrEnum):
    """The purpose of a key: reading through the API, also writing through it, or pinging checks by name."""

    READ = "read"
    WRITE = "write"
    PING = "ping"


@dataclass(frozen=True, slots=True)
class Key:
    """A key, of which only the hash is stored. `role` applies to the API, if the key may write."""

    id: int
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    role: Role
    made_at: datetime
    made_by: str
    ends_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def reads(self) -> bool:
        """True if the key opens the API."""
        return Scope.READ in self.scopes or Scope.WRITE in self.scopes

    @property
    def acts_as(self) -> Role:
        """The role with which it calls the API."""
        return self.role if Scope.WRITE in self.scopes else Role.VIEWER


def name(text: str) -> str:
    """Return the text if it can be the name of a key. Raises `Unfit`."""
    if not _NAME.fullmatch(text):
        raise Unfit(
            f"name: must be 1 to {LONGEST_NAME} of a-z, 0-9 and . _ -, and start with a letter or a digit."
        )
    return text


def scopes(names: Iterable[str]) -> tuple[Scope, ...]:
    """Return the scopes of these names. Raises `Unfit`."""
    chosen = set(names)
    if not chosen or not chosen <= set(Scope):
        raise Unfit(f"scopes: must name at least one of {', '.join(Scope)}.")
    return tuple(scope for scope in Scope if scope in chosen)


def refuse_unfit(scopes_: tuple[Scope, ...], role: Role, ends_at: datetime | None, now: datetime) -> None:
    """Raise `Unfit` if these do not go together."""
    if Scope.WRITE in scopes_ and role is Role.VIEWER:
        raise Unfit("role: a key that writes must be a responder or an admin.")
    if ends_at is not None and ends_at <= now:
        raise Unfit("ends_at: must be after now.")
    if ends_at is not None and Scope.PING in scopes_:
        # Otherwise every job would fall silent on that day, and somebody would be paged for all of them.
        raise Unfit("ends_at: a key for pings does not expire. Revoke it once no job uses it.")


def is_valid(key: Key, now: datetime) -> bool:
    """Return True unless the key has expired."""
    return key.ends_at is None or now < key.ends_at


def wants_touch(key: Key, now: datetime) -> bool:
    """Return True if the use of the key should be recorded now."""
    return key.last_used_at is None or now - key.last_used_at >= TOUCHED_EVERY
