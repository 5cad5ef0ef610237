"""The SQL of changes: a version of each topic on somebody's screen, cheap enough to be read each second.

Topics are `checks` (a state or a definition changed), `checks/SLUG` (that check was heard or changed), `incidents`
(a timeline changed), `incidents/NUMBER`, and `codes` (a code that proves a contact was sent, arrived or was used). Time
alone changes no version.
"""

from collections.abc import Collection, Mapping
from hashlib import sha256

from sqlalchemy import Column, Connection, select

from alerting import desk
from heartbeat.checks.tables import checks, transitions
from heartbeat.tables import audit

RECENT = 50
"""Rows at the end of a log that make a version. A transaction that began earlier may commit later, and its row
then stands in front of the last one."""
LONGEST_NUMBER = 18

Versions = Mapping[str, str]


def versions(db: Connection, topics: Collection[str]) -> dict[str, str]:
    """Return the version of each topic. Topics of checks and incidents that do not exist have a version too."""
    marks = dict.fromkeys(topics, _mark())
    if "checks" in marks:
        marks["checks"] = _mark(_newest(db, transitions.c.id), _newest(db, audit.c.id))
    if "incidents" in marks:
        marks["incidents"] = _mark(desk.newest_entries(db, RECENT))
    if "codes" in marks:
        marks["codes"] = _mark(desk.contact_code_store.newest(db, RECENT))
    slugs = [topic.removeprefix("checks/") for topic in marks if topic.startswith("checks/")]
    if slugs:
        columns = (
            checks.c.slug,
            checks.c.pings,
            checks.c.last_other_at,
            checks.c.state,
            checks.c.since,
            checks.c.name,
        )
        for row in db.execute(select(*columns).where(checks.c.slug.in_(slugs))):
            marks[f"checks/{row.slug}"] = _mark(*row)
    numbers = [number for topic in marks if (number := _incident(topic)) is not None]
    if numbers:
        stories = desk.timeline_ends(db, numbers)
        marks |= {f"incidents/{number}": _mark(stories.get(number)) for number in numbers}
    return marks


def written(versions: Versions) -> str:
    """Return versions as text, one word each: `checks=0a1b incidents/3=2c3d`."""
    return " ".join(f"{topic}={version}" for topic, version in sorted(versions.items()))


def read(text: str) -> dict[str, str]:
    """Return the versions in a text of `written`; anything else is left out."""
    parts = [part.rpartition("=") for part in text.split(" ")]
    return {topic: version for topic, is_one, version in parts if is_one}


def is_topic(text: str) -> bool:
    """Return True for a valid topic."""
    return (
        text in ("checks", "codes", "incidents") or text.startswith("checks/") or _incident(text) is not None
    )


def _incident(topic: str) -> int | None:
    number = topic.removeprefix("incidents/")
    is_number = number != topic and number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER
    return int(number) if is_number else None


def _newest(db: Connection, column: Column[int]) -> list[int]:
    return list(db.execute(select(column).order_by(column.desc()).limit(RECENT)).scalars())


def _mark(*facts: object) -> str:
    return sha256(repr(facts).encode()).hexdigest()[:10]
