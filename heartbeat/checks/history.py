"""The SQL of what checks have been through: each change of a check's state, kept for a time."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, select

from alerting.sql import insert_many
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Change, Check, Raised, State
from heartbeat.checks.tables import transitions


@dataclass(frozen=True, slots=True)
class Transition:
    """A check changed its state at an instant."""

    check_id: int
    at: datetime
    state: State
    cause: Cause | None
    why: str


def write(db: Connection, changed: Iterable[tuple[Change, Check, datetime]]) -> None:
    """Keep that checks changed their state: (decision, the check before, when)."""
    rows = [
        {
            "check_id": change.check.id,
            "at": at,
            "state": change.check.state.value,
            "cause": change.check.cause.value if change.check.cause else None,
            "why": change.event.why if change.event else "",
        }
        for change, before, at in changed
        if (change.check.state, change.check.cause) != (before.state, before.cause)
        or isinstance(change.event, Raised)
    ]
    insert_many(db, transitions, rows)


def of_check(db: Connection, check_id: int, limit: int) -> list[Transition]:
    """The newest changes of a check's state, newest first."""
    query = (
        select(transitions)
        .where(transitions.c.check_id == check_id)
        .order_by(transitions.c.id.desc())
        .limit(limit)
    )
    return [
        Transition(row.check_id, row.at, State(row.state), Cause(row.cause) if row.cause else None, row.why)
        for row in db.execute(query)
    ]


def old(db: Connection, before: datetime, limit: int) -> Sequence[int]:
    """Up to `limit` changes of state that may be forgotten: each was followed by another before that instant.

    The last one before it stays, for it says how the check stood from then on.
    """
    later = transitions.alias()
    followed = select(later.c.id).where(
        later.c.check_id == transitions.c.check_id, later.c.id > transitions.c.id, later.c.at < before
    )
    query = select(transitions.c.id).where(transitions.c.at < before, followed.exists())
    return db.execute(query.order_by(transitions.c.at).limit(limit)).scalars().all()


def remove(db: Connection, ids: Collection[int]) -> int:
    """Forget these changes of state; how many there still were."""
    return db.execute(delete(transitions).where(transitions.c.id.in_(ids))).rowcount


def transitions_of(db: Connection, check_id: int, limit: int, before: int | None = None) -> list[RowMapping]:
    """Changes of a check's state, newest first. `before` is the number to go on from."""
    query = (
        select(transitions)
        .where(transitions.c.check_id == check_id)
        .order_by(transitions.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(transitions.c.id < before)
    return list(db.execute(query).mappings())
