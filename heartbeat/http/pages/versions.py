"""The SQL of what has changed: a version of each topic that somebody looks at, cheap enough to be asked each second.

Topics are `checks` (a state or a definition changed), `checks/SLUG` (that check was heard or changed), `incidents`
(anything was told of any) and `incidents/NUMBER`. What only follows from the time changes no version.
"""

from collections.abc import Collection, Mapping
from hashlib import sha256

from sqlalchemy import Column, Connection, select

from alerting import desk
from heartbeat.checks.tables import checks, transitions
from heartbeat.tables import audit

RECENT = 50
"""Rows at the end of a log that a version is made of. A transaction that began earlier may be committed later: its
row then comes to stand before the last one."""
LONGEST_NUMBER = 18

Versions = Mapping[str, str]


def versions(db: Connection, topics: Collection[str]) -> dict[str, str]:
    """The version of each of these topics; of what there is not, it is that of nothing."""
    found = dict.fromkeys(topics, _mark())
    if "checks" in found:
        found["checks"] = _mark(_newest(db, transitions.c.id), _newest(db, audit.c.id))
    if "incidents" in found:
        found["incidents"] = _mark(desk.newest_entries(db, RECENT))
    slugs = [topic.removeprefix("checks/") for topic in found if topic.startswith("checks/")]
    if slugs:
        columns = (checks.c.slug, checks.c.pings, checks.c.state, checks.c.since, checks.c.name)
        for row in db.execute(select(*columns).where(checks.c.slug.in_(slugs))):
            found[f"checks/{row.slug}"] = _mark(*row)
    numbers = [number for topic in found if (number := _incident(topic)) is not None]
    if numbers:
        told = desk.told_of(db, numbers)
        found |= {f"incidents/{number}": _mark(told.get(number)) for number in numbers}
    return found


def written(known: Versions) -> str:
    """Versions as one word each: `checks=0a1b incidents/3=2c3d`."""
    return " ".join(f"{topic}={version}" for topic, version in sorted(known.items()))


def read(text: str) -> dict[str, str]:
    """Back from what `written` gave; anything else is left out."""
    parts = [part.rpartition("=") for part in text.split(" ")]
    return {topic: version for topic, is_one, version in parts if is_one}


def is_topic(text: str) -> bool:
    """Whether this is a topic that can be asked for."""
    return text in ("checks", "incidents") or text.startswith("checks/") or _incident(text) is not None


def _incident(topic: str) -> int | None:
    number = topic.removeprefix("incidents/")
    known = number != topic and number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER
    return int(number) if known else None


def _newest(db: Connection, column: Column[int]) -> list[int]:
    return list(db.execute(select(column).order_by(column.desc()).limit(RECENT)).scalars())


def _mark(*facts: object) -> str:
    return sha256(repr(facts).encode()).hexdigest()[:10]
