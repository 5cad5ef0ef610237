"""The SQL of the pings of the ring that have numbers: those that are not counted yet, and the checks with new ones."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, or_, select

from alerting.sql import among
from heartbeat.checks import finished_run
from heartbeat.checks.check import Check, Signal
from heartbeat.checks.finished_run import BODY_SIZE
from heartbeat.checks.store import check_of
from heartbeat.checks.tables import checks
from heartbeat.measurements.tables import measured_checks
from heartbeat.pings.store import KEEP
from heartbeat.pings.tables import pings

_ENDED = (Signal.SUCCESS.value, Signal.FAIL.value)


@dataclass(frozen=True, slots=True)
class MeasuredPing:
    """The numbers of one ping, by name."""

    check_id: int
    n: int
    at: datetime
    values: Mapping[str, float]


def ids_of(db: Connection, uuids: Collection[UUID]) -> list[int]:
    """Return the numbers of the checks with these uuids."""
    return list(db.execute(select(checks.c.id).where(among(db, checks.c.uuid, uuids))).scalars())


def since(db: Connection, counted: Mapping[int, int]) -> list[MeasuredPing]:
    """Return the pings of these checks after the last one that is counted, in their order."""
    names = ("check_id", "n", "at", "kind", "duration", "exit_status", "measurements")
    columns: list[Any] = [pings.c[name] for name in names]
    query = (
        select(*columns, func.length(pings.c.body).label("size"))
        .join(measured_checks, measured_checks.c.check_id == pings.c.check_id)
        .where(among(db, pings.c.check_id, counted), pings.c.n > measured_checks.c.n)
        .order_by(pings.c.check_id, pings.c.n)
    )
    return [MeasuredPing(row.check_id, row.n, row.at, _values(row)) for row in db.execute(query)]


def _values(row: Any) -> Mapping[str, float]:
    """Return the numbers of a ping. Those that a run has of its own belong to its end, and no body has no size."""
    if row.kind not in _ENDED:
        return row.measurements or {}
    duration = None if row.duration is None else timedelta(seconds=row.duration)
    values = finished_run.values(row.measurements, duration, row.exit_status, row.size or 0)
    return values if row.size else {name: value for name, value in values.items() if name != BODY_SIZE}


def waiting(db: Connection, after: int, last: int) -> list[int]:
    """Return the checks of a range of numbers with pings whose numbers are not counted."""
    query = (
        select(pings.c.check_id)
        .outerjoin(measured_checks, measured_checks.c.check_id == pings.c.check_id)
        .where(
            pings.c.check_id > after,
            pings.c.check_id <= last,
            pings.c.n > func.coalesce(measured_checks.c.n, 0),
            _has_numbers(),
        )
        .distinct()
    )
    return list(db.execute(query).scalars())


def newly_measured(db: Connection, after: int, since: datetime, until: datetime, limit: int) -> list[Check]:
    """Return checks with higher numbers that succeeded in this time, if their newest ping may have numbers.

    One row of the ring is read for each.
    """
    newest = (pings.c.check_id == checks.c.id) & (pings.c.slot == checks.c.pings % KEEP)
    query = (
        select(checks)
        .join(pings, newest)
        .where(checks.c.id > after, checks.c.last_ok_at > since, checks.c.last_ok_at <= until)
        .where(or_(pings.c.kind.not_in(_ENDED), _has_numbers()))
        .order_by(checks.c.id)
        .limit(limit)
    )
    return [check_of(row) for row in db.execute(query)]


def _has_numbers() -> ColumnElement[bool]:
    own = or_(pings.c.duration.is_not(None), pings.c.exit_status != 0, pings.c.body.is_not(None))
    return or_(pings.c.measurements.is_not(None), pings.c.kind.in_(_ENDED) & own)
