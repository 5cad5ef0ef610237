"""The SQL of the checks that are late at an instant.

Late is not stored; it follows from the time. A check whose deadline is further away than its grace and its run time is
not late. The others are judged by schedule, with one instant for all checks of a schedule: see `overdue`.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Row,
    Text,
    and_,
    case,
    cast,
    column,
    false,
    func,
    literal,
    or_,
    select,
    true,
    type_coerce,
)

from alerting.sql import Utc, array_of, sqlite_instant
from heartbeat.checks import schedule, store
from heartbeat.checks.check import State
from heartbeat.checks.overdue import overdue_before
from heartbeat.checks.schedule import Schedule
from heartbeat.checks.tables import UNKNOWN, checks

_INSTANT = 0.001
"""Seconds of error in an instant that the database computes."""
_AN_INSTANT = timedelta(seconds=_INSTANT)
WATCHED = checks.c.state.in_([State.NEW, State.UP]) & ~UNKNOWN
"""The condition of the checks that can be late."""
SCHEDULE = cast(checks.c.schedule, Text)
HEARD = case(
    (or_(checks.c.last_ok_at >= checks.c.armed_at, checks.c.last_fail_at >= checks.c.armed_at), 1), else_=0
)
"""1 for a check that was heard, so that its next due time counts from its last ping."""
_STATE = cast(checks.c.state, Text)
"""The state, so that SQLite does not go through all checks by their index to group them."""
_NUMBERS = func.aggregate_strings(cast(checks.c.id, Text), ",")
_Limit = tuple[str, str, int, datetime]
"""A state, a schedule, 1 for heard, and the instant before which such a check was last heard if it is late."""


def may_be_late(db: Connection, now: datetime, room: timedelta | None = None) -> ColumnElement[bool]:
    """Return the condition that the deadline is near, or a run was missed; `wake_at` is never later than either.

    `room` is the longest time from a due time to its deadline, if it is known. It lets indexes find these checks.
    """
    own = checks.c.grace + func.coalesce(checks.c.max_runtime, 0.0) + _INSTANT
    near: ColumnElement[bool]
    if db.dialect.name == "postgresql":
        near = checks.c.wake_at <= literal(now, Utc()) + func.make_interval(0, 0, 0, 0, 0, 0, own)
    else:
        near = (
            func.julianday(checks.c.wake_at) * 86_400.0 - own
            <= func.julianday(literal(now, Utc())) * 86_400.0
        )
    if room is not None:
        ranks = range(len(store.SEVERITIES))
        near = and_(checks.c.severity_rank.in_(ranks), checks.c.wake_at <= now + room + _AN_INSTANT, near)
    # Not `WATCHED`: SQLite would look for the states by an index, which finds nearly all checks.
    return and_(checks.c.state.not_in([State.DOWN, State.PAUSED]), ~UNKNOWN, or_(near, checks.c.missed > 0))


def counts_from(db: Connection) -> ColumnElement[datetime]:
    """Return the instant from which the next due time counts: see `deadline.due_at`."""
    at = checks.c.armed_at
    latest = func.greatest if db.dialect.name == "postgresql" else func.max
    heard = (func.coalesce(checks.c.last_ok_at, at), func.coalesce(checks.c.last_fail_at, at))
    return latest(at, *heard, type_=Utc())


def late(db: Connection, now: datetime, *within: ColumnElement[bool]) -> dict[State, list[int]]:
    """Return the numbers of the late checks, by their stored state, among those that may be late."""
    at = counts_from(db)
    first, last = func.min(at, type_=Utc()), func.max(at, type_=Utc())
    query = select(_STATE, SCHEDULE, HEARD, first, last, _NUMBERS).where(*within)
    by_state: dict[State, list[int]] = {}
    limits: list[_Limit] = []
    for state, text, heard, since, until, numbers in db.execute(query.group_by(_STATE, SCHEDULE, HEARD)):
        limit = overdue_before(_planned(text), since, now, heard=bool(heard))
        if until < limit:
            by_state.setdefault(State(state), []).extend(map(int, numbers.split(",")))
        elif since < limit:
            limits.append((state, text, heard, limit))
    for state, numbers in _before(db, limits, *within) if limits else ():
        by_state.setdefault(State(state), []).extend(map(int, numbers.split(",")))
    return by_state


@lru_cache(4096)
def _planned(text: str) -> Schedule:
    return schedule.from_json(json.loads(text))


def _before(
    db: Connection, limits: Sequence[_Limit], *within: ColumnElement[bool]
) -> Iterable[Row[str, str]]:
    """Return the states, and the numbers, of the checks that count from before the limit of their schedule."""
    limit = _table(db, limits)
    same = (checks.c.state == limit.c.state, limit.c.schedule == SCHEDULE, limit.c.heard == HEARD)
    # As an outer join, with a condition that hides it, SQLite goes through the checks, not through the schedules.
    before = case((counts_from(db) < limit.c.at, true()), else_=false())
    query = select(_STATE, _NUMBERS).select_from(checks).outerjoin(limit, and_(*same))
    return db.execute(query.where(*within, before).group_by(_STATE))


def one_of(db: Connection, ids: Collection[int]) -> ColumnElement[bool]:
    """Return the condition that a check is one of many.

    The numbers are a table, so that the database always looks them up by a hash, also where it groups by the result.
    """
    if db.dialect.name == "postgresql":
        numbers = func.unnest(array_of(checks.c.id.type, list(ids))).table_valued("value").render_derived()
    else:
        numbers = func.json_each(json.dumps(list(ids))).table_valued("value")
    return checks.c.id.in_(select(numbers.c.value))


def _table(db: Connection, limits: Sequence[_Limit]) -> FromClause:
    """Return states, schedules, 1 or 0 for heard or not, and instants as a table."""
    kinds = {"state": Text, "schedule": Text, "heard": Integer, "at": Utc}
    names: list[ColumnClause[Any]] = [column(name, kind) for name, kind in kinds.items()]
    if db.dialect.name == "postgresql":
        arrays = (
            array_of(name.type, values) for name, values in zip(names, zip(*limits, strict=True), strict=True)
        )
        return func.unnest(*arrays).table_valued(*names, name="limits").render_derived()
    rows = json.dumps([(state, text, heard, sqlite_instant(at)) for state, text, heard, at in limits])
    each = func.json_each(rows).table_valued("value")
    # A column with a type, of a table of its own, gets an index: see "Automatic Query-Time Indexes" of SQLite.
    cells = (
        cast(func.json_extract(each.c.value, f"$[{place}]"), Integer if name.name == "heard" else Text)
        for place, name in enumerate(names)
    )
    query = select(
        *(type_coerce(cell, name.type).label(name.name) for cell, name in zip(cells, names, strict=True))
    )
    return query.cte("limits").prefix_with("MATERIALIZED")
