"""Pings that no check expects: who sent them, under which name, and the check that they may be meant for. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher
from typing import Final

BY_UUID: Final = ""
UNKNOWN_KEY: Final = "(unknown)"
"""What stands for the name of a ping key if the ping named a uuid, or came with a key that does not exist."""
LIKENESS: Final = 0.75
"""The likeness of two names, of 1, from which on one may be the other mistyped."""


@dataclass(frozen=True, slots=True)
class UnexpectedPings:
    """The pings for one name that no check has. `remote` and `agent` are those of the last one."""

    name: str
    """A slug or a uuid."""
    key: str
    """The name of the ping key, or `BY_UUID`, or `UNKNOWN_KEY`."""
    first_at: datetime
    last_at: datetime
    count: int
    remote: str
    agent: str

    @property
    def by_uuid(self) -> bool:
        """True if they name a uuid. A new check gets another one, so it cannot expect them."""
        return self.key == BY_UUID


@dataclass(slots=True)
class Tally:
    """Unexpected pings for one name, counted until they are written."""

    first_at: datetime
    last_at: datetime
    remote: str
    agent: str
    count: int = field(default=1)


def nearest(slug: str, listed: Sequence[UnexpectedPings]) -> UnexpectedPings | None:
    """Return the pings whose name is most like this slug, None if none is similar."""

    def likeness(pings: UnexpectedPings) -> float:
        return SequenceMatcher(None, slug, pings.name).ratio()

    similar = [pings for pings in listed if not pings.by_uuid and likeness(pings) >= LIKENESS]
    return max(similar, key=lambda pings: (likeness(pings), pings.last_at), default=None)
