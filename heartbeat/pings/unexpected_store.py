"""The SQL of unexpected pings: at most `KEEP` names with a known key and as many others, the most useful ones.

A stranger can send any name, so what came without a known key has a budget of its own.
"""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, distinct, exists, func, or_, select, tuple_

from alerting.sql import insert_many
from heartbeat.checks.tables import checks
from heartbeat.pings.tables import unexpected_pings
from heartbeat.pings.unexpected import UNKNOWN_KEY, UnexpectedPings, most_useful

KEEP = 200
"""Names that are kept of each kind."""
AWAITED = 50
"""Checks that were never heard, newest first, whose names those of pings are compared with."""
FORGET_AFTER = timedelta(days=30)
"""A name that was not seen for this long is forgotten."""

_ADD_UP = """ON CONFLICT (name, key) DO UPDATE SET
count = unexpected_pings.count + excluded.count, first_at = excluded.first_at, last_at = excluded.last_at,
remote = excluded.remote, agent = excluded.agent"""


def add(db: Connection, counted: Iterable[UnexpectedPings], now: datetime) -> None:
    """Add these pings to those of the same names, and forget the oldest ones."""
    earlier = {(pings.name, pings.key): pings for pings in _all(db)}
    rows = []
    for pings in counted:
        old = earlier.get((pings.name, pings.key), pings)
        times = {
            "first_at": min(old.first_at, pings.first_at),
            "last_at": max(old.last_at, pings.last_at),
        }
        rows.append(asdict(pings) | times)
    insert_many(db, unexpected_pings, rows, on_conflict=_ADD_UP)
    table = unexpected_pings
    db.execute(delete(table).where((table.c.last_at < now - FORGET_AFTER) | _expected()))
    remaining = _all(db)
    for known in (True, False):
        _shorten(db, [pings for pings in remaining if pings.by_known_key is known])


def listed(db: Connection) -> list[UnexpectedPings]:
    """Return the pings that are refused, the last ones first."""
    return _all(db, ~_expected())


def count(db: Connection) -> int:
    """Count the names whose pings are refused."""
    query = select(func.count(distinct(unexpected_pings.c.name))).where(~_expected())
    return db.execute(query).scalar_one()


def names_of_checks(db: Connection, listed: Iterable[UnexpectedPings]) -> set[str]:
    """Return those of the names that a check has. Their pings came with a key that is unknown."""
    return set(db.execute(select(checks.c.slug).where(checks.c.slug.in_({p.name for p in listed}))).scalars())


def _shorten(db: Connection, listed: list[UnexpectedPings]) -> None:
    """Delete all but the `KEEP` most useful ones."""
    if len(listed) <= KEEP:
        return
    never_heard = (
        checks.c.last_ok_at.is_(None) & checks.c.last_fail_at.is_(None) & checks.c.last_other_at.is_(None)
    )
    awaited = select(checks.c.slug).where(never_heard).order_by(checks.c.id.desc()).limit(AWAITED)
    kept = most_useful(listed, KEEP, names_of_checks(db, listed), db.execute(awaited).scalars().all())
    gone = {(pings.name, pings.key) for pings in listed} - {(pings.name, pings.key) for pings in kept}
    db.execute(
        delete(unexpected_pings).where(tuple_(unexpected_pings.c.name, unexpected_pings.c.key).in_(gone))
    )


def _all(db: Connection, *conditions: ColumnElement[bool]) -> list[UnexpectedPings]:
    order = unexpected_pings.c.last_at.desc(), unexpected_pings.c.name
    query = select(unexpected_pings).where(*conditions).order_by(*order)
    return [UnexpectedPings(**row) for row in db.execute(query).mappings()]


def _expected() -> ColumnElement[bool]:
    """A check has the name by now. If the key is unknown, the check must have been heard since."""
    heard = (checks.c.last_ok_at, checks.c.last_fail_at, checks.c.last_other_at)
    heard_since = or_(*(at >= unexpected_pings.c.last_at for at in heard))
    known = unexpected_pings.c.key != UNKNOWN_KEY
    return exists().where(checks.c.slug == unexpected_pings.c.name, known | heard_since)
