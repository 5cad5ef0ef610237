"""The SQL of attempts to deliver pages, and of what a provider reports later."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, func, or_, select, true, union, update

from alerting import outbox
from alerting.delivery import LEASE, is_id
from alerting.incident import State
from alerting.notice import NoticeKind
from alerting.outbox import Page, Recipient
from alerting.person import Contact
from alerting.sql import among, insert_many
from alerting.tables import attempts, incidents, pages

REMEMBERED = 20_000
"""The newest attempts that are searched for the last ones of each contact."""
SKEW = timedelta(seconds=5)
"""The seconds that a provider's clock may be behind ours."""
UNRECORDED = "unrecorded"
_ACCEPTED = and_(attempts.c.outcome == "accepted", attempts.c.receipt.is_distinct_from("undelivered"))
TAKEN = or_(_ACCEPTED, attempts.c.may_have_arrived)
"""Attempts after which their contact has the notice, or may have it."""
LARGEST_SEND = 20
"""Pages, the newest, that one id of a provider can stand for if it is no digest's."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver a page, and its outcome."""

    page_id: int
    at: datetime
    via: str
    outcome: str
    said: str
    provider_id: str | None = None
    """The provider's id of the notice it accepted."""
    receipt: str | None = None
    """The provider's later report: `delivered` or `undelivered`; `missing` if none came in time."""
    receipt_said: str | None = None
    receipt_at: datetime | None = None
    contact_mark: str | None = None
    may_have_arrived: bool = False
    """True if it was sent and no answer came."""
    digest_id: int | None = None
    throttled: bool = False
    """True if the provider limits our rate."""


@dataclass(frozen=True, slots=True)
class AcceptedAttempt:
    """An attempt that a provider accepted under some id, and its page. `newest` says that none came after it."""

    id: int
    page: Page
    receipt: str | None
    newest: bool


def write_attempts(db: Connection, tried: Sequence[Attempt]) -> None:
    """Write attempts."""
    rows = [
        {
            "page_id": attempt.page_id,
            "at": attempt.at,
            "via": attempt.via,
            "outcome": attempt.outcome,
            "said": attempt.said,
            "contact_mark": attempt.contact_mark,
            "may_have_arrived": attempt.may_have_arrived,
            "provider_id": attempt.provider_id,
            "digest_id": attempt.digest_id,
            "throttled": attempt.throttled,
        }
        for attempt in tried
    ]
    insert_many(db, attempts, rows)


def holders(db: Connection, incident_ids: Collection[int]) -> dict[int, list[Recipient]]:
    """Return by incident every contact that has a page of it, or may have, with its person.

    It may have one if it did not answer, if the outcome was not recorded, and while a send is under way.
    """
    columns = pages.c.incident_id, pages.c.person
    pages_of_these = among(db, pages.c.incident_id, incident_ids), pages.c.kind == NoticeKind.PAGE
    tried = (
        select(*columns, attempts.c.via, attempts.c.contact_mark)
        .join(attempts, attempts.c.page_id == pages.c.id)
        .where(*pages_of_these, TAKEN)
    )
    under_way = select(*columns, pages.c.via, pages.c.contact_mark).where(
        *pages_of_these, pages.c.leased_until.is_not(None)
    )
    holders: dict[int, list[Recipient]] = {}
    # One statement sees a send either under way or recorded.
    for number, person, via, mark in db.execute(union(tried, under_way)):
        holders.setdefault(number, []).append(Recipient(person, via, mark))
    return {number: sorted(recipients, key=_order) for number, recipients in holders.items()}


def last_paged(db: Connection, incident_ids: Collection[int]) -> dict[tuple[int, str], int]:
    """Return the last occurrence of each incident that each contact was paged for, by its mark.

    An unrecorded send does not count: nothing says that the provider has been called.
    """
    query = (
        select(pages.c.incident_id, attempts.c.contact_mark, func.max(pages.c.occurrence))
        .join(attempts, attempts.c.page_id == pages.c.id)
        .where(
            among(db, pages.c.incident_id, incident_ids),
            pages.c.kind == NoticeKind.PAGE,
            attempts.c.contact_mark.is_not(None),
            attempts.c.outcome != UNRECORDED,
            TAKEN,
        )
        .group_by(pages.c.incident_id, attempts.c.contact_mark)
    )
    return {(number, mark): occurrence for number, mark, occurrence in db.execute(query)}


def threads(db: Connection, incident_ids: Collection[int]) -> dict[tuple[int, str], str]:
    """Return the provider's id of the first notice of each incident that each contact took, by the contact's mark."""
    first = (
        select(func.min(attempts.c.id))
        .join(pages, pages.c.id == attempts.c.page_id)
        .where(
            among(db, pages.c.incident_id, incident_ids),
            attempts.c.contact_mark.is_not(None),
            attempts.c.provider_id.is_not(None),
        )
        .group_by(pages.c.incident_id, attempts.c.contact_mark)
    )
    query = (
        select(pages.c.incident_id, attempts.c.contact_mark, attempts.c.provider_id)
        .join(attempts, attempts.c.page_id == pages.c.id)
        .where(attempts.c.id.in_(first))
    )
    return {(number, mark): provider_id for number, mark, provider_id in db.execute(query)}


def messages(
    db: Connection, incident_ids: Collection[int], kinds: Collection[str]
) -> dict[tuple[int, str], list[str]]:
    """Return the provider's ids of the pages of these incidents that contacts of these kinds took, oldest first.

    By incident and mark of the contact. A digest of several incidents is no message of any of them.
    """
    query = (
        select(pages.c.incident_id, attempts.c.contact_mark, attempts.c.provider_id)
        .join(attempts, attempts.c.page_id == pages.c.id)
        .where(
            among(db, pages.c.incident_id, incident_ids),
            pages.c.kind == NoticeKind.PAGE,
            attempts.c.via.in_(kinds),
            attempts.c.provider_id.is_not(None),
            attempts.c.digest_id.is_(None),
        )
        .order_by(attempts.c.id)
    )
    by_recipient: dict[tuple[int, str], list[str]] = {}
    for number, mark, provider_id in db.execute(query):
        by_recipient.setdefault((number, mark), []).append(provider_id)
    return by_recipient


def moved(db: Connection, person: str, old: Contact, new: Contact) -> None:
    """Write the pages of open incidents that one contact of a person has to another, which leads to the same place."""
    open_ones = select(incidents.c.id).where(incidents.c.state != State.RESOLVED)
    theirs = pages.c.person == person, pages.c.incident_id.in_(open_ones)
    marks = {"contact_mark": new.mark}
    numbers = select(pages.c.id).where(*theirs)
    sent = attempts.c.page_id.in_(numbers), attempts.c.via == old.kind, attempts.c.contact_mark == old.mark
    db.execute(update(attempts).where(*sent).values(marks))
    db.execute(
        update(pages).where(*theirs, pages.c.via == old.kind, pages.c.contact_mark == old.mark).values(marks)
    )


def last_outcomes(db: Connection, page_ids: Collection[int]) -> dict[int, dict[str, str]]:
    """Return by page the last outcome at each contact that was tried, by its mark."""
    query = (
        select(attempts.c.page_id, attempts.c.contact_mark, attempts.c.outcome)
        .where(among(db, attempts.c.page_id, page_ids), attempts.c.contact_mark.is_not(None))
        .order_by(attempts.c.id)
    )
    found: dict[int, dict[str, str]] = {}
    for page_id, mark, outcome in db.execute(query):
        found.setdefault(page_id, {})[mark] = outcome
    return found


def incidents_of_digest(db: Connection, digest: int, after: int, limit: int) -> list[int]:
    """Return incidents above `after` whose pages a digest had, by number."""
    query = (
        select(pages.c.incident_id)
        .join(attempts, attempts.c.page_id == pages.c.id)
        .where(attempts.c.digest_id == digest, pages.c.kind == NoticeKind.PAGE, pages.c.incident_id > after)
        .distinct()
        .order_by(pages.c.incident_id)
        .limit(limit)
    )
    return list(db.scalars(query))


def unrecorded(page: Page) -> Attempt | None:
    """Return the attempt of the lease before this one if its outcome was never written, else None."""
    if page.leased_until is None:
        return None
    at, reason = page.leased_until - LEASE, "the outcome was not recorded, and it may have arrived"
    attempt = Attempt(page.id, at, page.via, UNRECORDED, reason, contact_mark=page.contact_mark)
    return replace(attempt, may_have_arrived=True, digest_id=page.digest_id)


def attempts_of(db: Connection, incident_id: int) -> list[Attempt]:
    """Return all attempts to deliver pages of an incident, oldest first."""
    query = (
        select(attempts)
        .join(pages, pages.c.id == attempts.c.page_id)
        .where(pages.c.incident_id == incident_id)
        .order_by(attempts.c.id)
    )
    return [_attempt(row) for row in db.execute(query)]


def last_attempts(db: Connection) -> list[tuple[str, Attempt]]:
    """Return the newest attempt of each outcome for each contact of each person, with the person's name.

    Newest first. Only the newest `REMEMBERED` attempts of all are searched.
    """
    newest = select(func.coalesce(func.max(attempts.c.id), 0)).scalar_subquery()
    last = (
        select(func.max(attempts.c.id))
        .join(pages, pages.c.id == attempts.c.page_id)
        .where(attempts.c.id > newest - REMEMBERED)
        .group_by(pages.c.person, attempts.c.via, attempts.c.contact_mark, attempts.c.outcome)
    )
    query = select(attempts, pages.c.person).join(pages, pages.c.id == attempts.c.page_id)
    rows = db.execute(query.where(attempts.c.id.in_(last)).order_by(attempts.c.id.desc()))
    return [(row.person, _attempt(row)) for row in rows]


def known_ids(db: Connection, via: str, provider_ids: Collection[str]) -> set[str]:
    """Return those of a provider's ids under which this kind of notifier has sent notices of incidents."""
    ids = [text for text in provider_ids if is_id(text)]
    query = select(attempts.c.provider_id).where(
        attempts.c.via == via, among(db, attempts.c.provider_id, ids)
    )
    return set(db.execute(query).scalars())


def sent_as(db: Connection, via: str, provider_id: str, before: datetime | None = None) -> list[Page]:
    """Return the pages that this kind of notifier has sent under this id of its provider, newest first.

    If a time is given, those that were sent before.
    """
    if not is_id(provider_id):
        return []
    in_time = true() if before is None else attempts.c.at <= before + SKEW
    accepted = attempts.c.via == via, attempts.c.provider_id == provider_id, in_time
    numbers = select(attempts.c.page_id).where(*accepted).order_by(attempts.c.id.desc()).limit(LARGEST_SEND)
    query = select(pages).where(pages.c.id.in_(numbers)).order_by(pages.c.id.desc())
    return [outbox.page_of(row) for row in db.execute(query)]


def pages_sent_as(db: Connection, via: str, provider_id: str, after: int, limit: int) -> list[Page]:
    """Return up to `limit` pages with numbers above `after` that were sent under this id of a provider, in their order.

    A digest has as many pages as the storm that it is about.
    """
    if not is_id(provider_id):
        return []
    sent = attempts.c.page_id == pages.c.id, attempts.c.via == via, attempts.c.provider_id == provider_id
    query = select(pages).where(pages.c.id > after, exists().where(*sent)).order_by(pages.c.id).limit(limit)
    return [outbox.page_of(row) for row in db.execute(query)]


def told(
    db: Connection, contacts: Collection[tuple[str, str]], via: str, since: datetime, limit: int
) -> list[tuple[int, int, str, bool]]:
    """Return what these contacts of one kind, (person, mark), have pages of that still waits or was paged since a time.

    Each is (incident, occurrence, person, whether it waits), newest incident first. Only the newest `REMEMBERED`
    attempts of all are searched: what waits is paged again and again.
    """
    if not contacts:
        return []
    newest = select(func.coalesce(func.max(attempts.c.id), 0)).scalar_subquery()
    held = [
        and_(pages.c.person == person, attempts.c.contact_mark == mark) for person, mark in sorted(contacts)
    ]
    waits = and_(incidents.c.state == State.OPEN, incidents.c.occurrence == pages.c.occurrence)
    columns = pages.c.incident_id, pages.c.occurrence, pages.c.person, waits.label("waits")
    query = (
        select(*columns)
        .join(attempts, attempts.c.page_id == pages.c.id)
        .join(incidents, incidents.c.id == pages.c.incident_id)
        .where(
            attempts.c.id > newest - REMEMBERED,
            pages.c.kind == NoticeKind.PAGE,
            incidents.c.id > 0,
            attempts.c.via == via,
            or_(*held),
            or_(_ACCEPTED, attempts.c.may_have_arrived),
            or_(waits, attempts.c.at >= since),
        )
        .distinct()
        .order_by(pages.c.incident_id.desc(), pages.c.occurrence.desc())
        .limit(limit)
    )
    return [
        (number, occurrence, person, bool(waits)) for number, occurrence, person, waits in db.execute(query)
    ]


def digest_sent_as(db: Connection, via: str, provider_id: str) -> int | None:
    """Return the number of the digest of several pages that was sent under this id of a provider, None if none was."""
    if not is_id(provider_id):
        return None
    accepted = attempts.c.via == via, attempts.c.provider_id == provider_id, attempts.c.digest_id.is_not(None)
    query = select(attempts.c.digest_id).where(*accepted).order_by(attempts.c.id.desc()).limit(2)
    numbers = db.execute(query).scalars().all()
    return numbers[0] if len(numbers) == 2 else None


def lock_accepted(
    db: Connection, page_ids: Collection[int], via: str, provider_id: str
) -> list[AcceptedAttempt]:
    """Return the newest attempt of each of these pages under this id, the pages locked for the transaction."""
    query = select(pages).where(pages.c.id.in_(page_ids)).order_by(pages.c.id).with_for_update()
    locked = [outbox.page_of(row) for row in db.execute(query)]
    newest: dict[int, int] = {}
    accepted: dict[int, tuple[int, str | None]] = {}
    for row in db.execute(select(attempts).where(attempts.c.page_id.in_(page_ids)).order_by(attempts.c.id)):
        newest[row.page_id] = row.id
        if (row.via, row.provider_id) == (via, provider_id):
            accepted[row.page_id] = row.id, row.receipt
    return [
        AcceptedAttempt(number, page, receipt, newest=number == newest[page.id])
        for page in locked
        if page.id in accepted
        for number, receipt in [accepted[page.id]]
    ]


def write_receipts(
    db: Connection, attempt_ids: Collection[int], receipt: str, reason: str | None, now: datetime
) -> None:
    """Write the provider's report to these attempts."""
    values = {"receipt": receipt, "receipt_said": reason, "receipt_at": now}
    db.execute(update(attempts).where(attempts.c.id.in_(attempt_ids)).values(values))


def write_missing(db: Connection, page_ids: Collection[int], now: datetime) -> None:
    """Write to the newest attempt of each of these pages that no report has come in time."""
    newest = (
        select(func.max(attempts.c.id))
        .where(among(db, attempts.c.page_id, page_ids))
        .group_by(attempts.c.page_id)
        .scalar_subquery()
    )
    values = {"receipt": "missing", "receipt_at": now}
    db.execute(update(attempts).where(attempts.c.id.in_(newest), attempts.c.receipt.is_(None)).values(values))


def _order(recipient: Recipient) -> tuple[str, str, str]:
    return recipient.person, recipient.via, recipient.contact_mark or ""


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        page_id=row.page_id,
        at=row.at,
        via=row.via,
        outcome=row.outcome,
        said=row.said,
        provider_id=row.provider_id,
        receipt=row.receipt,
        receipt_said=row.receipt_said,
        receipt_at=row.receipt_at,
        contact_mark=row.contact_mark,
        may_have_arrived=row.may_have_arrived,
        digest_id=row.digest_id,
        throttled=row.throttled,
    )
