"""Finds the people and contacts of leased pages, as these are now."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerting import attempts, leases, outbox, timeline
from alerting.incident import Entry
from alerting.notice import NoticeKind
from alerting.outbox import Page
from alerting.person import OPERATOR, Contact, Person


def addressed(
    db: Connection, pages: Sequence[Page], people: Mapping[str, Person], now: datetime
) -> list[tuple[Page, Person, Contact]]:
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
