"""The SQL of counted days: the checks and changes that they are counted from, and the days themselves."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Text, cast, delete, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from heartbeat.checks.tables import checks, transitions
from heartbeat.status import tables
from heartbeat.status.uptime.days import ComponentRegion, Day

_DAYS = (tables.days, tables.region_days)
_COUNTED = tuple(field.name for field in fields(Day))
BATCH = 500
"""The largest number of checks in one statement: databases limit its parameters."""


@dataclass(frozen=True, slots=True)
class CheckState:
    """The labels and the state of a check, or of several alike, whose number is 0."""

    id: int
    labels: dict[str, str]
    state: str
    since: datetime


def every_check(db: Connection, since: datetime) -> list[CheckState]:
    """Return all checks. Those with the same labels, and one state since then, are one with the number 0."""
    labels = cast(checks.c.labels, Text)
    unchanged = select(labels, checks.c.state).where(checks.c.since <= since).distinct()
    changed = select(checks.c.id, checks.c.labels, checks.c.state, checks.c.since)
    return [
        *(CheckState(0, json.loads(text), state, since) for text, state in db.execute(unchanged)),
        *(CheckState(*row) for row in db.execute(changed.where(checks.c.since > since))),
    ]


def changed_checks(db: Connection, since: datetime, limit: int) -> list[CheckState]:
    """Return up to `limit` checks that have changed their state since then."""
    changed = select(transitions.c.check_id).where(transitions.c.at >= since).distinct().limit(limit)
    query = select(checks.c.id, checks.c.labels, checks.c.state, checks.c.since)
    return [CheckState(*row) for row in db.execute(query.where(checks.c.id.in_(changed)))]


def changes(db: Connection, ids: Sequence[int], since: datetime) -> dict[int, list[tuple[datetime, str]]]:
    """Return the changes of state of these checks since then, oldest first."""
    changes_: dict[int, list[tuple[datetime, str]]] = {}
    query = select(transitions.c.check_id, transitions.c.at, transitions.c.state).where(
        transitions.c.at >= since
    )
    if len(ids) <= BATCH:
        query = query.where(transitions.c.check_id.in_(ids))
    # Of very many checks few have changed: their changes are fewer rows than the checks, and are all read.
    wanted = set(ids)
    for number, at, state in db.execute(query.order_by(transitions.c.id)):
        if number in wanted:
            changes_.setdefault(number, []).append((at, state))
    return changes_


def states_before(db: Connection, ids: Sequence[int], at: datetime) -> dict[int, str]:
    """Return the state of each of these checks just before `at`, if a change is recorded."""
    states: dict[int, str] = {}
    for batch in _batches(ids):
        last = (
            select(func.max(transitions.c.id))
            .where(transitions.c.check_id.in_(batch), transitions.c.at < at)
            .group_by(transitions.c.check_id)
        )
        query = select(transitions.c.check_id, transitions.c.state).where(transitions.c.id.in_(last))
        states |= {row.check_id: row.state for row in db.execute(query)}
    return states


def last_days(db: Connection, page: str) -> dict[ComponentRegion, date]:
    """Return the last counted day of each component of a page, everywhere and in each region."""
    days_: dict[ComponentRegion, date] = {}
    for table in _DAYS:
        columns = _component_region(table)
        query = select(*columns, func.max(table.c.day)).where(table.c.page == page).group_by(*columns)
        days_ |= {(name, region): day for name, region, day in db.execute(query)}
    return days_


def days(db: Connection, page: str, since: date) -> dict[ComponentRegion, dict[date, Day]]:
    """Return the days of a page since then, by component and region."""
    days_: dict[ComponentRegion, dict[date, Day]] = {}
    for table in _DAYS:
        counted = [table.c[name] for name in _COUNTED]
        query = select(*_component_region(table), *counted).where(table.c.page == page, table.c.day >= since)
        for name, region, *row in db.execute(query):
            days_.setdefault((name, region), {})[row[0]] = Day(*row)
    return days_


def put_days(db: Connection, page: str, counted: Mapping[ComponentRegion, Sequence[Day]]) -> None:
    """Write these days over the existing ones. Several processes may count the same days at once."""
    # In one order, so that two processes wait for each other instead of deadlocking.
    rows: list[dict[str, Any]] = [
        {"page": page, "component": component, "region": region, **asdict(day)}
        for (component, region), days_ in sorted(counted.items())
        for day in days_
    ]
    _put(db, tables.days, [row for row in rows if not row["region"]])
    _put(db, tables.region_days, [row for row in rows if row["region"]])


def forget_days(db: Connection, end: date) -> None:
    """Delete the days that no page shows."""
    for table in _DAYS:
        db.execute(delete(table).where(table.c.day < end))


def _put(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    added = (postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert)(table)
    key = [column.name for column in table.primary_key]
    replaced = {name: value for name, value in added.excluded.items() if name not in key}
    names = [column.name for column in table.columns]
    values = [{name: row[name] for name in names} for row in rows]
    db.execute(added.on_conflict_do_update(index_elements=key, set_=replaced), values)


def _component_region(table: Table) -> tuple[ColumnElement[str], ColumnElement[str]]:
    """Return the columns of component and region. The table of days everywhere has no region."""
    return table.c.component, table.c.region if "region" in table.c else literal("")


def _batches(ids: Sequence[int]) -> Iterator[Iterable[int]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
