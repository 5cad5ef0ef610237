"""The SQL of dependencies: the checks that others run after."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select

from alerting.sql import among
from heartbeat.checks.check import Check, State
from heartbeat.checks.dependency import Nodes
from heartbeat.checks.labels import labelled
from heartbeat.checks.store import check_of
from heartbeat.checks.tables import checks, former_slugs

OF_A_MATCH = 10
"""Checks with certain labels that are down, of which any may be the parent: those that are down the longest."""


def of(db: Connection, children: Iterable[Check], beside: Sequence[Check] = ()) -> dict[int, set[int]]:
    """Return the numbers of the parents of each check, by its number. Of those with labels, only what is down.

    `beside` are checks that turn down in this transaction, so that the database may not say so yet.
    """
    children = list(children)
    named = ids_by_name(db, {name for child in children for name in child.after.names})
    falling = Nodes(beside)
    matched: dict[tuple[tuple[str, str], ...], set[int]] = {}
    for match in (match for child in children for match in child.after.matches):
        key = _key(match)
        if key not in matched:
            now_down = {falling.by_slug[slug].id for slug in falling.with_labels(match)}
            matched[key] = now_down | _down_with(db, match)
    return {
        child.id: (
            {named[name] for name in child.after.names if name in named}
            | {number for match in child.after.matches for number in matched[_key(match)]}
        )
        - {child.id}
        for child in children
    }


def ids_by_name(db: Connection, names: Iterable[str]) -> dict[str, int]:
    """Return the numbers of the checks with these slugs, or that had them before, by slug."""
    wanted = set(names)
    if not wanted:
        return {}
    query = select(checks.c.slug, checks.c.id).where(among(db, checks.c.slug, wanted))
    ids = {row.slug: row.id for row in db.execute(query)}
    if missing := wanted - ids.keys():
        former = select(former_slugs.c.slug, former_slugs.c.check_id)
        ids |= {
            row.slug: row.check_id
            for row in db.execute(former.where(among(db, former_slugs.c.slug, missing)))
        }
    return ids


def children(db: Connection) -> list[Check]:
    """Return all checks that run after others."""
    return [check_of(row) for row in db.execute(select(checks).where(checks.c.after.is_not(None)))]


def _down_with(db: Connection, match: Mapping[str, str]) -> set[int]:
    query = select(checks.c.id).where(checks.c.state == State.DOWN, *labelled(db, match))
    return set(db.execute(query.order_by(checks.c.since, checks.c.id).limit(OF_A_MATCH)).scalars())


def _key(match: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(match.items()))
