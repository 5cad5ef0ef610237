"""The SQL of the days of the public pages: what they are counted from, and what was counted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from heartbeat.status import tables
from heartbeat.status.uptime import Day
from heartbeat.tables import checks, transitions

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


def last_days(db: Connection, page: str) -> dict[str, date]:
    """The last day that was counted of each component of a page."""
    days = tables.days
    query = (
        select(days.c.component, func.max(days.c.day).label("day"))
        .where(days.c.page == page)
        .group_by(days.c.component)
    )
    return {row.component: row.day for row in db.execute(query)}


def days(db: Connection, page: str, since: date) -> dict[str, dict[date, Day]]:
    """The days of a page from then on, by component."""
    query = select(tables.days).where(tables.days.c.page == page, tables.days.c.day >= since)
    found: dict[str, dict[date, Day]] = {}
    for row in db.execute(query):
        day = Day(row.day, row.up, row.degraded, row.down, row.maintenance, row.unknown)
        found.setdefault(row.component, {})[row.day] = day
    return found


def put_days(db: Connection, page: str, component: str, counted: Sequence[Day]) -> None:
    """Write these days, over those that are there. Several processes may count the same at once."""
    rows: list[dict[str, Any]] = [{"page": page, "component": component, **asdict(one)} for one in counted]
    if rows:
        added = (postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert)(tables.days)
        key = [column.name for column in tables.days.primary_key]
        over = {name: value for name, value in added.excluded.items() if name not in key}
        db.execute(added.on_conflict_do_update(index_elements=key, set_=over), rows)


def forget_days(db: Connection, before: date) -> None:
    """Delete what no page shows any more."""
    db.execute(delete(tables.days).where(tables.days.c.day < before))


def _batches(ids: Sequence[int]) -> Iterator[Iterable[int]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
