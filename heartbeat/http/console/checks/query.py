"""The SQL of the list of checks: the matches of a search, counted, and a part of them, most urgent first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    case,
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
from heartbeat.checks.lateness import Lateness, one_of
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


def find(db: Connection, search: Search, now: datetime, limit: int) -> Matches:
    """Return the matches of a search, with `limit` checks of the page that it asks for."""
    lateness = Lateness(db, now)
    conditions = _conditions(db, search)
    counted = select(lateness.state, func.count()).where(*conditions).group_by(lateness.state)
    by_state = {State(state): count for state, count in db.execute(counted)}
    total = sum(by_state.values()) if search.state is None else by_state.get(search.state, 0)
    query = select(checks.c.id).where(*conditions)
    if search.state is not None:
        query = query.where(lateness.state == search.state.value)
    offset = (search.page - 1) * limit
    ids = list(db.execute(_ordered(query, lateness).limit(limit).offset(offset)).scalars()) if total else []
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
    return [one_of(db, db.execute(matching).scalars().all())]


def _contains(db: Connection, word: str) -> ColumnElement[bool]:
    """Return the condition that a word occurs in the name, slug, description or a label's value."""
    each = _each_label(db)
    labelled = exists(select(each.c.value).where(each.c.value.icontains(word, autoescape=True)))
    texts = (checks.c.name, checks.c.slug, checks.c.description)
    return or_(*(text.icontains(word, autoescape=True) for text in texts), labelled)


def _ordered(query: Select[int], lateness: Lateness) -> Select[int]:
    rank = case({state.value: place for place, state in enumerate(STATES)}, value=lateness.state)
    return query.order_by(rank, checks.c.severity_rank, func.lower(checks.c.name), checks.c.slug)


def _in_order(db: Connection, ids: Sequence[int]) -> list[Check]:
    rows = db.execute(select(checks).where(among(db, checks.c.id, ids))) if ids else ()
    by_id = {check.id: check for check in map(check_store.check_of, rows)}
    return [by_id[number] for number in ids]


def _each_label(db: Connection) -> Any:
    """Return the labels of a check as rows."""
    each = func.json_each_text if db.dialect.name == "postgresql" else func.json_each
    columns = (column("key", String), column("value", String))
    return each(checks.c.labels).table_valued(*columns, joins_implicitly=True)
