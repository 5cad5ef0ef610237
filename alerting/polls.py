"""The SQL of polls: messages of which a provider must be asked what became of them. A crash forgets none."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, select, update

from alerting.incident import State
from alerting.notice import NoticeKind
from alerting.sql import insert_many
from alerting.tables import attempts, incidents, pages, polls

LEASE = timedelta(seconds=30)
"""The time that one question may be under way. Another process asks after it if this one has died."""


@dataclass(frozen=True, slots=True)
class Poll:
    """A message to ask about, by the kind of its notifier and the provider's id, and the time since which it is asked
    about. `needed` is true if something that it is about still waits for an answer."""

    via: str
    provider_id: str
    since: datetime
    needed: bool = True


def begin(db: Connection, begun: Iterable[Poll], at: datetime) -> None:
    """Ask about these messages, first at `at`. One that is asked about already stays as it is."""
    rows = [
        {"via": poll.via, "provider_id": poll.provider_id, "since": poll.since, "poll_at": at}
        for poll in begun
    ]
    insert_many(db, polls, rows, on_conflict="ON CONFLICT DO NOTHING")


def next_due(db: Connection) -> datetime | None:
    """Return the time of the next question."""
    at: datetime | None = db.execute(select(func.min(polls.c.poll_at, type_=polls.c.poll_at.type))).scalar()
    return at


def lease(db: Connection, now: datetime, limit: int) -> list[Poll]:
    """Take up to `limit` messages that are to be asked about now."""
    waits = exists().where(
        attempts.c.provider_id == polls.c.provider_id,
        attempts.c.via == polls.c.via,
        pages.c.id == attempts.c.page_id,
        pages.c.kind == NoticeKind.PAGE,
        incidents.c.id == pages.c.incident_id,
        incidents.c.state == State.OPEN,
        incidents.c.occurrence == pages.c.occurrence,
    )
    due = (
        select(polls, waits.label("needed"))
        .where(polls.c.poll_at <= now)
        .order_by(polls.c.poll_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=polls)
    )
    taken = [Poll(row.via, row.provider_id, row.since, bool(row.needed)) for row in db.execute(due)]
    for poll in taken:
        again(db, poll, now + LEASE)
    return taken


def again(db: Connection, poll: Poll, at: datetime) -> None:
    """Ask again at `at`."""
    db.execute(update(polls).where(_is(poll)).values(poll_at=at))


def end(db: Connection, poll: Poll) -> None:
    """Ask no more."""
    db.execute(delete(polls).where(_is(poll)))


def _is(poll: Poll) -> ColumnElement[bool]:
    return and_(polls.c.via == poll.via, polls.c.provider_id == poll.provider_id)
