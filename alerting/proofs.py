"""The SQL of test pages: the last one of each contact, and the last proof that one arrived.

A contact is named by its mark, so that a corrected address needs a proof of its own.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from alerting.crew_tables import contact_proofs, people
from alerting.person import Contact, Person
from alerting.proof import Marked, Proof
from alerting.sql import among


def load(db: Connection, names: Collection[str] | None = None) -> dict[Marked, Proof]:
    """Return the proofs of these people's contacts, or of everybody's."""
    query = select(contact_proofs)
    if names is not None:
        query = query.where(among(db, contact_proofs.c.person, names))
    return {
        (row.person, row.contact_mark): Proof(row.sent_at, row.outcome, row.said, row.proven_at)
        for row in db.execute(query)
    }


def sent(db: Connection, person: Person, results: Iterable[tuple[Contact, str, str]], now: datetime) -> None:
    """Record a test page to contacts of a person, each with its outcome and the provider's answer.

    Contacts that the person no longer has are forgotten.
    """
    for contact, outcome, said in results:
        _write(db, person, contact, sent_at=now, outcome=outcome, said=said)
    marks = [contact.mark for contact in person.all_contacts]
    gone = contact_proofs.c.contact_mark.not_in(marks)
    db.execute(delete(contact_proofs).where(contact_proofs.c.person == person.id, gone))


def proven(db: Connection, person: Person, contact: Contact, now: datetime) -> None:
    """Record that a human said that a test page arrived at this contact."""
    _write(db, person, contact, proven_at=now)


def refuted(db: Connection, person: Person, contact: Contact) -> None:
    """Forget the proof of a contact whose provider says that its address takes nothing."""
    db.execute(update(contact_proofs).where(_is(person, contact)).values(proven_at=None))


def renamed(db: Connection, previous: Person, current: Person) -> None:
    """Keep the proofs of contacts whose addresses are written differently and lead to the same place."""
    for old, new in zip(previous.all_contacts, current.all_contacts, strict=True):
        if old.mark != new.mark:
            moved(db, previous.id, old, new)


def moved(db: Connection, person: str, old: Contact, new: Contact) -> None:
    """Keep the proof of a contact whose address was replaced by one that leads to the same place."""
    proof = (contact_proofs.c.person == person) & (contact_proofs.c.contact_mark == old.mark)
    db.execute(update(contact_proofs).where(proof).values(contact_mark=new.mark))


def forget_strangers(db: Connection) -> None:
    """Delete the proofs of people who do not exist."""
    db.execute(delete(contact_proofs).where(contact_proofs.c.person.not_in(select(people.c.id))))


def _write(db: Connection, person: Person, contact: Contact, **values: Any) -> None:
    if not db.execute(update(contact_proofs).where(_is(person, contact)).values(**values)).rowcount:
        key = {"person": person.id, "contact_mark": contact.mark, "kind": contact.kind}
        db.execute(insert(contact_proofs).values(**key, **values))


def _is(person: Person, contact: Contact) -> ColumnElement[bool]:
    return (contact_proofs.c.person == person.id) & (contact_proofs.c.contact_mark == contact.mark)
