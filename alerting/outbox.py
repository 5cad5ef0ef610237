"""The SQL of pages: the intent to tell somebody something, kept until it is delivered or no longer needed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, select, true, union_all, update

from alerting import store
from alerting.delivery import LEASE, Delivered, Expired, Retry, Tries, is_id
from alerting.incident import Incident, State
from alerting.notice import Kind
from alerting.person import Person
from alerting.severity import Severity
from alerting.sql import among, insert_many, update_many
from alerting.tables import attempts, incidents, pages

REMEMBERED = 20_000
"""Attempts, the newest, among which the last ones of each contact are looked for."""
RANKS = range(len(Severity))
NEWEST_SHARE = 5
"""One page in this many is taken from the newest, so that a backlog never hides what has just happened."""


LARGEST_SEND = 20
"""Pages, the newest, that one id of a provider can stand for: more than a digest holds."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it lies in the outbox."""

    id: int
    incident_id: int
    kind: Kind
    person: str
    occurrence: int
    step: int
    severity: Severity
    words: str
    state: str
    created_at: datetime
    contact: int
    attempts: int
    contact_attempts: int
    throttled: bool
    lease: int
    delivered_at: datetime | None

    def tries(self, contacts: int) -> Tries:
        """What has been tried so far, for the decision on what comes next."""
        return Tries(self.kind, self.created_at, self.attempts, self.contact_attempts, self.contact, contacts)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver a page, and what came of it."""

    page_id: int
    at: datetime
    via: str
    outcome: str
    said: str
    provider_id: str | None = None
    """The provider's id of what it accepted."""
    receipt: str | None = None
    """The provider's later word on it: `delivered` or `undelivered`."""
    receipt_said: str | None = None
    receipt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """What those who watch the service ask of this package."""

    incidents: Mapping[State, int]
    """How many are not resolved, by state; states that none is in are left out."""
    unanswered_since: datetime | None
    """Since when somebody has been paged, with no answer, for an incident that is open."""
    waiting: int
    """Pages that wait to be sent, and since when the oldest of them does."""
    oldest: datetime | None


def intend(
    db: Connection,
    kind: Kind,
    to: Iterable[tuple[Incident, Person, str]],
    now: datetime,
) -> None:
    """Write the intent to tell each person of each incident. The third of each is words that only the time
    of writing knows ("+2", "acknowledged by …")."""
    rows = [
        {
            "incident_id": incident.id,
            "kind": kind.value,
            "person": person.id,
            "occurrence": incident.occurrence,
            "step": incident.step,
            "severity_rank": incident.severity.rank,
            "words": words,
            "state": "pending",
            "created_at": now,
            "next_at": now,
            "contact": 0,
            "via": person.contact(0).kind,
            "attempts": 0,
            "contact_attempts": 0,
            "throttled": False,
            "lease": 0,
        }
        for incident, person, words in to
    ]
    insert_many(db, pages, rows)


def supersede(db: Connection, incident_ids: Collection[int], kinds: Collection[Kind]) -> None:
    """What waits of these kinds is no longer needed: somebody answered, or it is over."""
    db.execute(
        update(pages)
        .where(pages.c.incident_id.in_(incident_ids), pages.c.state == "pending", pages.c.kind.in_(kinds))
        .values(state="superseded", next_at=None)
    )


def paged_people(db: Connection, incident_ids: Collection[int]) -> dict[int, list[str]]:
    """Who of each incident has been paged, or may have been: a send that began counts."""
    query = (
        select(pages.c.incident_id, pages.c.person)
        .where(pages.c.incident_id.in_(incident_ids), pages.c.kind == Kind.PAGE, pages.c.lease > 0)
        .distinct()
        .order_by(pages.c.incident_id, pages.c.person)
    )
    found: dict[int, list[str]] = {}
    for row in db.execute(query):
        found.setdefault(row.incident_id, []).append(row.person)
    return found


@dataclass(frozen=True, slots=True)
class Busy:
    """Kinds of notifiers with no free hands, and people to whom enough is under way: passed over for now."""

    kinds: Collection[str] = ()
    people: Collection[str] = ()


def lease(db: Connection, now: datetime, limit: int, busy: Busy) -> list[Page]:
    """Take up to `limit` due pages for sending, worst and oldest first with a share for the newest.

    What is `busy` is passed over. Each leased page has its fencing token in `lease`.
    """
    taken = _claim(db, now, limit - limit // NEWEST_SHARE, busy, newest=False)
    if limit // NEWEST_SHARE and len(taken) == limit - limit // NEWEST_SHARE:
        known = [page.id for page in taken]
        taken += _claim(db, now, limit // NEWEST_SHARE, busy, newest=True, besides=known)
    rows = [
        {"id": page.id, "lease": page.lease, "leased_until": now + LEASE, "next_at": now + LEASE}
        for page in taken
    ]
    update_many(db, pages, rows)
    return taken


def next_due(db: Connection) -> datetime | None:
    """When the first page is to be tried."""
    ranks = [
        select(func.min(pages.c.next_at).label("at")).where(
            pages.c.severity_rank == rank, pages.c.next_at.is_not(None)
        )
        for rank in RANKS
    ]
    every = union_all(*ranks).subquery()
    first: datetime | None = db.execute(select(func.min(every.c.at, type_=pages.c.next_at.type))).scalar()
    return first


def fenced(db: Connection, leases: Mapping[int, int]) -> dict[int, Page]:
    """Of the given pages those that are still leased under the given token, locked. What has been recorded is not
    leased any more: said twice, for fear that it was not heard, it counts once."""
    mine = pages.c.id.in_(leases.keys()), pages.c.leased_until.is_not(None)
    query = select(pages).where(*mine).order_by(pages.c.id).with_for_update()
    rows = [_page(row) for row in db.execute(query)]
    return {page.id: page for page in rows if page.lease == leases[page.id]}


def record(db: Connection, page: Page, after: Delivered | Retry | Expired, via: str, now: datetime) -> None:
    """Write what follows from an attempt. A page that was superseded while under way stays so.

    `via` is the kind of the contact that is next (or, where delivered, that took it).
    """
    values: dict[str, Any] = {"attempts": page.attempts + 1, "leased_until": None, "via": via}
    if isinstance(after, Delivered):
        values |= {"delivered_at": now, "throttled": False}
    pending = pages.c.state == "pending"
    done = {Delivered: "delivered", Expired: "expired"}.get(type(after))
    db.execute(update(pages).where(pages.c.id == page.id).values(values))
    if done is not None:
        db.execute(update(pages).where(pages.c.id == page.id, pending).values(state=done, next_at=None))
    elif isinstance(after, Retry):
        again = {
            "next_at": after.at,
            "contact": after.contact,
            "contact_attempts": after.contact_attempts,
            "throttled": after.throttled,
        }
        db.execute(update(pages).where(pages.c.id == page.id, pending).values(again))


def hold_back(db: Connection, person: str, via: str, until: datetime) -> None:
    """A provider limits our rate: all that waits for this contact waits until then, to go as one digest."""
    db.execute(
        update(pages)
        .where(
            pages.c.person == person,
            pages.c.via == via,
            pages.c.state == "pending",
            pages.c.leased_until.is_(None),
            pages.c.next_at < until,
        )
        .values(next_at=until, throttled=True)
    )


def write_attempts(db: Connection, tried: Sequence[Attempt]) -> None:
    """Keep what was tried."""
    rows = [
        {
            "page_id": attempt.page_id,
            "at": attempt.at,
            "via": attempt.via,
            "outcome": attempt.outcome,
            "said": attempt.said,
            "provider_id": attempt.provider_id,
        }
        for attempt in tried
    ]
    insert_many(db, attempts, rows)


def pages_of(db: Connection, incident_id: int) -> list[Page]:
    """All pages of an incident, oldest first."""
    query = select(pages).where(pages.c.incident_id == incident_id).order_by(pages.c.id)
    return [_page(row) for row in db.execute(query)]


def attempts_of(db: Connection, incident_id: int) -> list[Attempt]:
    """All attempts to deliver pages of an incident, oldest first."""
    query = (
        select(attempts)
        .join(pages, pages.c.id == attempts.c.page_id)
        .where(pages.c.incident_id == incident_id)
        .order_by(attempts.c.id)
    )
    return [_attempt(row) for row in db.execute(query)]


def last_attempts(db: Connection) -> list[tuple[str, Attempt]]:
    """The newest attempt of each outcome for each person and kind of contact, newest first, with the person's name.

    Only the newest `REMEMBERED` attempts of all are looked at.
    """
    newest = select(func.coalesce(func.max(attempts.c.id), 0)).scalar_subquery()
    last = (
        select(func.max(attempts.c.id))
        .join(pages, pages.c.id == attempts.c.page_id)
        .where(attempts.c.id > newest - REMEMBERED)
        .group_by(pages.c.person, attempts.c.via, attempts.c.outcome)
    )
    query = select(attempts, pages.c.person).join(pages, pages.c.id == attempts.c.page_id)
    rows = db.execute(query.where(attempts.c.id.in_(last)).order_by(attempts.c.id.desc()))
    return [(row.person, _attempt(row)) for row in rows]


@dataclass(frozen=True, slots=True)
class Sent:
    """A page, and its attempt that a provider has accepted under some id. `last` says that none came after it."""

    page: Page
    attempt_id: int
    receipt: str | None
    last: bool


def known_ids(db: Connection, via: str, provider_ids: Collection[str]) -> set[str]:
    """Those of a provider's ids that this kind of notifier has sent something under."""
    ids = [text for text in provider_ids if is_id(text)]
    query = select(attempts.c.provider_id).where(
        attempts.c.via == via, among(db, attempts.c.provider_id, ids)
    )
    return set(db.execute(query).scalars())


def sent_as(db: Connection, via: str, provider_id: str) -> list[Page]:
    """The pages that this kind of notifier has sent under this id of its provider, newest first."""
    if not is_id(provider_id):
        return []
    accepted = attempts.c.via == via, attempts.c.provider_id == provider_id
    numbers = select(attempts.c.page_id).where(*accepted).order_by(attempts.c.id.desc()).limit(LARGEST_SEND)
    query = select(pages).where(pages.c.id.in_(numbers)).order_by(pages.c.id.desc())
    return [_page(row) for row in db.execute(query)]


def lock_sent(db: Connection, page_ids: Collection[int], via: str, provider_id: str) -> list[Sent]:
    """These pages with their newest attempt under this id, locked until the transaction ends."""
    query = select(pages).where(pages.c.id.in_(page_ids)).order_by(pages.c.id).with_for_update()
    locked = [_page(row) for row in db.execute(query)]
    tries = select(attempts).where(attempts.c.page_id.in_(page_ids)).order_by(attempts.c.id)
    last: dict[int, int] = {}
    accepted: dict[int, tuple[int, str | None]] = {}
    for row in db.execute(tries):
        last[row.page_id] = row.id
        if (row.via, row.provider_id) == (via, provider_id):
            accepted[row.page_id] = row.id, row.receipt
    return [
        Sent(page, *accepted[page.id], last=accepted[page.id][0] == last[page.id])
        for page in locked
        if page.id in accepted
    ]


def write_receipts(
    db: Connection, attempt_ids: Collection[int], receipt: str, reason: str | None, now: datetime
) -> None:
    """Keep the provider's word on these attempts."""
    values = {"receipt": receipt, "receipt_said": reason, "receipt_at": now}
    db.execute(update(attempts).where(attempts.c.id.in_(attempt_ids)).values(values))


def has_successor(db: Connection, page: Page) -> bool:
    """Return whether another notice of the incident to the same person makes this one needless.

    For a page it is another page that waits, for anything else every later notice.
    """
    paging = and_(pages.c.kind == Kind.PAGE, pages.c.state == "pending")
    instead = paging if page.kind is Kind.PAGE else pages.c.id > page.id
    mine = pages.c.incident_id == page.incident_id, pages.c.person == page.person, pages.c.id != page.id
    return bool(db.execute(select(exists().where(*mine, instead))).scalar())


def take_back(db: Connection, page: Page, after: Retry | Expired | None, via: str) -> None:
    """A page that counted as delivered was not: try it again, give it up, or (None) need it no longer.

    `via` is the kind of the contact that is next.
    """
    values: dict[str, Any] = {"delivered_at": None, "state": "superseded" if after is None else "expired"}
    if isinstance(after, Retry):
        values |= {"state": "pending", "next_at": after.at, "via": via}
        values |= {"contact": after.contact, "contact_attempts": after.contact_attempts}
    db.execute(update(pages).where(pages.c.id == page.id, pages.c.state == "delivered").values(values))


def sequences(db: Connection, page_ids: Collection[int]) -> dict[int, int]:
    """How many notices of its incident went to the same person before each of these pages."""
    earlier = pages.alias("earlier")
    same_thread = and_(
        earlier.c.incident_id == pages.c.incident_id,
        earlier.c.person == pages.c.person,
        earlier.c.id < pages.c.id,
    )
    query = (
        select(pages.c.id, func.count(earlier.c.id))
        .select_from(pages.outerjoin(earlier, same_thread))
        .where(pages.c.id.in_(page_ids))
        .group_by(pages.c.id)
    )
    return {row[0]: row[1] for row in db.execute(query)}


def workload(db: Connection) -> Workload:
    """How things stand now."""
    query = select(func.count(), func.min(pages.c.created_at, type_=pages.c.created_at.type)).where(
        pages.c.next_at.is_not(None)
    )
    waiting, oldest = db.execute(query).one()
    return Workload(store.count(db), _unanswered_since(db), waiting, oldest)


def paged_at(db: Connection, incident: Incident) -> datetime | None:
    """When the first page of this occurrence of an incident was written."""
    query = select(func.min(pages.c.created_at, type_=pages.c.created_at.type)).where(
        pages.c.incident_id == incident.id,
        pages.c.occurrence == incident.occurrence,
        pages.c.kind == Kind.PAGE,
    )
    at: datetime | None = db.execute(query).scalar()
    return at


def _unanswered_since(db: Connection) -> datetime | None:
    """When the first page was written of the open incident that has been paged for the longest with no answer."""
    this_time = pages.c.incident_id == incidents.c.id, pages.c.occurrence == incidents.c.occurrence
    query = (
        select(func.min(pages.c.created_at, type_=pages.c.created_at.type))
        .select_from(incidents.join(pages, and_(*this_time)))
        # The first of these is there for the index.
        .where(incidents.c.next_at.is_not(None), incidents.c.state == State.OPEN, pages.c.kind == Kind.PAGE)
    )
    since: datetime | None = db.execute(query).scalar()
    return since


def waiting(db: Connection, incident_ids: Collection[int]) -> set[tuple[int, str]]:
    """Who has not been reached yet by an earlier page of the same incident: (incident, person)."""
    query = select(pages.c.incident_id, pages.c.person).where(
        pages.c.incident_id.in_(incident_ids), pages.c.kind == Kind.PAGE, pages.c.state == "pending"
    )
    return {(row.incident_id, row.person) for row in db.execute(query)}


def _claim(
    db: Connection,
    now: datetime,
    limit: int,
    busy: Busy,
    *,
    newest: bool,
    besides: Collection[int] = (),
) -> list[Page]:
    claimed: list[Page] = []
    for rank in RANKS:
        order = pages.c.next_at.desc() if newest else pages.c.next_at.asc()
        query = (
            select(pages)
            .where(
                pages.c.severity_rank == rank,
                pages.c.next_at <= now,
                pages.c.via.not_in(busy.kinds) if busy.kinds else true(),
                pages.c.person.not_in(busy.people) if busy.people else true(),
                pages.c.id.not_in(besides) if besides else true(),
                ~_overtakes(now),
            )
            .order_by(order, pages.c.id)
            .limit(limit - len(claimed))
            .with_for_update(skip_locked=True)
        )
        claimed += [_page(row, lease=row.lease + 1) for row in db.execute(query)]
        if len(claimed) >= limit:
            break
    return claimed


def _overtakes(now: datetime) -> ColumnElement[bool]:
    """Whether an earlier notice of the same incident to the same person is under way: a provider that is told of
    the end before the last change would open the incident again."""
    earlier = pages.alias("earlier")
    return exists().where(
        earlier.c.incident_id == pages.c.incident_id,
        earlier.c.person == pages.c.person,
        earlier.c.id < pages.c.id,
        earlier.c.leased_until > now,
    )


def _page(row: Row[Any], lease: int | None = None) -> Page:
    return Page(
        id=row.id,
        incident_id=row.incident_id,
        kind=Kind(row.kind),
        person=row.person,
        occurrence=row.occurrence,
        step=row.step,
        severity=list(Severity)[row.severity_rank],
        words=row.words,
        state=row.state,
        created_at=row.created_at,
        contact=row.contact,
        attempts=row.attempts,
        contact_attempts=row.contact_attempts,
        throttled=row.throttled,
        lease=row.lease if lease is None else lease,
        delivered_at=row.delivered_at,
    )


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
    )
