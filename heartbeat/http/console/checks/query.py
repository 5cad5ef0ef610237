"""The SQL of the list of checks: the matches of a search, counted, and a part of them, most urgent first.

Late is not stored; it follows from the time. The database can compute it for intervals: a period after the last
ping. Cron lines and calendar events need `schedule`. A check whose deadline is further away than its grace and run
time is not late. The rest is judged by schedule: a check that was heard later is due no earlier. So the one that was
heard first clears most schedules, and a bisection does the others.
"""

import json
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    Text,
    and_,
    case,
    cast,
    column,
    exists,
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
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.checks.tables import checks
from heartbeat.http.console.checks.search import STATES, Search

LABELS = 60
"""The number of labels in the menu of the list, the most common ones."""
_INSTANT = 0.001
"""Seconds of error in an instant that the database computes."""


@dataclass(frozen=True, slots=True)
class Matches:
    """A part of the checks that match a search. `by_state` counts the matches in all states."""

    checks: Sequence[Check]
    by_state: Mapping[State, int]
    total: int


class Urgency:
    """The state of every check at an instant, as an expression of the database."""

    def __init__(self, db: Connection, now: datetime) -> None:
        self._db = db
        self._now = _seconds(db, literal(now, Utc()))
        interval = type_coerce(checks.c.schedule, JSON)["every"].as_float()
        overdue = _seconds(db, _base(db)) + interval + _INSTANT < self._now
        late = _late_by_calendar(db, now, self._may_be_late())
        by_calendar = _one_of(db, late) if late else false()
        self.state = case(
            (checks.c.state.in_([State.DOWN, State.PAUSED]), checks.c.state),
            (or_(overdue, by_calendar), literal(State.LATE.value, String)),
            else_=checks.c.state,
        )

    def _may_be_late(self) -> ColumnElement[bool]:
        """Return the condition that the deadline is near, or a run was missed; `wake_at` is never later than either."""
        room = checks.c.grace + func.coalesce(checks.c.max_runtime, 0.0) + _INSTANT
        near = _seconds(self._db, checks.c.wake_at) - room <= self._now
        return and_(
            checks.c.state.in_([State.NEW, State.UP]),
            type_coerce(checks.c.schedule, JSON)["every"].as_float().is_(None),
            or_(near, checks.c.missed > 0),
        )


def find(db: Connection, search: Search, now: datetime, limit: int) -> Matches:
    """Return the matches of a search, with `limit` checks of the page that it asks for."""
    urgency = Urgency(db, now)
    conditions = _conditions(db, search)
    counted = select(urgency.state, func.count()).where(*conditions).group_by(urgency.state)
    by_state = {State(state): count for state, count in db.execute(counted)}
    total = sum(by_state.values()) if search.state is None else by_state.get(search.state, 0)
    query = select(checks.c.id).where(*conditions)
    if search.state is not None:
        query = query.where(urgency.state == search.state.value)
    offset = (search.page - 1) * limit
    ids = list(db.execute(_ordered(query, urgency).limit(limit).offset(offset)).scalars()) if total else []
    return Matches(_in_order(db, ids), by_state, total)


def labels(db: Connection) -> list[tuple[str, str]]:
    """Return the most common labels with their values, by name."""
    each = _each_label(db)
    count = func.count().label("many")
    query = (
        select(each.c.key, each.c.value, count)
        .select_from(checks)
        .group_by(each.c.key, each.c.value)
        .order_by(count.desc(), each.c.key, each.c.value)
        .limit(LABELS)
    )
    return sorted((row.key, row.value) for row in db.execute(query))


def paging_by(db: Connection, policy: str, *, unnamed: bool, limit: int) -> list[Check]:
    """Return the first checks, by name, with this policy; with `unnamed` also those without a policy."""
    condition = or_(checks.c.policy == policy, checks.c.policy.is_(None) if unnamed else false())
    query = select(checks).where(condition).order_by(checks.c.name, checks.c.slug).limit(limit)
    return [check_store.check_of(row) for row in db.execute(query)]


def named(db: Connection, slugs: Collection[str]) -> list[Check]:
    """Return the checks of these slugs that exist, by name."""
    query = select(checks).where(among(db, checks.c.slug, slugs)).order_by(checks.c.name, checks.c.slug)
    return [check_store.check_of(row) for row in db.execute(query)]


def _conditions(db: Connection, search: Search) -> list[ColumnElement[bool]]:
    """Return the conditions of a search, without its state."""
    labelled = [checks.c.labels[name].as_string() == value for name, value in search.labels]
    if not search.words:
        return labelled
    # The texts take longest to search, so this happens once for both queries.
    matching = select(checks.c.id).where(*labelled, *(_contains(db, word) for word in search.words))
    return [_one_of(db, db.execute(matching).scalars().all())]


def _contains(db: Connection, word: str) -> ColumnElement[bool]:
    """Return the condition that a word occurs in the name, slug, description or a label's value."""
    each = _each_label(db)
    labelled = exists(select(each.c.value).where(each.c.value.icontains(word, autoescape=True)))
    texts = (checks.c.name, checks.c.slug, checks.c.description)
    return or_(*(text.icontains(word, autoescape=True) for text in texts), labelled)


def _ordered(query: Select[int], urgency: Urgency) -> Select[int]:
    rank = case({state.value: place for place, state in enumerate(STATES)}, value=urgency.state)
    return query.order_by(rank, checks.c.severity_rank, func.lower(checks.c.name), checks.c.slug)


def _in_order(db: Connection, ids: Sequence[int]) -> list[Check]:
    rows = db.execute(select(checks).where(among(db, checks.c.id, ids))) if ids else ()
    by_id = {check.id: check for check in map(check_store.check_of, rows)}
    return [by_id[number] for number in ids]


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


def _each_label(db: Connection) -> Any:
    """Return the labels of a check as rows."""
    each = func.json_each_text if db.dialect.name == "postgresql" else func.json_each
    columns = (column("key", String), column("value", String))
    return each(checks.c.labels).table_valued(*columns, joins_implicitly=True)


def _one_of(db: Connection, ids: Sequence[int]) -> ColumnElement[bool]:
    """Return the condition that a check is one of many. Their ids are one parameter, parsed once for all rows."""
    if db.dialect.name == "postgresql":
        return among(db, checks.c.id, ids)
    return checks.c.id.in_(select(func.json_each(json.dumps(ids)).table_valued("value").c.value))
