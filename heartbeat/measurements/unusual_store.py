"""The SQL of the marks of unusual runs."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select

from alerting.sql import among, insert_many
from heartbeat.checks.check import Check
from heartbeat.checks.store import check_of
from heartbeat.checks.tables import checks
from heartbeat.measurements.band import Band
from heartbeat.measurements.mark import Mark
from heartbeat.measurements.unusual_tables import unusual_runs

HIGHEST: Final = 1e300
"""Stands for a band without an end: not every database takes infinity."""


def put(db: Connection, marks: Mapping[int, Sequence[Mark]]) -> int:
    """Store the marks of checks. Return the number of runs that had none before."""
    rows = [
        {
            "check_id": check_id,
            "at": mark.at,
            "name": mark.name,
            "value": mark.value,
            "low": max(mark.band.low, -HIGHEST),
            "middle": mark.band.middle,
            "high": min(mark.band.high, HIGHEST),
            "weekly": mark.band.weekly,
        }
        for check_id, of_check in marks.items()
        for mark in of_check
    ]
    back = ("check_id", "at")
    return len(set(insert_many(db, unusual_runs, rows, on_conflict="ON CONFLICT DO NOTHING", returning=back)))


def of_checks(db: Connection, ids: Collection[int], since: datetime) -> dict[int, list[Mark]]:
    """Return the marks of these checks since then, newest first."""
    query = select(unusual_runs).where(among(db, unusual_runs.c.check_id, ids), unusual_runs.c.at >= since)
    marks: dict[int, list[Mark]] = {number: [] for number in ids}
    for row in db.execute(query.order_by(unusual_runs.c.at.desc(), unusual_runs.c.name)) if ids else ():
        marks[row.check_id].append(_mark(row))
    return marks


def since(db: Connection, at: datetime, limit: int) -> list[tuple[Check, Mark]]:
    """Return the newest marks since then, with their checks."""
    query = select(checks.c.id, unusual_runs).join(checks).where(unusual_runs.c.at >= at)
    rows = db.execute(query.order_by(unusual_runs.c.at.desc()).limit(limit)).all()
    found = select(checks).where(among(db, checks.c.id, {row.id for row in rows}))
    by_id = {row.id: check_of(row) for row in db.execute(found)} if rows else {}
    return [(by_id[row.id], _mark(row)) for row in rows]


def count(db: Connection, since: datetime) -> int:
    """Count the runs since then that have a mark."""
    runs = select(unusual_runs.c.check_id, unusual_runs.c.at).where(unusual_runs.c.at >= since).distinct()
    return db.execute(select(func.count()).select_from(runs.subquery())).scalar_one()


def forget(db: Connection, before: datetime) -> int:
    """Delete older marks. Return their number."""
    return db.execute(delete(unusual_runs).where(unusual_runs.c.at < before)).rowcount


def _mark(row: Row[Any]) -> Mark:
    return Mark(row.at, row.name, row.value, Band(row.low, row.middle, row.high, row.weekly))
