"""Keys for programs: what they may be called, what they may do, and when they are over. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from heartbeat.access.account import Unfit
from heartbeat.who import Role

BEGINS = "hb_"
"""How every key begins, so that one which has leaked can be found by what looks for such."""
SHOWN = 9
"""Characters of a key by which its owner knows it again."""
LONGEST_NAME = 100
MOST = 1_000
"""Keys that there can be."""
TOUCHED_EVERY = timedelta(minutes=1)
"""How exactly it is kept when a key was last used."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class Scope(StrEnum):
    """What a key is for: looking by the API; also changing by the API; pinging checks by their names."""

    READ = "read"
    WRITE = "write"
    PING = "ping"


@dataclass(frozen=True, slots=True)
class Key:
    """A key, of which only the hash is kept. `role` is what it may do by the API where it may write."""

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
        """Whether it opens the API at all."""
        return Scope.READ in self.scopes or Scope.WRITE in self.scopes

    @property
    def acts_as(self) -> Role:
        """The role by which it calls the API."""
        return self.role if Scope.WRITE in self.scopes else Role.VIEWER


def name(given: str) -> str:
    """What a key is called. Raises `Unfit`."""
    if not _NAME.fullmatch(given):
        raise Unfit(
            f"name: must be 1 to {LONGEST_NAME} of a-z, 0-9 and . _ -, and begin with a letter or a digit."
        )
    return given


def scopes(given: Iterable[str]) -> tuple[Scope, ...]:
    """What a key is to be for. Raises `Unfit`."""
    wanted = set(given)
    if not wanted or not wanted <= set(Scope):
        raise Unfit(f"scopes: must name at least one of {', '.join(Scope)}.")
    return tuple(scope for scope in Scope if scope in wanted)


def refuse_unfit(scopes_: tuple[Scope, ...], role: Role, ends_at: datetime | None, now: datetime) -> None:
    """Raise `Unfit` where these do not go together."""
    if Scope.WRITE in scopes_ and role is Role.VIEWER:
        raise Unfit("role: a key that writes must be a responder or an admin.")
    if ends_at is not None and ends_at <= now:
        raise Unfit("ends_at: must be after now.")
    if ends_at is not None and Scope.PING in scopes_:
        # On that day every job would look silent at once, and somebody would be paged for all of them.
        raise Unfit("ends_at: a key for pings does not expire; revoke it when no job uses it any more.")


def stands(one: Key, now: datetime) -> bool:
    """Whether it still opens anything."""
    return one.ends_at is None or now < one.ends_at


def wants_touch(one: Key, now: datetime) -> bool:
    """Whether it is time to write down that it was used."""
    return one.last_used_at is None or now - one.last_used_at >= TOUCHED_EVERY
