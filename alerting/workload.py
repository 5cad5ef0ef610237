"""The SQL of what is not done yet: for metrics, health, and whoever else watches the service."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from alerting import incident_lists
from alerting.incident import State
from alerting.notice import NoticeKind
from alerting.tables import incidents, pages


@dataclass(frozen=True, slots=True)
class Workload:
    """The incidents and pages that are not done yet, for those who watch the service."""

    incidents: Mapping[State, int]
    """The number of unresolved incidents by state, without states that have none."""
    unanswered_since: datetime | None
    """The time of the oldest page that nobody has answered, of open incidents."""
    waiting: int
    """The number of pages that wait to be sent, and the time of the oldest."""
    oldest: datetime | None


def workload(db: Connection) -> Workload:
    """Return the incidents and pages that are not done yet."""
    since = func.coalesce(pages.c.not_before, pages.c.created_at)
    query = select(func.count(), func.min(since, type_=pages.c.created_at.type)).where(
        pages.c.next_at.is_not(None), pages.c.incident_id > 0
    )
    waiting, oldest = db.execute(query).one()
    return Workload(incident_lists.count(db), _unanswered_since(db), waiting, oldest)


def _unanswered_since(db: Connection) -> datetime | None:
    """Return the time of the oldest page of open incidents that nobody has answered."""
    same_occurrence = pages.c.incident_id == incidents.c.id, pages.c.occurrence == incidents.c.occurrence
    query = (
        select(func.min(pages.c.created_at, type_=pages.c.created_at.type))
        .select_from(incidents.join(pages, and_(*same_occurrence)))
        # The first of these is there for the index.
        .where(
            incidents.c.next_at.is_not(None),
            incidents.c.id > 0,
            incidents.c.state == State.OPEN,
            incidents.c.settles_at.is_(None),
            pages.c.kind == NoticeKind.PAGE,
        )
    )
    since: datetime | None = db.execute(query).scalar()
    return since
