"""The SQL of subscribers and of the mails that wait for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, literal, select, update

from heartbeat.status.announcement import Status
from heartbeat.status.tables import announcements, mails, subscribers, updates
from heartbeat.status.ticket import CONFIRM_WITHIN, Ticket

AGAIN = timedelta(minutes=15)
"""An address is asked to confirm once in so long, whoever types it in."""
MAX_PENDING = 1_000
"""Addresses of a page that have not confirmed, at the most: more are not asked."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that is to be sent, with what it says. Without `update` it is the question whether they want any."""

    id: int
    attempts: int
    ticket: Ticket
    address: str
    page: str
    update: int | None
    number: int | None
    title: str | None
    status: Status | None
    body: str | None
    at: datetime | None


def ask(db: Connection, page: str, address: str, now: datetime) -> bool:
    """Ask this address whether it wants mail; False where it is not asked (again). Who asks is told no difference."""
    db.execute(delete(subscribers).where(_forgotten(now)))
    of_it = (subscribers.c.page == page) & (subscribers.c.address == address)
    row = db.execute(select(subscribers).where(of_it).with_for_update()).one_or_none()
    if row is not None and (row.confirmed_at is not None or now - row.asked_at < AGAIN):
        return False
    if row is None:
        waiting = select(func.count()).where(subscribers.c.page == page, subscribers.c.confirmed_at.is_(None))
        if db.execute(waiting).scalar_one() >= MAX_PENDING:
            return False
        given = {"page": page, "address": address, "asked_at": now}
        number = db.execute(insert(subscribers).values(**given).returning(subscribers.c.id)).scalar_one()
    else:
        number = row.id
        db.execute(update(subscribers).where(subscribers.c.id == number).values(asked_at=now))
        db.execute(delete(mails).where(mails.c.subscriber_id == number))
    db.execute(insert(mails).values(subscriber_id=number, next_at=now, attempts=0))
    return True


def confirm(db: Connection, ticket: Ticket, now: datetime) -> bool:
    """They want mail from now on; False where they did not ask, or too long ago."""
    if now - ticket.asked_at > CONFIRM_WITHIN:
        return False
    done = db.execute(
        update(subscribers)
        .where(_is(ticket))
        .values(confirmed_at=func.coalesce(subscribers.c.confirmed_at, now))
    )
    return done.rowcount == 1


def leave(db: Connection, ticket: Ticket) -> None:
    """Forget a subscriber with everything that waits for them."""
    db.execute(delete(subscribers).where(_is(ticket)))


def queue(db: Connection, page: str, update_id: int, now: datetime) -> None:
    """Every subscriber of a page is to read this update. In the transaction that publishes it."""
    theirs = select(
        subscribers.c.id, literal(update_id), literal(now, mails.c.next_at.type), literal(0)
    ).where(subscribers.c.page == page, subscribers.c.confirmed_at.is_not(None))
    columns = [mails.c.subscriber_id, mails.c.update_id, mails.c.next_at, mails.c.attempts]
    db.execute(insert(mails).from_select(columns, theirs))


def lease(db: Connection, now: datetime, limit: int, length: timedelta) -> list[Mail]:
    """Up to `limit` mails whose time has come, which nobody else sends for so long."""
    due = select(mails.c.id).where(mails.c.next_at <= now).order_by(mails.c.next_at, mails.c.id).limit(limit)
    ids = list(db.execute(due.with_for_update(skip_locked=True)).scalars())
    if not ids:
        return []
    taken = update(mails).where(mails.c.id.in_(ids))
    db.execute(taken.values(next_at=now + length, attempts=mails.c.attempts + 1))
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
            announcements.c.title,
            updates.c.status,
            updates.c.body,
            updates.c.at,
        )
        .join(subscribers, subscribers.c.id == mails.c.subscriber_id)
        .outerjoin(updates, updates.c.id == mails.c.update_id)
        .outerjoin(announcements, announcements.c.id == updates.c.announcement_id)
        .where(mails.c.id.in_(ids))
        .order_by(mails.c.id)
    )
    return [
        Mail(
            row.id,
            row.attempts,
            Ticket(row.subscriber, row.asked_at),
            row.address,
            row.page,
            row.update_id,
            row.number,
            row.title,
            Status(row.status) if row.status else None,
            row.body,
            row.at,
        )
        for row in db.execute(query)
    ]


def done(db: Connection, ids: Sequence[int]) -> None:
    """These are sent, or never will be."""
    db.execute(delete(mails).where(mails.c.id.in_(ids)))


def later(db: Connection, number: int, at: datetime) -> None:
    """Try this one again then."""
    db.execute(update(mails).where(mails.c.id == number).values(next_at=at))


def waiting(db: Connection, now: datetime) -> bool:
    """Whether any mail is due."""
    return db.execute(select(mails.c.id).where(mails.c.next_at <= now).limit(1)).first() is not None


def _is(ticket: Ticket):  # type: ignore[no-untyped-def]  # a condition of SQLAlchemy
    return (subscribers.c.id == ticket.subscriber) & (subscribers.c.asked_at == ticket.asked_at)


def _forgotten(now: datetime):  # type: ignore[no-untyped-def]  # as above
    return subscribers.c.confirmed_at.is_(None) & (subscribers.c.asked_at < now - CONFIRM_WITHIN)
