"""Symptoms that wait: consequences of another symptom, in whose incident they are held.

A consequence does not keep its incident from recovering, and is not told. Once what it waits for is well, or its
incident is over, upstairs says where it belongs, and it moves there. Each function works inside the caller's
transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from alerting import gather, recovery, waiting_store
from alerting.incident import Entry, Incident, Pace, RaisedSymptom, Symptom

LEFT: Final = "left this incident"
"""The reason for which a symptom clears that moves."""
GROUPS = 100
"""Parents of which the consequences move at once, at most. A statement cannot name any number."""


@dataclass(frozen=True, slots=True)
class Move:
    """A symptom that leaves its incident, how it is raised anew, and the reason in words."""

    leaves: RaisedSymptom
    symptom: Symptom
    why: str


def anything_waits(db: Connection) -> bool:
    """Return whether anything waits, or has waited for what is well: the cheap question before the next turn."""
    return waiting_store.anything(db)


def next_turn(db: Connection, pace: Pace) -> datetime | None:
    """Return the time at which a symptom need no longer wait, or must wait again."""
    turns = [group.released_at for group in waiting_store.groups(db, pace)]
    turns += [at for _, at in waiting_store.down_again(db, 1)]
    return min((at for at in turns if at is not None), default=None)


def turning(db: Connection, now: datetime, pace: Pace, limit: int) -> list[RaisedSymptom]:
    """Return up to `limit` symptoms that need no longer wait, or whose parent is down again, the oldest first."""
    if not anything_waits(db):
        return []
    released = [
        group
        for group in waiting_store.groups(db, pace)
        if group.released_at is not None and group.released_at <= now
    ]
    again = [symptom for symptom, _ in waiting_store.down_again(db, limit)]
    symptoms = [*waiting_store.waiting_in(db, released[:GROUPS], limit), *again]
    return sorted(symptoms, key=lambda symptom: symptom.id)[:limit]


def with_incidents(db: Connection, keys: Collection[str]) -> dict[str, tuple[RaisedSymptom, Incident]]:
    """Return the raised symptoms of these keys, each with its incident."""
    return waiting_store.with_incidents(db, keys)


def move(db: Connection, moves: Sequence[Move], now: datetime, pace: Pace) -> None:
    """Take symptoms out of their incidents, and raise them anew where their cause keys say."""
    rows = [(move.leaves, LEFT) for move in moves]
    words = [f"{move.leaves.title} {LEFT}: {move.why}" for move in moves]
    entries = [Entry(row.incident_id, now, "moved", line) for (row, _), line in zip(rows, words, strict=True)]
    # What has the same cause key must not continue an incident that is over.
    recovery.settle_these(db, {row.incident_id for row, _ in rows}, now)
    recovery.take_out(db, rows, entries, now, pace)
    gather.raise_(db, [move.symptom for move in moves], now, pace)


def forget(db: Connection, waiting: Collection[RaisedSymptom]) -> None:
    """Let symptoms wait for nothing any more. They stay in their incidents until the end of their holds."""
    waiting_store.forget(db, [symptom.id for symptom in waiting])
