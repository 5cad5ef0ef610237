"""The SQL of unexpected pings: at most `KEEP` names, of which those that were not seen for longest leave first."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, exists, func, select, tuple_

from alerting.sql import insert_many
from heartbeat.checks.tables import checks
from heartbeat.pings.tables import unexpected_pings
from heartbeat.pings.unexpected import UnexpectedPings

KEEP = 200
"""Names that are kept."""
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
    newest = select(table.c.name, table.c.key).order_by(table.c.last_at.desc(), table.c.name).limit(KEEP)
    kept = [tuple(row) for row in db.execute(newest)]
    gone = tuple_(table.c.name, table.c.key).not_in(kept) | (table.c.last_at < now - FORGET_AFTER)
    db.execute(delete(table).where(gone | _expected()))


def listed(db: Connection) -> list[UnexpectedPings]:
    """Return the pings that no check expects, the last ones first."""
    return _all(db, ~_expected())


def count(db: Connection) -> int:
    """Count the names that were pinged and that no check has."""
    query = select(func.count()).select_from(unexpected_pings).where(~_expected())
    return db.execute(query).scalar_one()


def _all(db: Connection, *conditions: ColumnElement[bool]) -> list[UnexpectedPings]:
    order = unexpected_pings.c.last_at.desc(), unexpected_pings.c.name
    query = select(unexpected_pings).where(*conditions).order_by(*order)
    return [UnexpectedPings(**row) for row in db.execute(query).mappings()]


def _expected() -> ColumnElement[bool]:
    """A check has the name by now."""
    return exists().where(checks.c.slug == unexpected_pings.c.name)
