"""The SQL of delivered pages that move on to a further contact, unless somebody answers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from alerting import delivery, outbox
from alerting.delivery import Delivered
from alerting.outbox import Page
from alerting.person import Contact, Person
from alerting.sql import Utc, among, earliest, update_many
from alerting.tables import pages

# Made once: they run in each round, and making them costs more than running them.
_NEXT_DUE = select(earliest(pages.c.onward_at))
_DUE = (
    select(pages.c.id, pages.c.incident_id)
    .where(pages.c.onward_at <= bindparam("now", type_=Utc()))
    .order_by(pages.c.onward_at, pages.c.id)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Further:
    """A page, its next contact and that one's number. `delivered_at` is None if nothing says that it was delivered."""

    page: Page
    number: int
    contact: Contact
    delivered_at: datetime | None


def next_due(db: Connection) -> datetime | None:
    """Return the time at which the next page moves on."""
    at: datetime | None = db.execute(_NEXT_DUE).scalar()
    return at


def due(db: Connection, now: datetime, limit: int) -> list[tuple[int, int]]:
    """Return up to `limit` pages that move on now, the longest due first: each with its incident."""
    return [(page, incident) for page, incident in db.execute(_DUE, {"now": now, "most": limit})]


def lock_due(db: Connection, page_ids: Collection[int], now: datetime) -> list[Page]:
    """Lock those of these pages that still move on now, and return them."""
    query = (
        select(pages)
        .where(among(db, pages.c.id, page_ids), pages.c.onward_at <= now)
        .order_by(pages.c.id)
        .with_for_update()
    )
    return [outbox.page_of(row) for row in db.execute(query)]


def put_off(db: Connection, later: Mapping[int, Delivered]) -> None:
    """Write the times of pages that do not move on now."""
    rows = [
        {"id": number, "onward_at": times.onward_at, "receipt_by": times.receipt_by}
        for number, times in later.items()
    ]
    update_many(db, pages, rows)


def move_on(db: Connection, moves: Sequence[Further], now: datetime) -> None:
    """Let delivered pages wait again, each for its next contact."""
    rows = [
        {
            "id": move.page.id,
            "state": "pending",
            "next_at": now,
            "not_before": now,
            "contact": move.number,
            "via": move.contact.kind,
            "contact_mark": move.contact.mark,
            "contact_attempts": 0,
            "delivered_at": move.delivered_at,
            "onward_at": None,
            "receipt_by": None,
        }
        for move in moves
    ]
    update_many(db, pages, rows)


def arrived(db: Connection, page: Page, person: Person, now: datetime) -> None:
    """Write that a delivered page has arrived: it moves on only if nobody answers it."""
    if page.receipt_by is None:
        return
    onward = delivery.accepted(page.tries(person), now, None)
    values = {"onward_at": onward.onward_at, "receipt_by": None}
    db.execute(update(pages).where(pages.c.id == page.id, pages.c.onward_at.is_not(None)).values(values))
