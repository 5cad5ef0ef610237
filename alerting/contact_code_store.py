"""The SQL of the codes that prove contacts. They are stored as hashes, and deleted once they limit nothing more.

A contact is named by its mark, so that a code never proves a corrected address.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from alerting.contact_code import WINDOW, Code
from alerting.crew_tables import contact_codes, people
from alerting.delivery import is_id
from alerting.person import Contact
from alerting.sql import among


def lock_person(db: Connection, person: str) -> None:
    """Let nobody else send or type a code of this person until the transaction ends."""
    db.execute(select(people.c.id).where(people.c.id == person).with_for_update())


def of_person(db: Connection, person: str, now: datetime) -> list[Code]:
    """Return the codes of the last hour to the contacts of a person, oldest first."""
    recent = contact_codes.c.person == person, contact_codes.c.sent_at > now - WINDOW
    return [
        _code(row) for row in db.execute(select(contact_codes).where(*recent).order_by(contact_codes.c.id))
    ]


def add(db: Connection, person: str, contact: Contact, hashed: str, now: datetime) -> int:
    """Write a code that is about to be sent, and return its number. Codes that limit nothing more are deleted."""
    db.execute(delete(contact_codes).where(contact_codes.c.sent_at <= now - WINDOW))
    values = {"person": person, "contact_mark": contact.mark, "kind": contact.kind, "code_hash": hashed}
    number: int = db.execute(
        insert(contact_codes).values(**values, sent_at=now, wrong=0, used=False).returning(contact_codes.c.id)
    ).scalar_one()
    return number


def record(db: Connection, number: int, outcome: str, said: str, provider_id: str | None) -> None:
    """Write the outcome of sending a code, with the provider's id of the message."""
    values = {"outcome": outcome, "said": said, "provider_id": provider_id}
    db.execute(update(contact_codes).where(contact_codes.c.id == number).values(values))


def count_wrong(db: Connection, code: Code) -> None:
    """Count a wrong try."""
    db.execute(update(contact_codes).where(contact_codes.c.id == code.id).values(wrong=code.wrong + 1))


def use(db: Connection, code: Code) -> None:
    """Write that a code was typed, after which it is of no more use."""
    db.execute(update(contact_codes).where(contact_codes.c.id == code.id).values(used=True))


def known_ids(db: Connection, via: str, provider_ids: Collection[str]) -> set[str]:
    """Return those of a provider's ids under which this kind of notifier has sent a code."""
    ids = [text for text in provider_ids if is_id(text)]
    sent = contact_codes.c.kind == via, among(db, contact_codes.c.provider_id, ids)
    return set(db.execute(select(contact_codes.c.provider_id).where(*sent)).scalars())


def report(db: Connection, via: str, provider_id: str, receipt: str, reason: str | None) -> None:
    """Write a provider's report on a code. As for pages, *undelivered* outweighs *delivered*."""
    if not is_id(provider_id):
        return
    sent = contact_codes.c.kind == via, contact_codes.c.provider_id == provider_id
    unsettled = contact_codes.c.receipt.is_distinct_from("undelivered")
    values = {"receipt": receipt, "receipt_said": reason}
    db.execute(update(contact_codes).where(*sent, unsettled).values(values))


def newest(db: Connection, limit: int) -> list[Any]:
    """Return what the newest codes of all people have come to, for those who watch a screen with one."""
    columns = contact_codes.c.id, contact_codes.c.outcome, contact_codes.c.receipt, contact_codes.c.used
    rows = db.execute(select(*columns).order_by(contact_codes.c.id.desc()).limit(limit))
    return [tuple(row) for row in rows]


def forget_strangers(db: Connection) -> None:
    """Delete the codes of people who do not exist."""
    db.execute(delete(contact_codes).where(contact_codes.c.person.not_in(select(people.c.id))))


def _code(row: Row[Any]) -> Code:
    return Code(
        id=row.id,
        person=row.person,
        mark=row.contact_mark,
        hashed=row.code_hash,
        sent_at=row.sent_at,
        wrong=row.wrong,
        used=row.used,
        outcome=row.outcome,
        said=row.said,
        receipt=row.receipt,
        receipt_said=row.receipt_said,
    )
