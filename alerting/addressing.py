"""Finds the people and contacts of leased pages, as these are now."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerting import attempts, leases, outbox, timeline
from alerting.grouping import HELD
from alerting.incident import Entry
from alerting.notice import NoticeKind
from alerting.outbox import Page
from alerting.person import OPERATOR, Contact, Person

HUSHED = frozenset({NoticeKind.PAGE, NoticeKind.UPDATE})
"""The notices that quiet hours hold back, unless they are critical. An end is told at once."""

Addressed = tuple[Page, Person, Contact]
"""A leased page, with its person and contact as they are now."""


def addressed(
    db: Connection, pages: Sequence[Page], people: Mapping[str, Person], now: datetime
) -> list[Addressed]:
    """Return leased pages with their people and contacts. Notices whose contact is gone end."""
    attempts.write_attempts(db, [lost for page in pages if (lost := attempts.unrecorded(page))])
    recipients = [(page, recipient(page, people)) for page in pages]
    undeliverable = [page for page, contact in recipients if contact is None]
    if undeliverable:
        leases.end(db, [page.id for page in undeliverable])
        timeline.write(db, [ended(page, people, now) for page in undeliverable])
    reachable = [(page, *contact) for page, contact in recipients if contact is not None]
    moved = {
        page.id: outbox.recipient(page.person, contact)
        for page, _, contact in reachable
        if (page.via, page.contact_mark) != (contact.kind, contact.mark)
    }
    leases.readdress(db, moved)
    return reachable


def awake(db: Connection, pages: Sequence[Addressed], now: datetime) -> list[Addressed]:
    """Return the pages that may be sent now. Those of people in their quiet hours wait for the end of these."""
    until = {
        page.id: end
        for page, person, _ in pages
        if page.kind in HUSHED and (end := person.quiet_until(page.severity, now)) is not None
    }
    leases.hold(db, until)
    held = [(page, person) for page, person, _ in pages if page.id in until and page.kind is NoticeKind.PAGE]
    timeline.write(db, [held_entry(page.incident_id, person, until[page.id], now) for page, person in held])
    return [addressed for addressed in pages if addressed[0].id not in until]


def held_entry(incident_id: int, person: Person, until: datetime, now: datetime) -> Entry:
    """Return the timeline's line on a page that waits for the end of quiet hours."""
    words = f"page to {person.name}: held until {until:%d %b %H:%M} UTC by their quiet hours"
    return Entry(incident_id, now, HELD, words)


def recipient(page: Page, people: Mapping[str, Person]) -> tuple[Person, Contact] | None:
    """Return the person and the contact of a notice: for a page the next one, else the one that has the page."""
    person = people.get(page.person, OPERATOR)
    if page.kind is NoticeKind.PAGE:
        person = person if person.contacts else OPERATOR
        return person, person.way(page.severity, page.contact)
    for holder in (person, OPERATOR):
        contact = holder.contact_under(page.via, page.contact_mark)
        if contact is not None:
            return holder, contact
    return None


def ended(page: Page, people: Mapping[str, Person], now: datetime) -> Entry:
    """Return the timeline's line on a notice whose contact is gone."""
    name = people[page.person].name if page.person in people else page.person
    line = f"{page.kind.value} to {name} by {page.via}: not sent (this contact was removed)"
    return Entry(page.incident_id, now, "not told", line)
