"""Finds the notice that an id names: our own id, which a button carries, or that of the provider that took it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from alerting import attempts, digest_members, outbox, outside
from alerting.outside import DigestId, PageId, TestId


@dataclass(frozen=True, slots=True)
class NamedPage:
    """A page or another notice: its incident and occurrence, and its person."""

    incident: int
    occurrence: int
    person: str


@dataclass(frozen=True, slots=True)
class NamedDigest:
    """A digest, and its person."""

    number: int
    person: str


@dataclass(frozen=True, slots=True)
class NamedTest:
    """A test page: its person, the mark of its contact, and when it was sent."""

    person: str
    mark: str
    sent_at: datetime


Named = NamedPage | NamedDigest | NamedTest


def named(db: Connection, notice_id: str) -> Named | None:
    """Return the notice of this id of ours, None if it was not sent from here."""
    match outside.read(notice_id):
        case PageId(number, created_at):
            page = outbox.load(db, number)
            if page is None or page.created_at != created_at:
                return None
            return NamedPage(page.incident_id, page.occurrence, page.person)
        case DigestId(number, created_at):
            found = digest_members.recipient_of(db, number)
            return NamedDigest(number, found[0]) if found and found[1] == created_at else None
        case TestId(person, mark, sent_at):
            return NamedTest(person, mark, sent_at)
        case None:
            return None


def sent_under(db: Connection, via: str, provider_id: str, before: datetime | None = None) -> list[Named]:
    """Return what this kind of notifier has sent under this id of its provider: pages, or one digest of them.

    If a time is given, what was sent before.
    """
    number = attempts.digest_sent_as(db, via, provider_id)
    found = digest_members.recipient_of(db, number) if number is not None else None
    if number is not None and found is not None:
        return [NamedDigest(number, found[0])]
    people = {
        (page.incident_id, page.occurrence): page.person
        for page in attempts.sent_as(db, via, provider_id, before)
    }
    return [NamedPage(*paged, person) for paged, person in sorted(people.items())]
