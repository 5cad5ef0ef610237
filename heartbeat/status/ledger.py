"""The SQL of the days of the public pages: what they are counted from, and what was counted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from heartbeat.status import tables
from heartbeat.status.uptime import Day, Place
from heartbeat.tables import checks, transitions

_DAYS = (tables.days, tables.region_days)
_COUNTED = tuple(field.name for field in fields(Day))
BATCH = 500
"""Checks that one statement names, at most: databases limit the parameters of a statement."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A check as far as its days are concerned."""

    id: int
    labels: dict[str, str]
    state: str
    since: datetime


def watched(db: Connection) -> list[Watched]:
    """Every check."""
    query = select(checks.c.id, checks.c.labels, checks.c.state, checks.c.since)
    return [Watched(*row) for row in db.execute(query)]


def moved(db: Connection, since: datetime, limit: int) -> list[Watched]:
    """The checks that changed their state from then on, up to so many."""
    those = select(transitions.c.check_id).where(transitions.c.at >= since).distinct().limit(limit)
    query = select(checks.c.id, checks.c.labels, checks.c.state, checks.c.since)
    return [Watched(*row) for row in db.execute(query.where(checks.c.id.in_(those)))]


def changes(db: Connection, ids: Sequence[int], since: datetime) -> dict[int, list[tuple[datetime, str]]]:
    """When each of these checks changed its state from then on, oldest first."""
    found: dict[int, list[tuple[datetime, str]]] = {}
    for some in _batches(ids):
        query = (
            select(transitions.c.check_id, transitions.c.at, transitions.c.state)
            .where(transitions.c.check_id.in_(some), transitions.c.at >= since)
            .order_by(transitions.c.id)
        )
        for number, at, state in db.execute(query):
            found.setdefault(number, []).append((at, state))
    return found


def states_before(db: Connection, ids: Sequence[int], at: datetime) -> dict[int, str]:
    """The state of each of these checks just before, as far as its changes tell."""
    found: dict[int, str] = {}
    for some in _batches(ids):
        last = (
            select(func.max(transitions.c.id))
            .where(transitions.c.check_id.in_(some), transitions.c.at < at)
            .group_by(transitions.c.check_id)
        )
        query = select(transitions.c.check_id, transitions.c.state).where(transitions.c.id.in_(last))
        found |= {row.check_id: row.state for row in db.execute(query)}
    return found


def last_days(db: Connection, page: str) -> dict[Place, date]:
    """The last day that was counted of each component of a page, everywhere and in each region."""
    found: dict[Place, date] = {}
    for table in _DAYS:
        place = _place(table)
        query = select(*place, func.max(table.c.day)).where(table.c.page == page).group_by(*place)
        found |= {(name, region): day for name, region, day in db.execute(query)}
    return found


def days(db: Connection, page: str, since: date) -> dict[Place, dict[date, Day]]:
    """The days of a page from then on, by what they were counted of."""
    found: dict[Place, dict[date, Day]] = {}
    for table in _DAYS:
        counted = [table.c[name] for name in _COUNTED]
        query = select(*_place(table), *counted).where(table.c.page == page, table.c.day >= since)
        for name, region, *row in db.execute(query):
            found.setdefault((name, region), {})[row[0]] = Day(*row)
    return found


def put_days(db: Connection, page: str, counted: Mapping[Place, Sequence[Day]]) -> None:
    """Write these days, over those that are there. Several processes may count the same at once."""
    # In one order, so that two processes wait for each other instead of blocking each other.
    rows: list[dict[str, Any]] = [
        {"page": page, "component": component, "region": region, **asdict(one)}
        for (component, region), some in sorted(counted.items())
        for one in some
    ]
    _put(db, tables.days, [row for row in rows if not row["region"]])
    _put(db, tables.region_days, [row for row in rows if row["region"]])


def forget_days(db: Connection, before: date) -> None:
    """Delete what no page shows any more."""
    for table in _DAYS:
        db.execute(delete(table).where(table.c.day < before))


def _put(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    added = (postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert)(table)
    key = [column.name for column in table.primary_key]
    over = {name: value for name, value in added.excluded.items() if name not in key}
    names = [column.name for column in table.columns]
    known = [{name: row[name] for name in names} for row in rows]
    db.execute(added.on_conflict_do_update(index_elements=key, set_=over), known)


def _place(table: Table) -> tuple[ColumnElement[str], ColumnElement[str]]:
    """The component and the region of a row; the table of days everywhere has no such column."""
    return table.c.component, table.c.region if "region" in table.c else literal("")


def _batches(ids: Sequence[int]) -> Iterator[Iterable[int]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
