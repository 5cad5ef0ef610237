"""The SQL of sending: each page is leased to one courier, and its outcome is recorded under that lease."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
    true,
    update,
)

from alerting.clock_step import Step
from alerting.delivery import LEASE, Delivered, Expired, Retry, Verdict
from alerting.digest import Stream
from alerting.notice import NoticeKind
from alerting.outbox import RANKS, Page, Recipient, page_of
from alerting.person import Contact, Person
from alerting.sql import Utc, earliest, update_many
from alerting.tables import incidents, pages

NOW = bindparam("now", type_=Utc())
"""The time, in statements that are put together once: in a storm that took longer than running them."""
NEWEST_SHARE = 5
"""One page in this many is taken from the newest, so that a backlog never hides the latest news."""


@dataclass(frozen=True, slots=True)
class AtCapacity:
    """What takes no single sends now: kinds of notifiers and people with as many under way as they may have, and
    streams that wait for a digest, each from a rank of severity on."""

    kinds: Collection[str] = ()
    people: Collection[str] = ()
    streams: Collection[tuple[Stream, int]] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """The verdict on an attempt to deliver a page, as it is written.

    `contact` is the next one or, if the page is delivered, the one that took it.
    """

    page: Page
    verdict: Verdict
    contact: Contact
    at: datetime


def lease(db: Connection, now: datetime, limit: int, full: AtCapacity) -> list[Page]:
    """Take up to `limit` due pages for sending, worst and oldest first with a share for the newest.

    Pages for what is `full` are left out. Each leased page has its fencing token in `lease`.
    """
    newest = limit // NEWEST_SHARE
    leased = _claim(db, now, limit - newest, full, newest=False)
    if newest and len(leased) == limit - newest:
        leased += _claim(db, now, newest, full, newest=True, except_ids=[page.id for page in leased])
    rows = [
        {
            "id": page.id,
            "lease": page.lease,
            "leased_until": now + LEASE,
            "next_at": now + LEASE,
            "digest_id": None,
        }
        for page in leased
    ]
    update_many(db, pages, rows)
    return leased


def next_due(db: Connection) -> datetime | None:
    """Return the time of the next attempt. What is recovering has none until it settles or returns."""
    if not db.execute(_any_waits()).scalar():
        return None
    return min((at for at in db.execute(_next_due()).one() if at is not None), default=None)


@cache
def _any_waits() -> Select[bool]:
    """Return a query for whether anything is to be sent: PostgreSQL plans it in a tenth of the time of the other."""
    return select(exists().where(pages.c.next_at.is_not(None)))


@cache
def _next_due() -> Select[*tuple[Any, ...]]:
    return select(
        *(earliest(pages.c.next_at, pages.c.severity_rank == rank, ~_is_well_again()) for rank in RANKS)
    )


def fenced(db: Connection, leases: Mapping[int, int]) -> dict[int, Page]:
    """Return the pages that are still leased under the token that `leases` gives by page, locked.

    A page with a recorded outcome is not leased any more: an outcome that is recorded twice counts once.
    """
    leased = pages.c.id.in_(leases.keys()), pages.c.leased_until.is_not(None)
    query = select(pages).where(*leased).order_by(pages.c.id).with_for_update()
    locked = [page_of(row) for row in db.execute(query)]
    return {page.id: page for page in locked if page.lease == leases[page.id]}


def readdress(db: Connection, recipients: Mapping[int, Recipient]) -> None:
    """Write the contacts of leased pages whose person's list has changed, by page."""
    rows = [
        {"id": number, "via": to.via, "contact_mark": to.contact_mark} for number, to in recipients.items()
    ]
    update_many(db, pages, rows)


def pass_over(db: Connection, pages_by_contact: Collection[tuple[Page, Contact]]) -> None:
    """Write that leased pages go to other contacts than those that were next: `Page.contact` is the new number."""
    rows = [
        {
            "id": page.id,
            "contact": page.contact,
            "contact_attempts": page.contact_attempts,
            "via": contact.kind,
            "contact_mark": contact.mark,
        }
        for page, contact in pages_by_contact
    ]
    update_many(db, pages, rows)


def end(db: Connection, page_ids: Collection[int]) -> None:
    """Give up leased notices that were not sent, because their contact is gone."""
    ended = update(pages).where(pages.c.id.in_(page_ids))
    db.execute(ended.values(leased_until=None))
    db.execute(ended.where(pages.c.state == "pending").values(state="expired", next_at=None))


def retime(db: Connection, step: Step) -> None:
    """Move the times of waiting pages after a step of the clock. What is under way keeps its lease, for a whole one."""
    until = step.after + LEASE
    db.execute(update(pages).where(pages.c.leased_until.is_not(None)).values(leased_until=until))
    columns = pages.c.id, pages.c.created_at, pages.c.next_at, pages.c.leased_until, pages.c.not_before
    rows = [
        {
            "id": row.id,
            "created_at": step.fact(row.created_at),
            "next_at": until if row.leased_until else step.attempt(row.next_at),
            "not_before": row.not_before and step.attempt(row.not_before),
        }
        for row in db.execute(select(*columns).where(pages.c.next_at.is_not(None)))
    ]
    update_many(db, pages, rows)
    moving = pages.c.id, pages.c.created_at, pages.c.onward_at, pages.c.receipt_by
    delivered = [
        {
            "id": row.id,
            "created_at": step.fact(row.created_at),
            "onward_at": step.wait(row.onward_at, row.created_at),
            "receipt_by": step.wait(row.receipt_by, row.created_at),
        }
        for row in db.execute(select(*moving).where(pages.c.onward_at.is_not(None)))
    ]
    update_many(db, pages, delivered)


def record(db: Connection, recorded: Sequence[Recorded]) -> None:
    """Write the verdicts on attempts to deliver pages that are locked. One that was superseded meanwhile stays so."""
    update_many(db, pages, [_row(one) for one in recorded])


def _row(recorded: Recorded) -> dict[str, Any]:
    page, verdict = recorded.page, recorded.verdict
    pending, delivered = page.state == "pending", isinstance(verdict, Delivered)
    row: dict[str, Any] = {
        "id": page.id,
        "attempts": page.attempts + 1,
        "leased_until": None,
        "via": recorded.contact.kind,
        "contact_mark": recorded.contact.mark,
        # One that moves on was delivered before.
        "delivered_at": page.delivered_at or (recorded.at if delivered else None),
        "throttled": page.throttled and not delivered,
        "state": page.state,
        "next_at": None,
        "contact": page.contact,
        "contact_attempts": page.contact_attempts,
        # What was superseded while it was sent goes nowhere from there.
        "onward_at": verdict.onward_at if pending and isinstance(verdict, Delivered) else None,
        "receipt_by": verdict.receipt_by if pending and isinstance(verdict, Delivered) else None,
    }
    if pending and isinstance(verdict, Retry):
        return row | {
            "next_at": verdict.at,
            "contact": verdict.contact,
            "contact_attempts": verdict.contact_attempts,
            "throttled": verdict.throttled,
        }
    return row | ({"state": "delivered" if delivered else "expired"} if pending else {})


def postpone(db: Connection, until: Mapping[int, datetime]) -> None:
    """Give leased pages back that are not sent now, each until its time, by number."""
    rows = [{"id": number, "next_at": at, "leased_until": None} for number, at in until.items()]
    update_many(db, pages, rows, where="pages.state = 'pending'")


def hold(db: Connection, until: Mapping[int, datetime]) -> None:
    """Give leased pages back that must not be sent before their time, whatever else is sent, by number."""
    rows = [
        {"id": number, "next_at": at, "not_before": at, "leased_until": None} for number, at in until.items()
    ]
    update_many(db, pages, rows, where="pages.state = 'pending'")


def probe(db: Connection, via: str, mark: str, at: datetime) -> bool:
    """Let the page for this contact that was tried the least be tried at `at`, if it would be tried later.

    Return whether there is one.
    """
    waiting = _waiting_for(via, mark, at)
    first = select(pages.c.id).where(waiting).order_by(pages.c.attempts, pages.c.severity_rank, pages.c.id)
    sooner = update(pages).where(pages.c.id.in_(first.limit(1).scalar_subquery())).values(next_at=at)
    return db.execute(sooner).rowcount > 0


def release(db: Connection, via: str, mark: str, now: datetime) -> bool:
    """Let everything be sent now that waits for this contact, except for what waits for a rate limit.

    Return whether there is anything.
    """
    sooner = update(pages).where(_waiting_for(via, mark, now), ~pages.c.throttled).values(next_at=now)
    return db.execute(sooner).rowcount > 0


def _waiting_for(via: str, mark: str, at: datetime) -> ColumnElement[bool]:
    return and_(
        pages.c.via == via,
        pages.c.contact_mark == mark,
        pages.c.next_at > at,
        pages.c.leased_until.is_(None),
        or_(pages.c.not_before.is_(None), pages.c.not_before <= at),
    )


def hold_back(db: Connection, person: str, via: str, until: datetime) -> None:
    """Hold back all that waits for a contact whose provider limits our rate, to go as one digest at `until`."""
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


def take_back(db: Connection, page: Page, verdict: Retry | Expired | None, person: Person) -> None:
    """Write that a page was not delivered after all: it is retried, given up, or (None) no longer needed."""
    values: dict[str, Any] = {"delivered_at": None, "state": "superseded" if verdict is None else "expired"}
    values |= {"onward_at": None, "receipt_by": None}
    if isinstance(verdict, Retry):
        contact = person.way(page.severity, verdict.contact)
        values |= {
            "state": "pending",
            "next_at": verdict.at,
            "via": contact.kind,
            "contact_mark": contact.mark,
        }
        values |= {"contact": verdict.contact, "contact_attempts": verdict.contact_attempts}
    db.execute(update(pages).where(pages.c.id == page.id, pages.c.state == "delivered").values(values))


def _claim(
    db: Connection,
    now: datetime,
    limit: int,
    full: AtCapacity,
    *,
    newest: bool,
    except_ids: Collection[int] = (),
) -> list[Page]:
    claimed: list[Page] = []
    for rank in RANKS:
        order = pages.c.next_at.desc() if newest else pages.c.next_at.asc()
        query = (
            select(pages)
            .where(
                pages.c.severity_rank == rank,
                pages.c.next_at <= NOW,
                pages.c.via.not_in(full.kinds) if full.kinds else true(),
                pages.c.person.not_in(full.people) if full.people else true(),
                pages.c.id.not_in(except_ids) if except_ids else true(),
                *(~_of(stream, rank) for stream, rank in full.streams),
                may_go(),
            )
            .order_by(order, pages.c.id)
            .limit(limit - len(claimed))
            .with_for_update(skip_locked=True)
        )
        claimed += [page_of(row, lease=row.lease + 1) for row in db.execute(query, {"now": now})]
        if len(claimed) >= limit:
            break
    return claimed


@cache
def may_go() -> ColumnElement[bool]:
    """Return whether nothing stands in the way of a due page. The parameter `now` of its statement is the time."""
    return ~_overtakes() & ~_is_well_again()


def _of(stream: Stream, rank: int) -> ColumnElement[bool]:
    return and_(
        pages.c.person == stream.person,
        pages.c.via == stream.via,
        func.coalesce(pages.c.contact_mark, "") == (stream.contact_mark or ""),
        pages.c.kind == stream.kind,
        pages.c.severity_rank >= rank,
    )


def _is_well_again() -> ColumnElement[bool]:
    """Return whether a page says what is not so at the moment: its incident is recovering."""
    recovering = incidents.c.id == pages.c.incident_id, incidents.c.settles_at.is_not(None)
    return pages.c.kind.in_((NoticeKind.PAGE, NoticeKind.UPDATE)) & exists().where(*recovering)


def _overtakes() -> ColumnElement[bool]:
    """Return whether an earlier notice of the incident to the same contact is under way.

    A provider that hears of the end before the last change would open the incident again.
    """
    other = pages.alias("other")
    # An aggregate, and no EXISTS: PostgreSQL would join that to all leased pages, which takes minutes in a storm whose
    # pages it has not counted yet. So would a bound of `id` outside of the aggregate.
    leased_until = select(func.max(case((other.c.id < pages.c.id, other.c.leased_until)))).where(
        other.c.incident_id == pages.c.incident_id,
        other.c.person == pages.c.person,
        func.coalesce(other.c.contact_mark, "") == func.coalesce(pages.c.contact_mark, ""),
    )
    return func.coalesce(leased_until.scalar_subquery() > NOW, false())
