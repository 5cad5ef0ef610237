"""The SQL of subscribers and of their waiting mails."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, literal, select, update

from heartbeat.status.announcement import AnnouncementKind, Status, affected_of
from heartbeat.status.subscribers.link import CONFIRM_WITHIN, Ticket
from heartbeat.status.subscribers.mail import News
from heartbeat.status.tables import announcements, mails, subscribers, updates

ASK_INTERVAL = timedelta(minutes=15)
"""The shortest time between two questions to one address, from any sender."""
MAX_PENDING = 1_000
"""The largest number of unconfirmed addresses of a page. Further ones are not asked."""
MAX_REFUSALS = 3
"""The refusals in a row after which an address gets no more mail."""
MAX_REFUSAL = 500
"""Characters of a server's answer that are kept."""
MAX_LISTED = 200
"""The largest number of dropped addresses that are listed."""
DROPPED_FOR = timedelta(days=30)
"""The time for which a dropped address is kept, so that the console can name it."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to send. Without `news` it asks to confirm the subscription."""

    id: int
    attempts: int
    ticket: Ticket
    address: str
    page: str
    news: News | None


@dataclass(frozen=True, slots=True)
class Dropped:
    """An address that gets no more mail, and the last answer of its server."""

    address: str
    refusal: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Subscribers:
    """The number of confirmed subscribers of a page, and the addresses that were dropped, newest first."""

    confirmed: int
    dropped: tuple[Dropped, ...]


def ask(db: Connection, page: str, address: str, now: datetime) -> bool:
    """Ask this address to confirm. Return False if it is not asked (again); the page shows no difference.

    A question that our mail server did not take is sent again at once.
    """
    db.execute(delete(subscribers).where(_has_expired(now)))
    subscriber = (subscribers.c.page == page) & (subscribers.c.address == address)
    row = db.execute(select(subscribers).where(subscriber).with_for_update()).one_or_none()
    if row is not None and row.dropped_at is not None:
        # Its owner wants to try again.
        db.execute(delete(subscribers).where(subscribers.c.id == row.id))
        row = None
    if row is not None and row.confirmed_at is not None:
        return False
    if row is not None and now - row.asked_at < ASK_INTERVAL:
        return _hasten(db, row.id, now)
    if row is None:
        pending = select(func.count()).where(subscribers.c.page == page, subscribers.c.confirmed_at.is_(None))
        if db.execute(pending).scalar_one() >= MAX_PENDING:
            return False
        values = {"page": page, "address": address, "asked_at": now}
        number = db.execute(insert(subscribers).values(**values).returning(subscribers.c.id)).scalar_one()
    else:
        number = row.id
        db.execute(update(subscribers).where(subscribers.c.id == number).values(asked_at=now))
        db.execute(delete(mails).where(mails.c.subscriber_id == number))
    db.execute(insert(mails).values(subscriber_id=number, next_at=now, attempts=0))
    return True


def subscriber(db: Connection, ticket: Ticket) -> tuple[str, str] | None:
    """Return the page and the address of a subscriber, or None if they are gone or have asked again."""
    row = db.execute(select(subscribers.c.page, subscribers.c.address).where(_is(ticket))).one_or_none()
    return (row.page, row.address) if row is not None else None


def confirm(db: Connection, ticket: Ticket, now: datetime) -> bool:
    """Confirm a subscription. Return False if there is no request, or it is too old."""
    if now - ticket.asked_at > CONFIRM_WITHIN:
        return False
    confirmed = db.execute(
        update(subscribers)
        .where(_is(ticket), subscribers.c.dropped_at.is_(None))
        .values(confirmed_at=func.coalesce(subscribers.c.confirmed_at, now))
    )
    return confirmed.rowcount == 1


def unsubscribe(db: Connection, ticket: Ticket) -> None:
    """Delete a subscriber with their waiting mails."""
    db.execute(delete(subscribers).where(_is(ticket)))


def queue(db: Connection, page: str, update_id: int, now: datetime) -> None:
    """Queue a mail about this update for every subscriber of the page, in the transaction that publishes it."""
    recipients = select(
        subscribers.c.id, literal(update_id), literal(now, mails.c.next_at.type), literal(0)
    ).where(subscribers.c.page == page, _IS_REACHED)
    columns = [mails.c.subscriber_id, mails.c.update_id, mails.c.next_at, mails.c.attempts]
    db.execute(insert(mails).from_select(columns, recipients))


def lease(db: Connection, now: datetime, limit: int, length: timedelta) -> list[Mail]:
    """Lease up to `limit` mails that are due. No other process sends them for this time."""
    due = select(mails.c.id).where(mails.c.next_at <= now).order_by(mails.c.next_at, mails.c.id).limit(limit)
    ids = list(db.execute(due.with_for_update(skip_locked=True)).scalars())
    if not ids:
        return []
    leased = update(mails).where(mails.c.id.in_(ids))
    db.execute(leased.values(next_at=now + length, attempts=mails.c.attempts + 1))
    query = (
        select(
            mails.c.id,
            mails.c.attempts,
            subscribers.c.id.label("subscriber"),
            subscribers.c.asked_at,
            subscribers.c.address,
            subscribers.c.page,
            mails.c.update_id,
            announcements.c.id.label("number"),
            *(announcements.c[name] for name in ("kind", "title", "starts_at", "ends_at", "made_at")),
            *(updates.c[name] for name in ("status", "body", "at", "affected")),
        )
        .join(subscribers, subscribers.c.id == mails.c.subscriber_id)
        .outerjoin(updates, updates.c.id == mails.c.update_id)
        .outerjoin(announcements, announcements.c.id == updates.c.announcement_id)
        .where(mails.c.id.in_(ids))
        .order_by(mails.c.id)
    )
    return [
        Mail(row.id, row.attempts, Ticket(row.subscriber, row.asked_at), row.address, row.page, _news(row))
        for row in db.execute(query)
    ]


def accepted(db: Connection, mail: Mail) -> None:
    """Remove a mail that the server took. Its address has not refused any since."""
    remove_mails(db, [mail.id])
    db.execute(
        update(subscribers)
        .where(_is(mail.ticket), subscribers.c.refusals > 0)
        .values(refusals=0, refusal=None)
    )


def refused(db: Connection, mail: Mail, reason: str, now: datetime) -> bool:
    """Remove a mail that the server refused because of the address. Return True if that drops the address."""
    remove_mails(db, [mail.id])
    counted = update(subscribers).where(_is(mail.ticket), subscribers.c.dropped_at.is_(None))
    values = {"refusals": subscribers.c.refusals + 1, "refusal": reason[:MAX_REFUSAL]}
    refusals = db.execute(counted.values(**values).returning(subscribers.c.refusals)).scalar()
    if refusals is None or refusals < MAX_REFUSALS:
        return False
    db.execute(update(subscribers).where(_is(mail.ticket)).values(dropped_at=now))
    db.execute(delete(mails).where(mails.c.subscriber_id == mail.ticket.subscriber))
    return True


def forget_dropped(db: Connection, now: datetime) -> None:
    """Delete the addresses that were dropped long ago."""
    db.execute(delete(subscribers).where(subscribers.c.dropped_at < now - DROPPED_FOR))


def by_page(db: Connection) -> dict[str, Subscribers]:
    """Return the subscribers of each page that has any."""
    counts = select(subscribers.c.page, func.count()).where(_IS_REACHED).group_by(subscribers.c.page)
    confirmed: dict[str, int] = {page: int(count) for page, count in db.execute(counts)}
    gone = select(subscribers).where(subscribers.c.dropped_at.is_not(None))
    dropped: dict[str, list[Dropped]] = {}
    for row in db.execute(gone.order_by(subscribers.c.dropped_at.desc()).limit(MAX_LISTED)):
        dropped.setdefault(row.page, []).append(Dropped(row.address, row.refusal or "", row.dropped_at))
    return {
        page: Subscribers(confirmed.get(page, 0), tuple(dropped.get(page, ())))
        for page in confirmed.keys() | dropped.keys()
    }


def remove_mails(db: Connection, ids: Sequence[int]) -> None:
    """Remove mails that were sent, or never will be."""
    db.execute(delete(mails).where(mails.c.id.in_(ids)))


def postpone(db: Connection, number: int, at: datetime) -> None:
    """Postpone a mail to this time."""
    db.execute(update(mails).where(mails.c.id == number).values(next_at=at))


def is_mail_due(db: Connection, now: datetime) -> bool:
    """Return True if any mail is due."""
    return db.execute(select(mails.c.id).where(mails.c.next_at <= now).limit(1)).first() is not None


def _hasten(db: Connection, number: int, now: datetime) -> bool:
    failed = (mails.c.subscriber_id == number) & (mails.c.attempts > 0)
    return db.execute(update(mails).where(failed).values(next_at=now)).rowcount > 0


def _news(row: Any) -> News | None:
    if row.update_id is None:
        return None
    return News(
        row.update_id,
        row.number,
        AnnouncementKind(row.kind),
        row.title,
        Status(row.status),
        row.body,
        row.at,
        affected_of(row.affected),
        row.starts_at,
        row.ends_at,
        row.made_at,
    )


_IS_REACHED = subscribers.c.confirmed_at.is_not(None) & subscribers.c.dropped_at.is_(None)


def _is(ticket: Ticket):  # type: ignore[no-untyped-def]  # a condition of SQLAlchemy
    return (subscribers.c.id == ticket.subscriber) & (subscribers.c.asked_at == ticket.asked_at)


def _has_expired(now: datetime):  # type: ignore[no-untyped-def]  # as above
    return subscribers.c.confirmed_at.is_(None) & (subscribers.c.asked_at < now - CONFIRM_WITHIN)
