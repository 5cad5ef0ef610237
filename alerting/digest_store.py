"""The SQL of digests: the streams that wait, the pages of a digest, and its content.

A page belongs to the last digest that it was leased for. Each attempt names its digest too, so that the button of an
earlier digest goes on working. Every statement touches at most `CHUNK` pages.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
    update,
)

from alerting import attempts as attempt_store
from alerting import leases, outbox, outside
from alerting.attempts import Attempt
from alerting.delivery import Delivered, Expired, Retry, Tries, Verdict
from alerting.digest import LATELY, NAMED, Digest, Group, LastDigest, Stream, Waiting
from alerting.notice import NoticeKind
from alerting.outbox import RANKS, Page
from alerting.person import Contact, Person
from alerting.severity import Severity
from alerting.sql import Utc, among
from alerting.tables import attempts, digests, incidents, pages, symptoms

SEVERITIES = tuple(Severity)
CHUNK = 2_000
"""The most pages of a digest that one transaction touches: SQLite has one writer, and pings wait for it."""
SAMPLE = 500
"""The due pages of each severity in which streams are looked for. A stream that is hidden behind others comes next."""
LEASE = timedelta(seconds=120)
"""The time that a digest may be under way: taking its pages, sending, and recording, for 100,000 pages."""
SEARCHED = 500
"""The newest attempts that are searched for what was sent one by one lately."""

_STREAM = pages.c.person, pages.c.via, pages.c.contact_mark, pages.c.kind


def waiting(db: Connection, now: datetime) -> dict[Stream, Waiting]:
    """Return the streams with due pages, worst first."""
    by_rank: dict[Stream, dict[int, int]] = {}
    held_back: set[Stream] = set()
    for row in sorted(db.execute(_waiting(), {"now": now}), key=lambda row: int(row.severity_rank)):
        stream = Stream(row.person, row.via, row.contact_mark, NoticeKind(row.kind))
        by_rank.setdefault(stream, {})[row.severity_rank] = row.number
        if row.limited:
            held_back.add(stream)
    return {stream: Waiting(ranks, stream in held_back) for stream, ranks in by_rank.items()}


@cache
def _waiting() -> Select[*tuple[Any, ...]]:
    samples = [
        select(*_STREAM, pages.c.severity_rank, pages.c.throttled)
        .where(
            pages.c.severity_rank == rank,
            pages.c.next_at <= leases.NOW,
            leases.may_go(),
        )
        .order_by(pages.c.next_at)
        .limit(SAMPLE)
        .subquery()
        .select()
        for rank in RANKS
    ]
    due = union_all(*samples).subquery()
    throttled = func.max(case((due.c.throttled, 1), else_=0))
    columns = list(due.c)[:5]
    return select(*columns, func.count().label("number"), throttled.label("limited")).group_by(*columns)


def last_digests(db: Connection, now: datetime) -> dict[Stream, LastDigest]:
    """Return the last digest of each stream within `LATELY`, without those that did not arrive."""
    c = digests.c
    at = func.max(c.created_at, type_=c.created_at.type)
    query = (
        select(c.person, c.via, c.contact_mark, c.kind, at, func.min(c.severity_rank))
        .where(c.created_at > now - LATELY, c.created_at <= now, ~c.failed)
        .group_by(c.person, c.via, c.contact_mark, c.kind)
    )
    return {
        Stream(person, via, mark, NoticeKind(kind)): LastDigest(last, worst)
        for person, via, mark, kind, last, worst in db.execute(query)
    }


def sent_alone(db: Connection, now: datetime) -> dict[Stream, int]:
    """Count for each stream the incidents of which notices were sent one by one within `LATELY`."""
    newest = select(func.coalesce(func.max(attempts.c.id), 0)).scalar_subquery()
    columns = pages.c.person, attempts.c.via, attempts.c.contact_mark, pages.c.kind
    query = (
        select(*columns, func.count(pages.c.incident_id.distinct()))
        .join(pages, pages.c.id == attempts.c.page_id)
        .where(
            attempts.c.id > newest - SEARCHED,
            attempts.c.at > now - LATELY,
            attempts.c.digest_id.is_(None),
            or_(attempts.c.outcome == "accepted", attempts.c.may_have_arrived),
        )
        .group_by(*columns)
    )
    return {
        Stream(person, via, mark, NoticeKind(kind)): count
        for person, via, mark, kind, count in db.execute(query)
    }


def postpone(db: Connection, stream: Stream, from_rank: int, until: datetime, now: datetime) -> int:
    """Let up to `CHUNK` due pages of a stream wait until `until`, those of this rank and less severe ones."""
    ids = _due(db, stream, [rank for rank in RANKS if rank >= from_rank], now)
    db.execute(update(pages).where(among(db, pages.c.id, ids)).values(next_at=until))
    return len(ids)


def hold(db: Connection, stream: Stream, from_rank: int, until: datetime, now: datetime) -> list[int]:
    """As `postpone`, and nothing else sends them sooner. Return their incidents."""
    ids = _due(db, stream, [rank for rank in RANKS if rank >= from_rank], now)
    these = among(db, pages.c.id, ids)
    db.execute(update(pages).where(these).values(next_at=until, not_before=until))
    return list(db.execute(select(pages.c.incident_id).where(these).order_by(pages.c.id)).scalars())


def begin(db: Connection, stream: Stream, below: int, now: datetime) -> int | None:
    """Begin a digest with the first due pages of a stream, worst first. Return its number, None if none are due."""
    ids = _due(db, stream, [rank for rank in RANKS if rank < below], now)
    if not ids:
        return None
    worst = db.execute(select(func.min(pages.c.severity_rank)).where(among(db, pages.c.id, ids))).scalar_one()
    values: dict[str, Any] = {"person": stream.person, "via": stream.via}
    values |= {"contact_mark": stream.contact_mark}
    values |= {"kind": stream.kind.value, "severity_rank": worst, "created_at": now}
    number: int = db.execute(insert(digests).values(values).returning(digests.c.id)).scalar_one()
    _take(db, number, ids, now)
    return number


def take_more(db: Connection, number: int, stream: Stream, below: int, now: datetime) -> int:
    """Take more due pages of the stream into a digest. Return how many: fewer than `CHUNK` are the last ones."""
    ids = _due(db, stream, [rank for rank in RANKS if rank < below], now)
    if ids:
        _take(db, number, ids, now)
    return len(ids)


def due(db: Connection, stream: Stream, now: datetime) -> list[Page]:
    """Lock and return up to `CHUNK` due notices of a stream, worst and oldest first."""
    ids = _due(db, stream, RANKS, now)
    query = select(pages).where(among(db, pages.c.id, ids)).order_by(pages.c.severity_rank, pages.c.id)
    return [outbox.page_of(row) for row in db.execute(query)]


def content(db: Connection, number: int, kind: NoticeKind, now: datetime) -> Digest | None:
    """Return the content of a digest, counted by the database; None if nothing of it is left to be sent."""
    members = _under_way(number, now).subquery()
    m = members.c
    groups = (
        select(
            m.severity_rank,
            m.cause,
            func.count().label("incidents"),
            func.sum(m.jobs).label("jobs"),
            func.min(m.opened_at, type_=m.opened_at.type).label("opened_at"),
            func.min(m.next_at, type_=m.next_at.type).label("next_at"),
            func.sum(case((m.resolved_by != "recovery", 1), else_=0)).label("ended_by_hand"),
            func.min(m.words).label("first_words"),
            func.max(m.words).label("last_words"),
            func.max(m.installation).label("installation"),
            func.min(m.policy).label("first_policy"),
            func.max(m.policy).label("last_policy"),
            func.min(m.step).label("first_step"),
            func.max(m.step).label("last_step"),
        )
        .group_by(m.severity_rank, m.cause)
        .order_by(m.severity_rank, func.count().desc())
    )
    found = db.execute(groups).all()
    created_at = db.execute(select(digests.c.created_at).where(digests.c.id == number)).scalar()
    if not found or created_at is None:
        return None
    names = _names(db, members, with_words=kind is NoticeKind.UPDATE)
    return _digest(number, created_at, kind, found, names)


def _digest(
    number: int,
    created_at: datetime,
    kind: NoticeKind,
    groups: Sequence[Row[Any]],
    names: Mapping[tuple[int, str], Sequence[str]],
) -> Digest:
    """Return a digest from the counted rows of its groups, worst first."""
    words = {row.first_words for row in groups} | {row.last_words for row in groups}
    fates = {(row.first_policy, row.first_step) for row in groups}
    fates |= {(row.last_policy, row.last_step) for row in groups}
    name = max((row.installation for row in groups if row.installation is not None), default=None)
    return Digest(
        id=number,
        own_id=outside.of_digest(number, created_at, name),
        kind=kind,
        groups=[
            Group(
                SEVERITIES[row.severity_rank],
                row.cause,
                row.incidents,
                int(row.jobs),
                names[row.severity_rank, row.cause],
            )
            for row in groups
        ],
        words=words.pop() if len(words) == 1 else "",
        opened_at=min(row.opened_at for row in groups),
        next_at=min((row.next_at for row in groups if row.next_at is not None), default=None),
        recovered=not any(row.ended_by_hand for row in groups),
        alike=len(fates) == 1,
    )


def _under_way(number: int, now: datetime) -> Select[Any]:
    """Return the pages of a digest that are leased for it, each with what is told of its incident.

    Its incident and symptoms are looked up one by one, not joined, and by one index: while PostgreSQL has not counted
    the rows of a storm yet, it joins them, and combines indexes, in ways that take minutes.
    """
    c = incidents.c
    columns = [c.severity_rank, c.cause, c.title, c.opened_at, c.next_at, c.resolved_by, c.installation]
    looked_up = [
        select(column).where(c.id == pages.c.incident_id).scalar_subquery().label(column.name)
        for column in [*columns, cast(c.policy, Text).label("policy")]
    ]
    down = func.count(case((and_(*_down(now)), 1)))
    jobs = select(down).where(symptoms.c.incident_id == pages.c.incident_id).scalar_subquery().label("jobs")
    own = pages.c.incident_id, pages.c.words, pages.c.step
    return select(*own, *looked_up, jobs).where(
        pages.c.digest_id == number, pages.c.leased_until.is_not(None)
    )


def _down(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of a symptom that counts: it stands, and is not held."""
    held_until = symptoms.c.held_until
    return symptoms.c.cleared_at.is_(None), or_(held_until.is_(None), held_until <= now)


def _names(db: Connection, members: Subquery, *, with_words: bool) -> dict[tuple[int, str], list[str]]:
    """Return by group the names of the incidents that opened first: with their jobs counted, or with their news."""
    m = members.c
    place = func.row_number().over(partition_by=(m.severity_rank, m.cause), order_by=m.incident_id)
    placed = select(
        m.severity_rank, m.cause, m.incident_id, m.title, m.jobs, m.words, place.label("place")
    ).subquery()
    first = select(placed).where(placed.c.place <= NAMED).order_by(placed.c.incident_id)
    names: dict[tuple[int, str], list[str]] = {}
    for row in db.execute(first):
        about = row.words if with_words else f"{row.jobs:,} jobs" if row.jobs > 1 else ""
        name = f"{row.title} ({about})" if about else row.title
        names.setdefault((row.severity_rank, row.cause), []).append(name)
    return names


def oldest(db: Connection, number: int, person: Person) -> Tries | None:
    """Return the tries of a digest, which are those of its oldest page; None if nothing of it is left."""
    page = _first(db, number, pages.c.id)
    return None if page is None else page.tries(person)


def worst(db: Connection, number: int) -> Page | None:
    """Return the worst and oldest page of a digest, None if nothing of it is left."""
    return _first(db, number, pages.c.severity_rank, pages.c.id)


def _first(db: Connection, number: int, *order: Column[Any]) -> Page | None:
    leased = pages.c.digest_id == number, pages.c.leased_until.is_not(None)
    row = db.execute(select(pages).where(*leased).order_by(*order).limit(1)).one_or_none()
    return None if row is None else outbox.page_of(row)


def record(
    db: Connection,
    number: int,
    after: int,
    attempt: Attempt,
    verdict_of: Callable[[Page], tuple[Verdict, Contact]],
    now: datetime,
) -> list[Page]:
    """Write the outcome of a digest for up to `CHUNK` of its pages with an id above `after`, and return these.

    `verdict_of` returns the verdict on a page and its next contact or, if it is delivered, the one that took it. A page
    that was superseded while under way stays so, and one that another courier has taken since is left alone.
    """
    query = (
        select(pages)
        .where(pages.c.digest_id == number, pages.c.id > after, pages.c.leased_until.is_not(None))
        .order_by(pages.c.id)
        .limit(CHUNK)
        .with_for_update()
    )
    members = [outbox.page_of(row) for row in db.execute(query)]
    ids = [page.id for page in members]
    tried = [replace(attempt, page_id=page_id, digest_id=number) for page_id in ids]
    attempt_store.write_attempts(db, tried)
    alike: dict[tuple[Verdict, Contact], list[int]] = {}
    for page in members:
        alike.setdefault(verdict_of(page), []).append(page.id)
    for (verdict, contact), these in alike.items():
        _write_verdict(db, these, verdict, contact, now)
    return members


def _write_verdict(
    db: Connection, page_ids: Sequence[int], verdict: Verdict, contact: Contact, now: datetime
) -> None:
    these = update(pages).where(among(db, pages.c.id, page_ids))
    values: dict[str, Any] = {"attempts": pages.c.attempts + 1, "leased_until": None}
    values |= {"via": contact.kind, "contact_mark": contact.mark}
    if isinstance(verdict, Delivered):
        # One that moves on was delivered before.
        first_at = func.coalesce(pages.c.delivered_at, literal(now, Utc()))
        values |= {"delivered_at": first_at, "throttled": False}
    db.execute(these.values(values))
    waiting_still = these.where(pages.c.state == "pending")
    match verdict:
        case Delivered():
            times = {"onward_at": verdict.onward_at, "receipt_by": verdict.receipt_by}
            db.execute(waiting_still.values(state="delivered", next_at=None, **times))
        case Expired():
            db.execute(waiting_still.values(state="expired", next_at=None))
        case Retry():
            retry = {"next_at": verdict.at, "contact": verdict.contact, "throttled": verdict.throttled}
            db.execute(waiting_still.values(retry | {"contact_attempts": verdict.contact_attempts}))


def finish(db: Connection, number: int, *, arrived: bool, provider_id: str | None) -> None:
    """Write whether a digest arrived, or may have. If it did not, the next one need not wait for it."""
    db.execute(
        update(digests).where(digests.c.id == number).values(failed=not arrived, provider_id=provider_id)
    )


def _due(db: Connection, stream: Stream, ranks: Collection[int], now: datetime) -> list[int]:
    """Lock up to `CHUNK` due pages of a stream, worst and oldest first, and return their numbers."""
    mark = pages.c.contact_mark
    ids: list[int] = []
    for rank in ranks:
        query = (
            select(pages.c.id)
            .where(
                pages.c.severity_rank == rank,
                pages.c.next_at <= leases.NOW,
                pages.c.person == stream.person,
                pages.c.via == stream.via,
                mark.is_(None) if stream.contact_mark is None else mark == stream.contact_mark,
                pages.c.kind == stream.kind,
                leases.may_go(),
            )
            .order_by(pages.c.next_at, pages.c.id)
            .limit(CHUNK - len(ids))
            .with_for_update(skip_locked=True)
        )
        ids += db.execute(query, {"now": now}).scalars()
        if len(ids) >= CHUNK:
            break
    return ids


def _take(db: Connection, number: int, ids: Sequence[int], now: datetime) -> None:
    these = among(db, pages.c.id, ids)
    earlier = db.execute(select(pages).where(these, pages.c.leased_until.is_not(None)))
    lost = [attempt_store.unrecorded(outbox.page_of(row)) for row in earlier]
    attempt_store.write_attempts(db, [attempt for attempt in lost if attempt])
    until = now + LEASE
    taken = {"lease": pages.c.lease + 1, "leased_until": until, "next_at": until, "digest_id": number}
    db.execute(update(pages).where(these).values(taken))
    count = digests.c.pages + len(ids)
    db.execute(update(digests).where(digests.c.id == number).values(pages=count))
