"""The SQL of the list of checks: the matches of a search, counted, and a part of them, most urgent first."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    Text,
    case,
    cast,
    collate,
    column,
    exists,
    false,
    func,
    or_,
    select,
)

from alerting.sql import among
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.checks.labels import labelled, occurs
from heartbeat.checks.lateness import WATCHED, one_of
from heartbeat.checks.roll import Roll
from heartbeat.checks.tables import STATE, checks, in_state
from heartbeat.http.console.checks.search import STATES, Search
from heartbeat.http.pages.shared import Everything

LABELS = 60
"""The number of labels in the menu of the list, the most common ones."""
SAMPLE = 3_000
"""Checks among which the most common labels are counted, if there are more."""
FEW = 2_000
"""Matches of a search up to which their numbers are read first, so that the texts are searched once."""
_SCATTER = 2_654_435_761
"""Knuth's multiplier: products of neighbouring numbers with it lie scattered over 32 bits."""


@dataclass(frozen=True, slots=True)
class Matches:
    """A part of the checks that match a search. `by_state` counts the matches in all states."""

    checks: Sequence[Check]
    by_state: Mapping[State, int]
    total: int


def find(db: Connection, search: Search, roll: Roll, limit: int) -> Matches:
    """Return the matches of a search, with `limit` checks of the page that it asks for."""
    late = one_of(db, roll.late) if len(roll.late) else false()
    conditions = _conditions(db, search)
    by_state = _counted(db, conditions, late) if conditions else roll.by_state
    states = STATES if search.state is None else (search.state,)
    ids: list[int] = []
    skip = (search.page - 1) * limit
    for state in states:
        count = by_state.get(state, 0)
        if skip < count and len(ids) < limit:
            ids += _slice(db, state, conditions, late, count, skip, limit - len(ids))
        skip = max(skip - count, 0)
    return Matches(_in_order(db, ids), by_state, sum(by_state.get(state, 0) for state in states))


def offered_labels(db: Connection, everything: Everything) -> list[tuple[str, str]]:
    """Return the most common labels with their values, by name, as all readers share them."""
    return everything.fact("labels", lambda: labels(db, everything.roll.total))


def labels(db: Connection, total: int) -> list[tuple[str, str]]:
    """Return the most common labels with their values, by name. If `total` checks are many, it reads a sample."""
    each = _each_label(db)
    count = func.count().label("many")
    query = (
        select(each.c.key, each.c.value, count)
        .select_from(checks)
        .group_by(each.c.key, each.c.value)
        .order_by(count.desc(), each.c.key, each.c.value)
        .limit(LABELS)
    )
    if total > SAMPLE:
        # The numbers are scattered first: the checks of a host may lie as regularly as every nth number.
        query = query.where(checks.c.id * _SCATTER % 2**32 < 2**32 * SAMPLE // total)
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


def _counted(
    db: Connection, conditions: Sequence[ColumnElement[bool]], late: ColumnElement[bool]
) -> dict[State, int]:
    """Count the matches by state, late ones apart."""
    query = select(STATE, func.count(), func.count().filter(WATCHED & late))
    by_state: dict[State, int] = {}
    for state, count, late_count in db.execute(query.where(*conditions).group_by(STATE)):
        by_state[State(state)] = count - late_count
        by_state[State.LATE] = by_state.get(State.LATE, 0) + late_count
    return {state: count for state, count in by_state.items() if count}


def _slice(
    db: Connection,
    state: State,
    conditions: Sequence[ColumnElement[bool]],
    late: ColumnElement[bool],
    count: int,
    skip: int,
    limit: int,
) -> list[int]:
    """Return the numbers of some matches in a state, in the order of the index of their state."""
    its_own: ColumnElement[bool]
    if state is State.LATE:
        its_own = WATCHED & late
    elif state in (State.NEW, State.UP):
        its_own = in_state(state) & ~late
    else:
        its_own = in_state(state)
    query = select(checks.c.id).where(its_own, *conditions)
    order = checks.c.severity_rank, func.lower(checks.c.name), checks.c.slug
    limit = min(limit, count - skip)
    if skip <= count // 2:
        return list(db.execute(query.order_by(*order).limit(limit).offset(skip)).scalars())
    # The end is nearer.
    backwards = query.order_by(*(part.desc() for part in order)).limit(limit).offset(count - skip - limit)
    return list(db.execute(backwards).scalars())[::-1]


def _conditions(db: Connection, search: Search) -> list[ColumnElement[bool]]:
    """Return the conditions of a search, without its state."""
    conditions = [condition for name, value in search.labels for condition in labelled(db, {name: value})]
    conditions += [_contains(db, word) for word in search.words]
    if not conditions:
        return []
    # Few matches are looked up by their numbers. Many are met soon in any order.
    few = db.execute(select(checks.c.id).where(*conditions).limit(FEW + 1)).scalars().all()
    return [one_of(db, few)] if len(few) <= FEW else conditions


def _contains(db: Connection, word: str) -> ColumnElement[bool]:
    """Return the condition that a word occurs in the name, slug, description or a label's value."""
    each = _each_label(db)
    labelled = exists(select(each.c.value).where(each.c.value.icontains(word, autoescape=True)))
    texts = (checks.c.name, checks.c.slug, checks.c.description)
    exactly = or_(*(text.icontains(word, autoescape=True) for text in texts), labelled)
    if json.dumps(word) != f'"{word}"':
        return exactly
    # A word of plain letters stands in the labels as it is. One look at all texts spares most checks the others.
    everything = (
        checks.c.name
        + "\n"
        + checks.c.slug
        + "\n"
        + checks.c.description
        + "\n"
        + cast(checks.c.labels, Text)
    )
    if db.dialect.name == "postgresql":
        everything = collate(everything, "C")
    return case((occurs(db, word.lower(), func.lower(everything)), exactly), else_=false())


def _in_order(db: Connection, ids: Sequence[int]) -> list[Check]:
    rows = db.execute(select(checks).where(among(db, checks.c.id, ids))) if ids else ()
    by_id = {check.id: check for check in map(check_store.check_of, rows)}
    return [by_id[number] for number in ids]


def _each_label(db: Connection) -> Any:
    """Return the labels of a check as rows."""
    each = func.json_each_text if db.dialect.name == "postgresql" else func.json_each
    columns = (column("key", String), column("value", String))
    return each(checks.c.labels).table_valued(*columns, joins_implicitly=True)
