"""The SQL of the list of checks: those that are looked for, counted, and a page of them, most urgent first.

Late is not stored, it follows from the time. For an interval the database can tell: a period after the last that
was heard. For cron lines and calendar events only `schedule` can. Nobody is late whose deadline is further away
than grace and run time, and of those left, checks of one schedule are judged together: who was heard later is due
no earlier, so that one look at the one heard first clears most, and a bisection the rest.
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
"""Labels with their values that the list offers, the most common ones."""
_INSTANT = 0.001
"""Seconds by which an instant that the database computes may be off."""


@dataclass(frozen=True, slots=True)
class Roll:
    """A page of the checks that are looked for. `by_state` counts all that are, whatever state is asked for."""

    found: Sequence[Check]
    by_state: Mapping[State, int]
    total: int


class Urgency:
    """How every check stands at an instant, as the database can compute it."""

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
        """Whether the deadline is near enough; `wake_at` is never later than it."""
        room = checks.c.grace + func.coalesce(checks.c.max_runtime, 0.0) + _INSTANT
        near = _seconds(self._db, checks.c.wake_at) - room <= self._now
        return and_(
            checks.c.state.in_([State.NEW, State.UP]),
            type_coerce(checks.c.schedule, JSON)["every"].as_float().is_(None),
            near,
        )


def call(db: Connection, search: Search, now: datetime, limit: int) -> Roll:
    """The page of `limit` checks that `search` asks for."""
    urgency = Urgency(db, now)
    wanted = _wanted(db, search)
    counted = select(urgency.state, func.count()).where(*wanted).group_by(urgency.state)
    by_state = {State(state): count for state, count in db.execute(counted)}
    total = sum(by_state.values()) if search.state is None else by_state.get(search.state, 0)
    query = select(checks.c.id).where(*wanted)
    if search.state is not None:
        query = query.where(urgency.state == search.state.value)
    offset = (search.page - 1) * limit
    ids = list(db.execute(_ordered(query, urgency).limit(limit).offset(offset)).scalars()) if total else []
    return Roll(_in_order(db, ids), by_state, total)


def labels(db: Connection) -> list[tuple[str, str]]:
    """The labels that most checks bear, with their values, by name."""
    each = _each_label(db)
    many = func.count().label("many")
    query = (
        select(each.c.key, each.c.value, many)
        .select_from(checks)
        .group_by(each.c.key, each.c.value)
        .order_by(many.desc(), each.c.key, each.c.value)
        .limit(LABELS)
    )
    return sorted((row.key, row.value) for row in db.execute(query))


def paging_by(db: Connection, policy: str, *, unnamed: bool, limit: int) -> list[Check]:
    """The first checks, by name, that name this policy; with `unnamed` also those that name none."""
    wanted = or_(checks.c.policy == policy, checks.c.policy.is_(None) if unnamed else false())
    query = select(checks).where(wanted).order_by(checks.c.name, checks.c.slug).limit(limit)
    return [check_store.check_of(row) for row in db.execute(query)]


def named(db: Connection, slugs: Collection[str]) -> list[Check]:
    """Those of these checks that there are, by name."""
    query = select(checks).where(among(db, checks.c.slug, slugs)).order_by(checks.c.name, checks.c.slug)
    return [check_store.check_of(row) for row in db.execute(query)]


def _wanted(db: Connection, search: Search) -> list[ColumnElement[bool]]:
    """What a check must be, whatever its state."""
    bears = [checks.c.labels[name].as_string() == value for name, value in search.labels]
    if not search.words:
        return bears
    # Looking into every text takes longest, so it is done once for both queries.
    says = select(checks.c.id).where(*bears, *(_says(db, word) for word in search.words))
    return [_one_of(db, db.execute(says).scalars().all())]


def _says(db: Connection, word: str) -> ColumnElement[bool]:
    """Whether a word stands in a check's name, slug, description or a label's value."""
    each = _each_label(db)
    labelled = exists(select(each.c.value).where(each.c.value.icontains(word, autoescape=True)))
    texts = (checks.c.name, checks.c.slug, checks.c.description)
    return or_(*(text.icontains(word, autoescape=True) for text in texts), labelled)


def _ordered(query: Select[int], urgency: Urgency) -> Select[int]:
    rank = case({state.value: place for place, state in enumerate(STATES)}, value=urgency.state)
    return query.order_by(rank, checks.c.severity_rank, func.lower(checks.c.name), checks.c.slug)


def _in_order(db: Connection, ids: Sequence[int]) -> list[Check]:
    rows = db.execute(select(checks).where(among(db, checks.c.id, ids))) if ids else ()
    found = {one.id: one for one in map(check_store.check_of, rows)}
    return [found[number] for number in ids]


def _late_by_calendar(db: Connection, now: datetime, may_be: ColumnElement[bool]) -> list[int]:
    """The checks that are due by a cron line or a calendar event, and late."""
    text, base = cast(checks.c.schedule, Text), _base(db)
    # One that was heard may have been heard a little early for its slot; one that is new cannot.
    armed = checks.c.armed_at
    heard = case((or_(checks.c.last_ok_at >= armed, checks.c.last_fail_at >= armed), 1), else_=0)
    first = func.min(base, type_=Utc())
    kinds = db.execute(select(text, heard, first).where(may_be).group_by(text, heard)).all()
    doubtful = [(written, spoke) for written, spoke, at in kinds if _late(written, spoke, at, now)]
    if not doubtful:
        return []
    query = select(text, heard, base, checks.c.id).where(may_be, tuple_(text, heard).in_(doubtful))
    found: list[int] = []
    rows = db.execute(query.order_by(text, heard, base)).all()
    for (written, spoke), group in groupby(rows, key=lambda row: (row[0], row[1])):
        same = list(group)
        late = bisect_left(same, True, key=partial(_in_time, written, spoke, now))
        found += [row.id for row in same[:late]]
    return found


def _in_time(written: str, spoke: int, now: datetime, row: Row[str, int, datetime, int]) -> bool:
    return not _late(written, spoke, row[2], now)


def _late(written: str, spoke: int, base: datetime, now: datetime) -> bool:
    planned = schedule.from_json(json.loads(written))
    due = schedule.due_after(planned, base) if spoke else schedule.due_from(planned, base)
    return due is not None and now > due


def _base(db: Connection) -> ColumnElement[datetime]:
    """From when a check's next due time is counted: see `check.due_at`."""
    at = checks.c.armed_at
    latest = func.greatest if db.dialect.name == "postgresql" else func.max
    heard = (func.coalesce(checks.c.last_ok_at, at), func.coalesce(checks.c.last_fail_at, at))
    return latest(at, *heard, type_=Utc())


def _seconds(db: Connection, at: ColumnElement[Any]) -> ColumnElement[float]:
    """An instant as seconds, exact to a tenth of a millisecond."""
    if db.dialect.name == "postgresql":
        return func.date_part("epoch", at)
    return func.julianday(at) * 86_400.0


def _each_label(db: Connection) -> Any:
    """A check's labels as rows."""
    each = func.json_each_text if db.dialect.name == "postgresql" else func.json_each
    columns = (column("key", String), column("value", String))
    return each(checks.c.labels).table_valued(*columns, joins_implicitly=True)


def _one_of(db: Connection, ids: Sequence[int]) -> ColumnElement[bool]:
    """Whether a check is one of many, who are one parameter, and read once for all rows."""
    if db.dialect.name == "postgresql":
        return among(db, checks.c.id, ids)
    return checks.c.id.in_(select(func.json_each(json.dumps(ids)).table_valued("value").c.value))
