"""The checks that pings may create: so many in all, and so many with one key in an hour. Pure.

Checks that somebody has defined since do not count, whoever created them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from heartbeat.pings.usage import CREATED, Used, of_key

HOUR = timedelta(hours=1)
_FEWEST_AN_HOUR = 100


@dataclass(frozen=True, slots=True)
class CreationLimit:
    """The checks that pings may create in all. With one key, they may create a tenth of that in an hour."""

    in_all: int = 10_000

    @property
    def an_hour(self) -> int:
        """The checks that one key may create in an hour. Few in all are no reason to take long for them."""
        return max(self.in_all // 10, _FEWEST_AN_HOUR)


BY_DEFAULT = CreationLimit()


def admitted(
    firsts: Iterable[tuple[str, str]], used: Mapping[str, Used], limit: CreationLimit, now: datetime
) -> tuple[set[str], dict[str, Used]]:
    """Return the slugs of the checks that may be created, and what is used then, as far as it changes.

    `firsts` are pairs of a slug and the name of the key that it came with.
    """
    slugs: set[str] = set()
    changed: dict[str, Used] = {}
    for slug, key in firsts:
        whole = changed.get(CREATED) or used.get(CREATED) or Used(0, now)
        own = changed.get(of_key(key)) or in_this_hour(used.get(of_key(key)), now)
        if whole.count < limit.in_all and own.count < limit.an_hour:
            slugs.add(slug)
            changed[CREATED] = Used(whole.count + 1, now, key)
            changed[of_key(key)] = Used(own.count + 1, own.since, key)
    return slugs, changed


def in_this_hour(used: Used | None, now: datetime) -> Used:
    """Return what a key has used in its present hour. A new hour begins with the first check after the last one."""
    if used is None or not timedelta() <= now - used.since < HOUR:
        return Used(0, now)
    return used
