"""The SQL of what stands: the newest notice that each contact took of each incident that goes on or ended lately."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from alerting import outbox
from alerting.attempts import TAKEN
from alerting.incident import State
from alerting.notice import NoticeKind
from alerting.outbox import Page
from alerting.sql import among
from alerting.tables import attempts, incidents, pages


def standing(db: Connection, after: int, ended_since: datetime, limit: int) -> list[int]:
    """Return incidents that go on or have ended since a time, oldest first, with numbers above `after`."""
    stands = or_(incidents.c.state != State.RESOLVED, incidents.c.resolved_at > ended_since)
    query = select(incidents.c.id).where(stands, incidents.c.id > after).order_by(incidents.c.id).limit(limit)
    return list(db.execute(query).scalars())


def newest_taken(
    db: Connection, incident_ids: Collection[int], marks: Collection[str]
) -> list[tuple[Page, str]]:
    """Return the newest notice of each incident that each contact took, or may have, with the contact's mark.

    Of an incident that has ended it is the news of the end: without it, the contact is not told yet.
    """
    newest = (
        select(func.max(pages.c.id).label("id"), attempts.c.contact_mark)
        .join(attempts, attempts.c.page_id == pages.c.id)
        .where(among(db, pages.c.incident_id, incident_ids), among(db, attempts.c.contact_mark, marks), TAKEN)
        .group_by(pages.c.incident_id, attempts.c.contact_mark)
        .subquery()
    )
    told = or_(incidents.c.state != State.RESOLVED, pages.c.kind == NoticeKind.RECOVERED)
    query = (
        select(pages, newest.c.contact_mark.label("mark"))
        .join(newest, newest.c.id == pages.c.id)
        .join(incidents, incidents.c.id == pages.c.incident_id)
        .where(told)
        .order_by(pages.c.id)
    )
    return [(outbox.page_of(row), row.mark) for row in db.execute(query)]
