"""The SQL of groups of checks: how many of each are fine, late and down. Paused checks do not count.

A group costs one probe of the index on `group_key`, and one row for each of its checks.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from alerting.sql import among
from heartbeat.checks import cause, lateness, level_store, store
from heartbeat.checks.check import Check, State
from heartbeat.checks.tables import checks

_EXPECTED = checks.c.state != State.PAUSED
_FAULTY = and_(lateness.WATCHED, or_(checks.c.failures > 0, checks.c.missed > 0))
"""The condition of checks with faults that are tolerated. Some of them are late as well."""


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """The checks of one group or level by state, and the newest and the oldest last success of those that are up.

    `tolerated` checks have failed or missed a run, not often enough to be down: they are not counted as `up` or `late`.
    """

    key: str
    up: int
    late: int
    down: int
    newest_at: datetime | None
    tolerated: int = 0
    oldest_at: datetime | None = None

    @property
    def total(self) -> int:
        """The checks of which a ping is or was expected: a new one counts once it is late."""
        return self.up + self.late + self.tolerated + self.down

    @property
    def fine(self) -> bool:
        """True if nothing in it is late, down, or has a fault that is tolerated."""
        return self.up == self.total > 0


@dataclass(frozen=True, slots=True)
class Tally:
    """Numbers of groups: all of which anything is expected, and those in which everything is fine.

    `sample` is one key of them. Groups that lack a level are counted apart from the others, and so are single checks.
    """

    sample: str
    total: int
    fine: int


@dataclass(frozen=True, slots=True)
class AllGroups:
    """All groups: tallies, apart for checks that are a group by themselves; and some groups that are not fine.

    Nothing is down in those that are `uneasy`. True stands for groups in which any check is late.
    """

    tallies: Sequence[Tally]
    uneasy: Mapping[str, bool]


def states(db: Connection, keys: Collection[str], now: datetime) -> dict[str, CheckGroup]:
    """Return these groups and levels by key. One without a check is left out."""
    within = level_store.inside(db, keys)
    source, place = level_store.places(db, keys)
    late = _late(db, now, within)
    tolerated = and_(_FAULTY, ~late)
    fine = and_(checks.c.state == State.UP, ~late, ~_FAULTY)
    newest = case((fine, checks.c.last_ok_at), else_=None)
    query = (
        select(
            place,
            _number(fine),
            _number(late),
            _number(checks.c.state == State.DOWN),
            func.max(newest, type_=checks.c.last_ok_at.type),
            _number(tolerated),
            func.min(newest, type_=checks.c.last_ok_at.type),
        )
        .select_from(source)
        .where(within, _EXPECTED)
        .group_by(place)
    )
    return {row[0]: CheckGroup(*row) for row in db.execute(query)}


def all_groups(db: Connection, now: datetime, uneasy: int, late: Collection[int] | None = None) -> AllGroups:
    """Return all groups in numbers, and up to `uneasy` that are not fine, though nothing in them is down.

    This reads every check. `late` are the numbers of all late checks, if they are known.
    """
    each = _each(_late(db, now, true()) if late is None else _is_late(db, late)).cte("each")
    faulty = each.c.down + each.c.late + each.c.tolerated
    tallies = (
        select(
            literal(1).label("tally"),
            func.min(each.c.key).label("key"),
            _number(each.c.up + faulty > 0).label("total"),
            _number(and_(each.c.up > 0, faulty == 0)).label("fine"),
            each.c.kind.label("place"),
        )
        .select_from(each)
        .group_by(each.c.kind)
    )
    some = (
        select(literal(0), each.c.key, case((each.c.late > 0, 1), else_=0), literal(0), literal(0))
        .where(each.c.down == 0, each.c.late + each.c.tolerated > 0)
        .order_by(each.c.key)
        .limit(uneasy)
    )
    both = union_all(tallies, select(some.subquery())).subquery()
    rows = db.execute(select(both).order_by(both.c.tally, both.c.place, both.c.key)).all()
    return AllGroups(
        [Tally(row.key, row.total, row.fine) for row in rows if row.tally],
        {row.key: bool(row.total) for row in rows if not row.tally},
    )


def within_levels(db: Connection, keys: Collection[str], now: datetime) -> dict[str, list[Tally]]:
    """Return the numbers of groups in each of these levels, by the level's key."""
    within = level_store.inside(db, keys)
    source, place = level_store.places(db, keys)
    late = _late(db, now, within)
    fine = and_(checks.c.state == State.UP, ~late, ~_FAULTY)
    each = (
        select(
            place.label("place"),
            checks.c.group_key,
            _number(fine).label("fine"),
            func.count().label("every"),
            _number(and_(checks.c.state == State.NEW, ~late)).label("new"),
            _kind(checks.c.group_key).label("kind"),
        )
        .select_from(source)
        .where(within, _EXPECTED)
        .group_by(place, checks.c.group_key)
        .subquery("each")
    )
    expected = each.c.every > each.c.new
    query = select(
        each.c.place,
        func.min(each.c.group_key),
        _number(expected),
        _number(and_(expected, each.c.fine == each.c.every - each.c.new)),
    ).group_by(each.c.place, each.c.kind)
    tallies: dict[str, list[Tally]] = {}
    for place_key, *numbers in db.execute(query.order_by(each.c.place, each.c.kind)):
        tallies.setdefault(place_key, []).append(Tally(*numbers))
    return tallies


def twins(db: Connection, names: Collection[str], keys: Collection[str]) -> list[Check]:
    """Return the checks of these names in these groups from which anything is expected."""
    query = select(checks).where(checks.c.name.in_(names), among(db, checks.c.group_key, keys), _EXPECTED)
    return [store.check_of(row) for row in db.execute(query.order_by(checks.c.id))]


def _each(late: ColumnElement[bool]) -> CompoundSelect[Any]:
    """Return the numbers of each group: fine ones are `up`. A check that is `alone` is counted without grouping it."""
    fine = and_(checks.c.state == State.UP, ~late, ~_FAULTY)
    conditions = {
        "up": fine,
        "late": late,
        "tolerated": and_(_FAULTY, ~late),
        "down": checks.c.state == State.DOWN,
    }
    grouped = [_number(condition).label(name) for name, condition in conditions.items()]
    single = [case((condition, 1), else_=0).label(name) for name, condition in conditions.items()]
    key, alone = checks.c.group_key.label("key"), checks.c.group_key.startswith("check=", autoescape=True)
    return union_all(
        select(key, _kind(checks.c.group_key).label("kind"), *grouped)
        .where(_EXPECTED, ~alone)
        .group_by(checks.c.group_key),
        select(key, literal(1).label("kind"), *single).where(_EXPECTED, alone),
    )


def _kind(key: ColumnElement[str]) -> ColumnElement[int]:
    """Return 2 for a group whose checks do not name all levels, else 0."""
    return case((key.endswith("=", autoescape=True), 2), else_=0)


def late_in(db: Connection, keys: Collection[str], now: datetime, limit: int) -> list[Check]:
    """Return up to `limit` late checks of these groups and levels."""
    within = level_store.inside(db, keys)
    query = select(checks).where(within, _late(db, now, within))
    return [store.check_of(row) for row in db.execute(query.order_by(checks.c.id).limit(limit))]


def down_in(db: Connection, keys: Collection[str], limit: int) -> dict[int, str]:
    """Return up to `limit` checks of these groups and levels that are down: the group key by number."""
    query = select(checks.c.id, checks.c.group_key).where(
        level_store.inside(db, keys), checks.c.state == State.DOWN
    )
    return {row.id: row.group_key for row in db.execute(query.order_by(checks.c.id).limit(limit))}


def keys_of(db: Connection, slugs: Collection[str]) -> dict[str, str]:
    """Return the group key of each of these checks, by slug."""
    query = select(checks.c.slug, checks.c.group_key).where(among(db, checks.c.slug, slugs))
    return {row.slug: row.group_key for row in db.execute(query)} if slugs else {}


def homes(db: Connection, numbers: Collection[int]) -> dict[int, tuple[str, str]]:
    """Return by number the group key of each of these checks, with the title of that group."""
    query = select(checks.c.id, checks.c.group_key, checks.c.name).where(among(db, checks.c.id, numbers))
    return {
        row.id: (
            row.group_key,
            row.name if cause.slug_of(row.group_key) is not None else cause.key_title(row.group_key),
        )
        for row in db.execute(query.order_by(checks.c.id))
    }


def running(db: Connection, names: Collection[str], limit: int) -> dict[str, list[str]]:
    """Return the groups in which checks of these names are expected, by name; in all up to `limit` of them."""
    query = (
        select(checks.c.name, checks.c.group_key)
        .where(checks.c.name.in_(names), _EXPECTED)
        .distinct()
        .order_by(checks.c.name, checks.c.group_key)
        .limit(limit)
    )
    by_name: dict[str, list[str]] = {}
    for row in db.execute(query):
        by_name.setdefault(row.name, []).append(row.group_key)
    return by_name


def _late(db: Connection, now: datetime, within: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition of late checks, right for those within a condition."""
    late = lateness.late(db, now, within, lateness.may_be_late(db, now))
    return _is_late(db, [number for of_state in late.values() for number in of_state])


def _is_late(db: Connection, numbers: Collection[int]) -> ColumnElement[bool]:
    return and_(lateness.WATCHED, lateness.one_of(db, numbers))


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
