"""The checks that are late at an instant, judged by the database.

Late is not stored; it follows from the time. The database can compute it for intervals: a period after the last
ping. Cron lines and calendar events need `schedule`. A check whose deadline is further away than its grace and run
time is not late. The rest is judged by schedule: a check that was heard later is due no earlier. So the one that was
heard first clears most schedules, and a bisection does the others.
"""

import json
from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Row,
    String,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
)

from alerting.sql import Utc, among
from heartbeat.checks import schedule
from heartbeat.checks.check import State
from heartbeat.checks.tables import checks

_INSTANT = 0.001
"""Seconds of error in an instant that the database computes."""


class Lateness:
    """The state of every check at an instant, as an expression of the database.

    It is right for the checks within the condition `within`.
    """

    def __init__(self, db: Connection, now: datetime, within: ColumnElement[bool] | None = None) -> None:
        self._db = db
        self._now = _seconds(db, literal(now, Utc()))
        interval = type_coerce(checks.c.schedule, JSON)["every"].as_float()
        # Without an interval it is false, not unknown: its opposite counts, too.
        overdue = and_(interval.is_not(None), _seconds(db, _base(db)) + interval + _INSTANT < self._now)
        may_be = self._may_be_late() if within is None else and_(within, self._may_be_late())
        late = _late_by_calendar(db, now, may_be)
        by_calendar = one_of(db, late) if late else false()
        # Only an interval can be overdue: for any other schedule the comparison is NULL.
        late_now = or_(func.coalesce(overdue, false()), by_calendar)
        self.late = and_(checks.c.state.in_([State.NEW, State.UP]), late_now)
        self.state = case((self.late, literal(State.LATE.value, String)), else_=checks.c.state)

    def _may_be_late(self) -> ColumnElement[bool]:
        """Return the condition that the deadline is near, or a run was missed; `wake_at` is never later than either."""
        room = checks.c.grace + func.coalesce(checks.c.max_runtime, 0.0) + _INSTANT
        near = _seconds(self._db, checks.c.wake_at) - room <= self._now
        return and_(
            checks.c.state.in_([State.NEW, State.UP]),
            type_coerce(checks.c.schedule, JSON)["every"].as_float().is_(None),
            or_(near, checks.c.missed > 0),
        )


def _late_by_calendar(db: Connection, now: datetime, may_be: ColumnElement[bool]) -> list[int]:
    """Return the ids of the late checks that have a cron line or a calendar event."""
    text, base = cast(checks.c.schedule, Text), _base(db)
    # A ping may have come a little early for its slot; a new check has none.
    armed = checks.c.armed_at
    heard = case((or_(checks.c.last_ok_at >= armed, checks.c.last_fail_at >= armed), 1), else_=0)
    first = func.min(base, type_=Utc())
    groups = db.execute(select(text, heard, first).where(may_be).group_by(text, heard)).all()
    doubtful = [
        (schedule_json, was_heard)
        for schedule_json, was_heard, at in groups
        if _late(schedule_json, was_heard, at, now)
    ]
    if not doubtful:
        return []
    query = select(text, heard, base, checks.c.id).where(may_be, tuple_(text, heard).in_(doubtful))
    late_ids: list[int] = []
    rows = db.execute(query.order_by(text, heard, base)).all()
    for (schedule_json, was_heard), group in groupby(rows, key=lambda row: (row[0], row[1])):
        schedule_rows = list(group)
        late_count = bisect_left(schedule_rows, True, key=partial(_in_time, schedule_json, was_heard, now))
        late_ids += [row.id for row in schedule_rows[:late_count]]
    return late_ids


def _in_time(schedule_json: str, was_heard: int, now: datetime, row: Row[str, int, datetime, int]) -> bool:
    return not _late(schedule_json, was_heard, row[2], now)


def _late(schedule_json: str, was_heard: int, base: datetime, now: datetime) -> bool:
    planned = schedule.from_json(json.loads(schedule_json))
    due = schedule.due_after(planned, base) if was_heard else schedule.due_from(planned, base)
    return due is not None and now > due


def _base(db: Connection) -> ColumnElement[datetime]:
    """Return the instant from which the next due time counts: see `check.due_at`."""
    at = checks.c.armed_at
    latest = func.greatest if db.dialect.name == "postgresql" else func.max
    heard = (func.coalesce(checks.c.last_ok_at, at), func.coalesce(checks.c.last_fail_at, at))
    return latest(at, *heard, type_=Utc())


def _seconds(db: Connection, at: ColumnElement[Any]) -> ColumnElement[float]:
    """Return an instant as seconds, exact to a tenth of a millisecond."""
    if db.dialect.name == "postgresql":
        return func.date_part("epoch", at)
    return func.julianday(at) * 86_400.0


def one_of(db: Connection, ids: Sequence[int]) -> ColumnElement[bool]:
    """Return the condition that a check is one of many. Their ids are one parameter, parsed once for all rows."""
    if db.dialect.name == "postgresql":
        return among(db, checks.c.id, ids)
    return checks.c.id.in_(select(func.json_each(json.dumps(ids)).table_valued("value").c.value))
