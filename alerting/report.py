"""Tells people once of something that is over and that nobody need answer. It is kept as a resolved incident.

Works inside the caller's transaction, as in `desk`, which is the door to this room.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerting import escalation, gather, outbox, recovery, roster, store, symptom_store
from alerting.incident import Pace, Symptom
from alerting.notice import NoticeKind
from alerting.notifiers import registry
from alerting.outbox import Intent
from alerting.person import Contact, Person


def report(
    db: Connection,
    symptom: Symptom,
    text: str,
    by: str,
    now: datetime,
    told: Sequence[Person] | None = None,
) -> int:
    """Write an incident that is over, and a notice of it to those who are first on call. Return its number.

    The first line of `text` is the title of the notice. With `told` it goes to these people instead, who have contacts.
    """
    gather.raise_(db, [symptom], now, Pace())
    (raised,) = symptom_store.raised_of(db, [symptom.key])
    recovery.clear(db, [(raised, symptom.facts.why)], now, Pace(), by=by)
    incident = store.load_many(db, [raised.incident_id])[raised.incident_id]
    people = told
    if people is None:
        crew = roster.load_crew(db)
        # Nobody can answer it, so it takes nobody's turn: it goes to all of a step that goes round.
        people = escalation.people_of(incident.policy, 0, crew, incident.severity, now).people
    intents = [Intent(incident, outbox.recipient(person.id, _read(person)), text) for person in people]
    outbox.intend(db, NoticeKind.RECOVERED, intents, now)
    return incident.id


def _read(person: Person) -> Contact:
    """Return the first contact that a person reads. A machine that opens incidents has none that this could end."""
    kinds = registry.installed().kinds
    own = [contact for contact in person.contacts if contact.kind in kinds and kinds[contact.kind].digests]
    return own[0] if own else person.contacts[0]
