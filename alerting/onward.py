"""Moves pages on that were accepted and not answered: to the next contact that its person has set a time for, or to
the one that follows where no receipt has come in time.

The time stands in the row, so that a crash loses nothing: whoever sweeps next takes it up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import attempts, delivery, onward_store, outbox, roster, store, timeline, times
from alerting.delivery import Delivered, Onward
from alerting.incident import Entry
from alerting.onward_store import Further
from alerting.outbox import Page
from alerting.person import OPERATOR, Person

AGAIN = timedelta(seconds=5)
"""The wait for another page of the incident to the same person that is still being delivered."""


@dataclass(frozen=True, slots=True)
class Move:
    """A page that moves on, its person, and the contact."""

    page: Page
    person: Person
    onward: Onward


def sweep(db: Connection, now: datetime, limit: int) -> int:
    """Move up to `limit` pages on that are due for it. Return how many were looked at."""
    due = onward_store.due(db, now, limit)
    if not due:
        return 0
    # Incidents before pages, in the order in which answers lock them.
    incidents = store.lock(db, {number for _, number in due})
    pages = onward_store.lock_due(db, [number for number, _ in due], now)
    people = roster.load_people(db, {page.person for page in pages})
    waiting = set(outbox.waiting(db, incidents.keys()))
    moves: list[Move] = []
    later: dict[int, Delivered] = {}
    for page in pages:
        person = _reachable(page, people)
        if not delivery.still_needed(page.kind, page.occurrence, incidents[page.incident_id]):
            later[page.id] = Delivered()
        elif (page.incident_id, page.person) in waiting:
            # One page of an incident waits for a person at a time.
            later[page.id] = Delivered(now + AGAIN, page.receipt_by)
        elif isinstance(where := delivery.onward(page.tries(person), page.receipt_by, now), Onward):
            moves.append(Move(page, person, where))
            waiting.add((page.incident_id, page.person))
        else:
            later[page.id] = where
    onward_store.put_off(db, later)
    _move(db, moves, now)
    return len(due)


def _move(db: Connection, moves: Sequence[Move], now: datetime) -> None:
    missing = [move.page.id for move in moves if move.onward.receipt_missing]
    attempts.write_missing(db, missing, now)
    onward_store.put_off(db, {move.page.id: Delivered() for move in moves if move.onward.contact is None})
    onward_store.move_on(
        db, [_further(move, move.onward.contact) for move in moves if move.onward.contact is not None], now
    )
    timeline.write(db, [_entry(move, now) for move in moves])


def _further(move: Move, number: int) -> Further:
    contact = move.person.way(move.page.severity, number)
    return Further(
        move.page, number, contact, None if move.onward.receipt_missing else move.page.delivered_at
    )


def _reachable(page: Page, people: Mapping[str, Person]) -> Person:
    person = people.get(page.person, OPERATOR)
    return person if person.contacts else OPERATOR


def _entry(move: Move, now: datetime) -> Entry:
    page, onward = move.page, move.onward
    following = None
    if onward.contact is not None:
        following = move.person.way(page.severity, onward.contact).kind
    if onward.receipt_missing:
        goes = f"it goes to {following}" if following else "there is no further contact"
        line = f"page to {move.person.name} by {page.via}: no receipt in time; {goes}"
        return Entry(page.incident_id, now, "not told", line)
    waited = times.duration(now - page.created_at)
    line = f"{move.person.name} has not answered by {page.via} after {waited}: next is {following}"
    return Entry(page.incident_id, now, "moved on", line)
