"""The SQL of pages and other notices: each waits here until it is delivered or no longer needed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, func, or_, select, update

from alerting import news
from alerting.delivery import Tries
from alerting.incident import Incident
from alerting.news import NO_NEWS, News
from alerting.notice import NoticeKind
from alerting.person import Contact, Person
from alerting.severity import Severity
from alerting.sql import among, insert_many, update_many
from alerting.tables import attempts, incidents, pages

RANKS = range(len(Severity))


@dataclass(frozen=True, slots=True)
class Page:
    """A row of the outbox: a page, or another notice to a person who was paged."""

    id: int
    incident_id: int
    kind: NoticeKind
    person: str
    occurrence: int
    step: int
    severity: Severity
    words: str
    news: News
    state: str
    created_at: datetime
    contact: int
    via: str
    contact_mark: str | None
    attempts: int
    contact_attempts: int
    throttled: bool
    lease: int
    leased_until: datetime | None
    """The end of the last lease, None once its outcome is recorded. For a page just leased: of the lease before."""
    delivered_at: datetime | None
    digest_id: int | None = None
    onward_at: datetime | None = None
    """The time at which a delivered page moves on to a further contact, unless somebody answers."""
    receipt_by: datetime | None = None
    """The time by which the provider should have reported that it arrived. None if it has, or never does."""
    not_before: datetime | None = None
    """The time at which its present contact could be tried first, if that is later than `created_at`."""
    next_at: datetime | None = None
    """The time of the next attempt."""

    @property
    def place(self) -> tuple[int, str]:
        """Its incident and its person."""
        return self.incident_id, self.person

    def tries(self, person: Person) -> Tries:
        """Return the tries so far, for this person."""
        ways = person.ways(self.severity)
        return Tries(self.kind, self.created_at, self.attempts, self.contact_attempts, self.contact, ways)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person, and the contact that a notice goes to, or goes to first: its kind and mark."""

    person: str
    via: str
    contact_mark: str | None


@dataclass(frozen=True, slots=True)
class Intent:
    """A notice to write: its recipient, its incident, and what is known only now: the words, and the news."""

    incident: Incident
    recipient: Recipient
    words: str
    news: News = NO_NEWS
    before: Page | None = None
    """The page that this one takes the place of: it waits as that did, for the same contact."""


def intend(
    db: Connection, kind: NoticeKind, intents: Iterable[Intent], now: datetime, *, unless_there: bool = False
) -> None:
    """Write notices. With `unless_there`, a page stays that the same step has written for the same person."""
    rows = [
        {
            "incident_id": intent.incident.id,
            "kind": kind.value,
            "person": intent.recipient.person,
            "occurrence": intent.incident.occurrence,
            "step": intent.incident.step,
            "severity_rank": intent.incident.severity.rank,
            "words": intent.words,
            "news": intent.news,
            "state": "pending",
            "created_at": now,
            "via": intent.recipient.via,
            "contact_mark": intent.recipient.contact_mark,
            "lease": 0,
            **_place(intent.before, now),
        }
        for intent in intents
    ]
    insert_many(db, pages, rows, on_conflict="ON CONFLICT DO NOTHING" if unless_there else "")


def _place(before: Page | None, now: datetime) -> dict[str, Any]:
    """Return how a new row waits: as the one before it did, or at once for the first contact."""
    return {
        "next_at": before.next_at if before else now,
        "not_before": before.not_before if before else None,
        "contact": before.contact if before else 0,
        "attempts": before.attempts if before else 0,
        "contact_attempts": before.contact_attempts if before else 0,
        "throttled": before.throttled if before else False,
    }


def intend_pages(
    db: Connection,
    notices: Iterable[tuple[Incident, Person, str, News]],
    now: datetime,
    *,
    places: Mapping[tuple[int, str], Page] = MappingProxyType({}),
    unless_there: bool = False,
) -> None:
    """Write pages, each for a person about an incident.

    A page begins with the person's first contact, unless it takes the place of one that waits for a contact: `places`
    has these by incident and person.
    """
    intents = [
        _page_for(incident, person, text, news, places.get((incident.id, person.id)))
        for incident, person, text, news in notices
    ]
    intend(db, NoticeKind.PAGE, intents, now, unless_there=unless_there)


def _page_for(incident: Incident, person: Person, text: str, news: News, before: Page | None) -> Intent:
    # Worse trouble may have other contacts: then it begins with the first of these.
    if before and person.way(incident.severity, before.contact).mark != before.contact_mark:
        before = None
    contact = person.way(incident.severity, before.contact if before else 0)
    return Intent(incident, recipient(person.id, contact), text, news, before)


def recipient(person: str, contact: Contact) -> Recipient:
    """Return a person with one of their contacts as rows name it."""
    return Recipient(person, contact.kind, contact.mark)


def load(db: Connection, number: int) -> Page | None:
    """Return the page of this number, None if there is none."""
    row = db.execute(select(pages).where(pages.c.id == number)).one_or_none()
    return page_of(row) if row else None


def withdraw_updates(db: Connection, incident_ids: Collection[int]) -> dict[tuple[int, Recipient], News]:
    """Withdraw the updates of these incidents that wait, and return their news. Those under way stay."""
    # What people have done is told as it is: nothing follows it.
    waiting = [page for page in _lock_waiting(db, incident_ids, NoticeKind.UPDATE) if page.news]
    _withdraw(db, waiting)
    return {
        (page.incident_id, Recipient(page.person, page.via, page.contact_mark)): page.news for page in waiting
    }


def news_to_come(db: Connection, incident_ids: Collection[int]) -> dict[tuple[int, Recipient], News]:
    """Return the news of these incidents that is written and not delivered yet, by recipient."""
    query = select(pages).where(
        among(db, pages.c.incident_id, incident_ids),
        pages.c.kind == NoticeKind.UPDATE,
        pages.c.state == "pending",
    )
    coming: dict[tuple[int, Recipient], News] = {}
    for page in (page_of(row) for row in db.execute(query.order_by(pages.c.id))):
        place = page.incident_id, Recipient(page.person, page.via, page.contact_mark)
        coming[place] = news.followed(coming.get(place, NO_NEWS), page.news)
    return coming


def written_with(db: Connection, notices: Collection[Page]) -> dict[int, list[Page]]:
    """Return for each of these notices those that were written with it, for other contacts of its person."""
    query = select(pages).where(
        among(db, pages.c.incident_id, {page.incident_id for page in notices}),
        pages.c.kind.in_({page.kind for page in notices}),
        pages.c.state.in_(("pending", "delivered")),
    )
    alike: dict[tuple[int, str, NoticeKind, datetime], list[Page]] = {}
    for page in (page_of(row) for row in db.execute(query.order_by(pages.c.id))):
        alike.setdefault((*page.place, page.kind, page.created_at), []).append(page)
    return {
        page.id: [
            other for other in alike.get((*page.place, page.kind, page.created_at), ()) if other.id != page.id
        ]
        for page in notices
    }


def supersede(db: Connection, incident_ids: Collection[int], kinds: Collection[NoticeKind]) -> None:
    """Withdraw the waiting notices of these kinds: somebody answered, or the incident is over. No page moves on."""
    db.execute(
        update(pages)
        .where(among(db, pages.c.incident_id, incident_ids), pages.c.onward_at.is_not(None))
        .values(onward_at=None, receipt_by=None)
    )
    db.execute(
        update(pages)
        .where(
            among(db, pages.c.incident_id, incident_ids), pages.c.state == "pending", pages.c.kind.in_(kinds)
        )
        .values(state="superseded", next_at=None)
    )


def hold_no_longer(db: Connection, incident_ids: Collection[int], now: datetime) -> None:
    """Let no quiet hours hold back pages of these incidents, which are critical now.

    Pages that wait for the end of quiet hours are withdrawn, so that new ones can be written.
    """
    if not incident_ids:
        return
    waiting = update(pages).where(
        among(db, pages.c.incident_id, incident_ids),
        pages.c.kind == NoticeKind.PAGE,
        pages.c.state == "pending",
        pages.c.severity_rank > Severity.CRITICAL.rank,
    )
    held = pages.c.not_before > now, pages.c.leased_until.is_(None)
    db.execute(waiting.where(*held).values(state="superseded", next_at=None))
    db.execute(waiting.values(severity_rank=Severity.CRITICAL.rank))


def look_again(db: Connection, people: Collection[str]) -> None:
    """Let the notices that wait for the quiet hours of these people be looked at now: their hours may have changed."""
    held = pages.c.not_before > pages.c.created_at, pages.c.next_at == pages.c.not_before
    db.execute(
        update(pages)
        .where(among(db, pages.c.person, people), pages.c.state == "pending", pages.c.leased_until.is_(None))
        .where(*held, ~pages.c.throttled)
        .values(next_at=pages.c.created_at, not_before=None)
    )


def paged_people(db: Connection, incident_ids: Collection[int]) -> dict[int, list[str]]:
    """Return by incident the people who were paged, or may have been: a send that began counts."""
    tried = exists().where(attempts.c.page_id == pages.c.id)
    query = (
        select(pages.c.incident_id, pages.c.person)
        .where(
            among(db, pages.c.incident_id, incident_ids),
            pages.c.kind == NoticeKind.PAGE,
            or_(pages.c.leased_until.is_not(None), tried),
        )
        .distinct()
        .order_by(pages.c.incident_id, pages.c.person)
    )
    paged: dict[int, list[str]] = {}
    for row in db.execute(query):
        paged.setdefault(row.incident_id, []).append(row.person)
    return paged


def pages_of(db: Connection, incident_id: int) -> list[Page]:
    """Return all pages and other notices of an incident, oldest first."""
    query = select(pages).where(pages.c.incident_id == incident_id).order_by(pages.c.id)
    return [page_of(row) for row in db.execute(query)]


def has_successor(db: Connection, page: Page) -> bool:
    """Return whether another notice of the incident to the same person makes this one needless.

    For a page it is another page that waits, for anything else every later notice to the same contact.
    """
    paging = and_(pages.c.kind == NoticeKind.PAGE, pages.c.state == "pending")
    later = and_(pages.c.id > page.id, pages.c.contact_mark == page.contact_mark)
    successor = paging if page.kind is NoticeKind.PAGE else later
    others = pages.c.incident_id == page.incident_id, pages.c.person == page.person, pages.c.id != page.id
    return bool(db.execute(select(exists().where(*others, successor))).scalar())


def sequences(db: Connection, page_ids: Collection[int]) -> dict[int, int]:
    """Count for each of these pages the earlier notices of its incident to the same person."""
    earlier = pages.alias("earlier")
    same_thread = and_(
        earlier.c.incident_id == pages.c.incident_id,
        earlier.c.person == pages.c.person,
        earlier.c.id < pages.c.id,
    )
    query = (
        select(pages.c.id, func.count(earlier.c.id))
        .select_from(pages.outerjoin(earlier, same_thread))
        .where(among(db, pages.c.id, page_ids))
        .group_by(pages.c.id)
    )
    return {row[0]: row[1] for row in db.execute(query)}


def waiting(db: Connection, incident_ids: Collection[int]) -> dict[tuple[int, str], int]:
    """Return by (incident, person) the newest occurrence of the pages that are not delivered yet."""
    if not incident_ids:
        return {}
    c = pages.c
    query = (
        select(c.incident_id, c.person, func.max(c.occurrence))
        .where(among(db, c.incident_id, incident_ids), c.kind == NoticeKind.PAGE, c.state == "pending")
        .group_by(c.incident_id, c.person)
    )
    return {(number, person): occurrence for number, person, occurrence in db.execute(query)}


def calls(db: Connection, incident_ids: Collection[int]) -> dict[int, list[Page]]:
    """Return by incident the pages of its last step, and those that still wait, in the present occurrence."""
    c = pages.c
    of_it = and_(incidents.c.id == c.incident_id, incidents.c.occurrence == c.occurrence)
    query = (
        select(pages)
        .join(incidents, of_it)
        .where(among(db, c.incident_id, incident_ids), c.kind == NoticeKind.PAGE, c.state != "superseded")
        .where(or_(c.step == incidents.c.step - 1, c.state == "pending"))
        .order_by(c.id)
    )
    found: dict[int, list[Page]] = {}
    for row in db.execute(query):
        found.setdefault(row.incident_id, []).append(page_of(row))
    return found


def give_way(db: Connection, places: Collection[tuple[int, str]]) -> dict[tuple[int, str], Page]:
    """Withdraw the pages that wait at these places, an incident and a person each, and return them.

    Those under way stay, and may arrive.
    """
    if not places:
        return {}
    waiting = _lock_waiting(db, {number for number, _ in places}, NoticeKind.PAGE)
    withdrawn = [page for page in waiting if page.place in places]
    _withdraw(db, withdrawn)
    return {page.place: page for page in withdrawn}


def _lock_waiting(db: Connection, incident_ids: Collection[int], kind: NoticeKind) -> list[Page]:
    """Lock and return the notices of a kind that wait, in their order. Those under way are not among them."""
    c = pages.c
    of_kind = among(db, c.incident_id, incident_ids), c.kind == kind, c.state == "pending"
    query = select(pages).where(*of_kind, c.leased_until.is_(None)).order_by(c.id).with_for_update()
    return [page_of(row) for row in db.execute(query)]


def _withdraw(db: Connection, waiting: Collection[Page]) -> None:
    update_many(db, pages, [{"id": page.id, "state": "superseded", "next_at": None} for page in waiting])


def page_of(row: Row[Any], lease: int | None = None) -> Page:
    """Return a page from a whole row, under this lease if one is given."""
    return Page(
        id=row.id,
        incident_id=row.incident_id,
        kind=NoticeKind(row.kind),
        person=row.person,
        occurrence=row.occurrence,
        step=row.step,
        severity=list(Severity)[row.severity_rank],
        words=row.words,
        news=row.news or NO_NEWS,
        state=row.state,
        created_at=row.created_at,
        contact=row.contact,
        via=row.via,
        contact_mark=row.contact_mark,
        attempts=row.attempts,
        contact_attempts=row.contact_attempts,
        throttled=row.throttled,
        lease=row.lease if lease is None else lease,
        leased_until=row.leased_until,
        delivered_at=row.delivered_at,
        digest_id=row.digest_id,
        onward_at=row.onward_at,
        receipt_by=row.receipt_by,
        not_before=row.not_before,
        next_at=row.next_at,
    )
