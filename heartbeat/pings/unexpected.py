"""Pings that no check expects: who sent them, under which name, and the check that they may be meant for. Pure."""

from collections.abc import Container, Iterable, Sequence
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
    """The refused pings for one name: no check has it, or their key is unknown. `remote` and `agent` are the last."""

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

    @property
    def by_known_key(self) -> bool:
        """True if they came with a key that exists, so that only their name is wrong."""
        return self.key not in (BY_UUID, UNKNOWN_KEY)


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


def most_useful(
    listed: Iterable[UnexpectedPings], limit: int, existing: Container[str], awaited: Sequence[str]
) -> list[UnexpectedPings]:
    """Return those that help most: names of checks or like an awaited one, then those that came again, then the last.

    `existing` has the slugs of checks, `awaited` those of checks that were never heard.
    """

    def use(pings: UnexpectedPings) -> tuple[bool, bool, datetime]:
        near = pings.name in existing or any(_alike(slug, pings.name) for slug in awaited)
        return near, pings.count > 1, pings.last_at

    return sorted(listed, key=use, reverse=True)[:limit]


def _alike(slug: str, name: str) -> bool:
    matcher = SequenceMatcher(None, slug, name)
    # The first two are upper bounds of the third, and much cheaper.
    return all(
        ratio() >= LIKENESS for ratio in (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio)
    )
