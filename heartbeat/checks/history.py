"""The SQL of state changes: each change of a check's state, kept for a time."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, func, select, update

from alerting.sql import insert_many
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Change, Check, Raised, State, Tolerated
from heartbeat.checks.tables import transitions


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of a check's state, or a fault that it tolerates: that has a cause, and a state that is not down."""

    check_id: int
    at: datetime
    state: State
    cause: Cause | None
    why: str


def write(db: Connection, changes: Iterable[tuple[Change, Check, datetime]]) -> None:
    """Record changes of state, each as (decision, previous check, time). A decision that changes nothing is skipped."""
    rows = [
        {
            "check_id": change.check.id,
            "at": at,
            "state": change.check.state.value,
            "cause": _cause(change),
            "why": change.event.why if change.event else "",
        }
        for change, previous, at in changes
        if (change.check.state, change.check.cause) != (previous.state, previous.cause)
        or isinstance(change.event, Raised | Tolerated)
    ]
    insert_many(db, transitions, rows)


def settle(db: Connection, known: Change, since: datetime, until: datetime | None) -> bool:
    """Write what a check was when it was taken for unknown, if that was its first change in this time.

    Return False if there is no such row.
    """
    within = transitions.c.at >= since if until is None else transitions.c.at.between(since, until)
    first = select(transitions.c.id).where(transitions.c.check_id == known.check.id, within)
    row = transitions.c.id == first.order_by(transitions.c.id).limit(1).scalar_subquery()
    said = known.event.why if known.event else "pinged"
    values = {
        "state": known.check.state.value,
        "cause": _cause(known),
        "why": f"{said} at {since:%H:%M} UTC, heard later",
    }
    unknown = transitions.c.state == State.UNKNOWN.value
    return bool(db.execute(update(transitions).where(row, unknown).values(values)).rowcount)


def _cause(change: Change) -> str | None:
    cause = change.event.cause if isinstance(change.event, Tolerated) else change.check.cause
    return cause.value if cause else None


def of_check(db: Connection, check_id: int, limit: int, until: datetime | None = None) -> list[Transition]:
    """Return the newest changes of a check's state, newest first. With `until`, only those up to then."""
    query = (
        select(transitions)
        .where(transitions.c.check_id == check_id)
        .order_by(transitions.c.id.desc())
        .limit(limit)
    )
    if until is not None:
        query = query.where(transitions.c.at <= until)
    return [
        Transition(row.check_id, row.at, State(row.state), Cause(row.cause) if row.cause else None, row.why)
        for row in db.execute(query)
    ]


def old(db: Connection, horizon: datetime, limit: int) -> Sequence[int]:
    """Return the ids of up to `limit` changes of state to delete: each was followed by another before `horizon`.

    The last change before `horizon` stays, because it says which state the check had from then on.
    """
    later = transitions.alias()
    followed = select(later.c.id).where(
        later.c.check_id == transitions.c.check_id, later.c.id > transitions.c.id, later.c.at < horizon
    )
    query = select(transitions.c.id).where(transitions.c.at < horizon, followed.exists())
    return db.execute(query.order_by(transitions.c.at).limit(limit)).scalars().all()


def crowded(db: Connection, most: int) -> dict[int, int]:
    """Return the checks with more than `most` changes of state, each with its last change to delete."""
    crowd = select(transitions.c.check_id).group_by(transitions.c.check_id).having(func.count() > most)
    return {check_id: _nth_newest(db, check_id, most) for check_id in db.execute(crowd).scalars().all()}


def up_to(db: Connection, check_id: int, last: int, limit: int) -> Sequence[int]:
    """Return the ids of up to `limit` changes of a check's state, none after `last`."""
    query = select(transitions.c.id).where(transitions.c.check_id == check_id, transitions.c.id <= last)
    return db.execute(query.limit(limit)).scalars().all()


def _nth_newest(db: Connection, check_id: int, n: int) -> int:
    query = select(transitions.c.id).where(transitions.c.check_id == check_id)
    return db.execute(query.order_by(transitions.c.id.desc()).offset(n).limit(1)).scalar() or 0


def remove(db: Connection, ids: Collection[int]) -> int:
    """Delete these changes of state. Return how many still existed."""
    return db.execute(delete(transitions).where(transitions.c.id.in_(ids))).rowcount


def transitions_of(
    db: Connection, check_id: int, limit: int, before_id: int | None = None
) -> list[RowMapping]:
    """Return changes of a check's state, newest first. With `before_id`, only those with a lower id."""
    query = (
        select(transitions)
        .where(transitions.c.check_id == check_id)
        .order_by(transitions.c.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        query = query.where(transitions.c.id < before_id)
    return list(db.execute(query).mappings())
