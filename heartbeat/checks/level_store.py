"""The SQL of levels: which groups lie in each, and how much of it is silent. Groups without levels have no rows."""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import ColumnElement, Connection, FromClause, and_, case, false, func, select, true, union_all

from alerting.sql import Utc, among, insert_many
from heartbeat import installation
from heartbeat.checks import level
from heartbeat.checks.cause import GROUP_BY, Cause
from heartbeat.checks.check import State
from heartbeat.checks.labels import labelled
from heartbeat.checks.level import Extent, Levels
from heartbeat.checks.tables import checks, group_levels

_SILENT = and_(
    checks.c.state == State.DOWN, checks.c.cause.in_([one for one in Cause if one.class_ == "silent"])
)
_EXPECTED = checks.c.state.in_([State.UP, State.DOWN])
"""The condition of checks of which a ping was expected: a new one counts once it is down."""


def group_by(db: Connection) -> tuple[str, ...] | Levels:
    """Return the labels by which silent checks share incidents."""
    labels = installation.recall(db, "group_by")
    return GROUP_BY if labels is None else level.from_json(labels)


def note(db: Connection, group_keys: Iterable[str]) -> None:
    """Write the levels above groups of checks."""
    nested = sorted({key for key in group_keys if level.is_nested(key)})
    rows = [{"level_key": above, "group_key": key} for key in nested for above in level.above(key)]
    if rows:
        insert_many(db, group_levels, rows, on_conflict="ON CONFLICT DO NOTHING")


def inside(db: Connection, keys: Collection[str]) -> ColumnElement[bool]:
    """Return the condition of the checks in these groups and levels."""
    levels, groups = _apart(keys)
    within = among(db, checks.c.group_key, groups)
    if not levels:
        return within
    of_levels = select(group_levels.c.group_key).where(among(db, group_levels.c.level_key, levels))
    return within | checks.c.group_key.in_(of_levels)


def places(db: Connection, keys: Collection[str]) -> tuple[FromClause, ColumnElement[str]]:
    """Return the checks, each with those groups and levels of these that it is in: what to select from, and the key."""
    levels, groups = _apart(keys)
    own = checks.c.group_key
    if not levels:
        return checks, own
    pairs = union_all(
        select(group_levels.c.level_key.label("place"), group_levels.c.group_key).where(
            among(db, group_levels.c.level_key, levels)
        ),
        select(own.label("place"), own).where(among(db, own, groups)).distinct(),
    ).subquery("pairs")
    return checks.join(pairs, pairs.c.group_key == own), pairs.c.place


def extents(
    db: Connection, keys: Collection[str], without: Iterable[Mapping[str, str]] = ()
) -> dict[str, Extent]:
    """Return how much of these groups and levels is silent, by key. Those of which nothing is expected are left out.

    So are checks with all labels of a match in `without`.
    """
    source, place = places(db, keys)
    # On SQLite the greatest of several values is empty if one of them is.
    ok, fail, other = checks.c.last_ok_at, checks.c.last_fail_at, checks.c.last_other_at
    latest = func.greatest if db.dialect.name == "postgresql" else func.max
    heard = latest(
        func.coalesce(ok, fail, other), func.coalesce(fail, other, ok), func.coalesce(other, ok, fail)
    )
    last = func.max(case((_SILENT, heard)), type_=Utc()).over(partition_by=place)
    covered = [func.coalesce(and_(true(), *labelled(db, match)), false()) for match in without]
    each = (
        select(place.label("place"), _SILENT.label("silent"), checks.c.since, last.label("heard_at"))
        .select_from(source)
        .where(
            inside(db, keys),
            _EXPECTED,
            *(~one for one in covered),
        )
        .subquery("each")
    )
    together = and_(each.c.silent, (each.c.since >= each.c.heard_at) | each.c.heard_at.is_(None))
    query = select(
        each.c.place,
        func.sum(case((together, 1), else_=0)),
        func.sum(case((each.c.silent, 0), else_=1)),
        func.max(each.c.heard_at, type_=Utc()),
    ).group_by(each.c.place)
    return {row[0]: Extent(*row[1:]) for row in db.execute(query)}


def _apart(keys: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the keys of levels, and those of groups."""
    return [key for key in keys if level.is_level(key)], [key for key in keys if not level.is_level(key)]
