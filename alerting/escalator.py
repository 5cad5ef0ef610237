"""Due incidents become pages. One sweep is one transaction over a bounded batch."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import escalation, grouping, outbox, roster, store, timeline
from alerting import incident as life
from alerting.escalation import Decision
from alerting.incident import Entry, Incident, State
from alerting.notice import Kind
from alerting.person import OPERATOR, Person

BATCH = 1000


def sweep(db: Connection, now: datetime, limit: int = BATCH) -> int:
    """Page for up to `limit` incidents whose time has come, and tell of changes; how many were worked on."""
    due = store.claim_due(db, now, limit)
    awake, held, entries = _awoken(db, due, now)
    decisions = {one.id: escalation.decide(one.policy, one.step, now) for one in awake}
    people = _known(db, {target for decision in decisions.values() for target in decision.targets})
    reached = {one.id: escalation.recipients(decisions[one.id].targets, people, now) for one in awake}
    # However long somebody cannot be reached, one page of an incident waits for them, and keeps its place in the
    # round of their contacts.
    waiting = outbox.waiting(db, reached.keys())
    fresh = {one.id: [p for p in reached[one.id] if (one.id, p.id) not in waiting] for one in awake}
    intended = [(one, person, decisions[one.id].reason) for one in awake for person in fresh[one.id]]
    outbox.intend(db, Kind.PAGE, intended, now)
    entries += [Entry(one.id, now, "paged", _said(decisions[one.id], reached[one.id])) for one in awake]
    after = [_stepped(one, decisions[one.id], now, fresh[one.id] == reached[one.id]) for one in awake]
    store.save(db, [*after, *held])
    timeline.write(db, entries)
    paged = {one.id for one in awake}
    return len(due) + _tell_changes(db, now, limit, paged)


def next_due(db: Connection) -> datetime | None:
    """When the first incident needs something done."""
    return store.next_due(db)


def _stepped(one: Incident, decision: Decision, now: datetime, all_told: bool) -> Incident:
    """One step on. A page tells all that there is to tell; one that is under way already may not know the latest."""
    told_at, tell_at = (now, None) if all_told else (one.told_at, one.tell_at)
    return replace(one, step=one.step + 1, next_at=decision.next_at, told_at=told_at, tell_at=tell_at)


def _said(decision: Decision, people: Iterable[Person]) -> str:
    return f"{decision.reason}: {', '.join(person.name for person in people)}"


def _awoken(
    db: Connection, due: list[Incident], now: datetime
) -> tuple[list[Incident], list[Incident], list[Entry]]:
    """Those that page now, and those whose quiet is over and that wait, because all that is wrong is held."""
    quiet = [one.id for one in due if one.state is not State.OPEN]
    holds = store.still_raised(db, quiet) if quiet else {}
    awake, held, entries = [], [], []
    for one in due:
        if one.state is not State.OPEN:
            again = life.on_quiet_over(one, now, holds.get(one.id))
            one = grouping.reopened(one, again)
            entries.append(Entry(one.id, now, "reopened", f"paging again: {again.reason}"))
        if one.next_at is not None and one.next_at > now:
            entries.append(Entry(one.id, now, grouping.HELD, f"held until {one.next_at:%d %b %H:%M} UTC"))
            held.append(one)
        else:
            awake.append(one)
    return awake, held, entries


def _known(db: Connection, names: set[str]) -> dict[str, Person]:
    found = roster.load_people(db, names) if names else {}
    return {name: person for name, person in found.items() if person.contacts}


def _tell_changes(db: Connection, now: datetime, limit: int, paged: set[int]) -> int:
    about = [one for one in store.claim_to_tell(db, now, limit) if one.id not in paged]
    if not about:
        return 0
    numbers = [one.id for one in about]
    symptoms = store.symptoms_of(db, numbers)
    told = outbox.paged_people(db, numbers)
    people = _known(db, {name for names in told.values() for name in names}) | {OPERATOR.id: OPERATOR}
    changes = {one.id: _changes(one, symptoms[one.id]) for one in about}
    outbox.supersede(db, numbers, (Kind.UPDATE,))
    outbox.intend(
        db,
        Kind.UPDATE,
        [
            (one, people[name], changes[one.id])
            for one in about
            for name in told.get(one.id, ())
            if name in people and changes[one.id]
        ],
        now,
    )
    store.save(db, [replace(one, told_at=now, tell_at=None) for one in about])
    return len(about)


def _changes(one: Incident, symptoms: list[life.RaisedSymptom]) -> str:
    """What has changed since it was last told, in short: "+2", "+1, 2 back"; empty where all is as it was."""
    since = one.told_at or one.opened_at
    joined = sum(1 for s in symptoms if s.raised_at > since and s.cleared_at is None)
    back = sum(1 for s in symptoms if s.cleared_at and s.cleared_at > since and s.raised_at <= since)
    parts = [f"+{joined}" if joined else "", f"{back} back" if back else ""]
    return ", ".join(part for part in parts if part)
