"""Turns due incidents into pages. One sweep is one transaction over a bounded batch."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import escalation, grouping, outbox, roster, store, timeline
from alerting import incident as life
from alerting.escalation import Decision
from alerting.incident import Entry, Incident, State
from alerting.notice import NoticeKind
from alerting.person import Person
from alerting.tell import tell

BATCH = 1000


def sweep(db: Connection, now: datetime, limit: int = BATCH) -> int:
    """Page for up to `limit` due incidents, and tell of changes. Return the number of incidents."""
    due = store.claim_due(db, now, limit)
    paging, held, entries = _reopened(db, due, now)
    decisions = {incident.id: escalation.decide(incident.policy, incident.step, now) for incident in paging}
    people = _reachable(db, {target for decision in decisions.values() for target in decision.targets})
    recipients = {
        number: escalation.recipients(decision.targets, people, now) for number, decision in decisions.items()
    }
    # However long a person cannot be reached, one page of an incident waits for them, and keeps its place in the
    # round of their contacts.
    waiting = outbox.waiting(db, recipients.keys())
    pages, stepped = [], []
    for incident in paging:
        decision, everybody = decisions[incident.id], recipients[incident.id]
        free = [person for person in everybody if (incident.id, person.id) not in waiting]
        pages += [(incident, person, decision.reason) for person in free]
        line = f"{decision.reason}: {', '.join(person.name for person in everybody)}"
        entries.append(Entry(incident.id, now, "paged", line))
        stepped.append(_stepped(incident, decision, now, free == everybody))
    outbox.intend_pages(db, pages, now)
    store.save(db, [*stepped, *held])
    timeline.write(db, entries)
    return len(due) + _tell_changes(db, now, limit, {incident.id for incident in paging})


def next_due(db: Connection) -> datetime | None:
    """Return the time of the next action of any incident."""
    return store.next_due(db)


def _stepped(incident: Incident, decision: Decision, now: datetime, tells_all: bool) -> Incident:
    """Return the incident one step on. A page that waits already may lack the latest news, so it does not tell all."""
    told_at, tell_at = (now, None) if tells_all else (incident.told_at, incident.tell_at)
    return replace(
        incident, step=incident.step + 1, next_at=decision.next_at, told_at=told_at, tell_at=tell_at
    )


def _reopened(
    db: Connection, due: list[Incident], now: datetime
) -> tuple[list[Incident], list[Incident], list[Entry]]:
    """Return the incidents that page now, those that wait because all their symptoms are held, and timeline lines."""
    quiet = [incident.id for incident in due if incident.state is not State.OPEN]
    holds = store.still_raised(db, quiet) if quiet else {}
    paging, held, entries = [], [], []
    for incident in due:
        if incident.state is not State.OPEN:
            reopening = life.on_quiet_over(incident, now, holds.get(incident.id))
            incident = grouping.reopened(incident, reopening)
            entries.append(Entry(incident.id, now, "reopened", f"paging again: {reopening.reason}"))
        if incident.next_at is not None and incident.next_at > now:
            line = f"held until {incident.next_at:%d %b %H:%M} UTC"
            entries.append(Entry(incident.id, now, grouping.HELD, line))
            held.append(incident)
        else:
            paging.append(incident)
    return paging, held, entries


def _reachable(db: Connection, names: set[str]) -> dict[str, Person]:
    people = roster.load_people(db, names) if names else {}
    return {name: person for name, person in people.items() if person.contacts}


def _tell_changes(db: Connection, now: datetime, limit: int, paged: set[int]) -> int:
    incidents = [incident for incident in store.claim_to_tell(db, now, limit) if incident.id not in paged]
    if not incidents:
        return 0
    numbers = [incident.id for incident in incidents]
    symptoms = store.symptoms_of(db, numbers)
    changes = [(incident, _changes(incident, symptoms[incident.id])) for incident in incidents]
    outbox.supersede(db, numbers, (NoticeKind.UPDATE,))
    tell(db, NoticeKind.UPDATE, [(incident, words) for incident, words in changes if words], now)
    store.save(db, [replace(incident, told_at=now, tell_at=None) for incident in incidents])
    return len(incidents)


def _changes(incident: Incident, symptoms: list[life.RaisedSymptom]) -> str:
    """Return the changes since the last notice in short: "+2", "+1, 2 back"; empty without any."""
    since = incident.told_at or incident.opened_at
    joined = sum(1 for s in symptoms if s.raised_at > since and s.cleared_at is None)
    back = sum(1 for s in symptoms if s.cleared_at and s.cleared_at > since and s.raised_at <= since)
    parts = [f"+{joined}" if joined else "", f"{back} back" if back else ""]
    return ", ".join(part for part in parts if part)
