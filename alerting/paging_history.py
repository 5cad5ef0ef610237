"""The SQL of past pages, for reports and answers: whom they reached and when, how soon people answered, about what.

A page counts once it has reached a provider, however many attempts it took. The pages of one digest are one message.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, select

from alerting.incident import Incident, State
from alerting.notice import NoticeKind
from alerting.sql import QUARTER, quarter
from alerting.tables import WENT_ON, incidents, pages, symptoms, timeline

MOST_ANSWERS: Final = 20_000
"""The incidents of a span whose answers are read, those that paged last."""
_MESSAGE: Final = func.coalesce(-pages.c.digest_id, pages.c.id)
"""What reached a person as one message: a digest, or a page by itself."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The messages with pages that reached a person within a quarter of an hour, which begins at `at`."""

    person: str
    at: datetime
    messages: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The time from the first page of an incident to its first acknowledgement, and its author. None without one."""

    incident_id: int
    took: timedelta | None
    by: str


@dataclass(frozen=True, slots=True)
class Noise:
    """A symptom by key and title, with the incidents and the messages that paged for them."""

    key: str
    title: str
    incidents: int
    messages: int


def paged_at(db: Connection, incident: Incident) -> datetime | None:
    """Return the time of the first page of this occurrence of an incident."""
    query = select(func.min(pages.c.created_at, type_=pages.c.created_at.type)).where(
        pages.c.incident_id == incident.id,
        pages.c.occurrence == incident.occurrence,
        pages.c.kind == NoticeKind.PAGE,
    )
    at: datetime | None = db.execute(query).scalar()
    return at


def reached(db: Connection, start: datetime, end: datetime) -> list[Reached]:
    """Return whom pages reached between two times, a row for each person and quarter of an hour, oldest first.

    Nights begin and end with a quarter of an hour in every time zone.
    """
    between = _between(start, end)
    alone = select(pages.c.person, pages.c.delivered_at.label("at")).where(
        between, pages.c.digest_id.is_(None)
    )
    at = func.min(pages.c.delivered_at, type_=pages.c.delivered_at.type).label("at")
    digests = select(pages.c.person, at).where(between, pages.c.digest_id.is_not(None))
    counts: Counter[tuple[int, str]] = Counter()
    for query in (alone, digests.group_by(pages.c.person, pages.c.digest_id)):
        for person, number, messages in db.execute(_by_quarter(db, query)):
            counts[number, person] += messages
    return [
        Reached(person, datetime.fromtimestamp(number * QUARTER, UTC), messages)
        for (number, person), messages in sorted(counts.items())
    ]


def _by_quarter(db: Connection, query: Select[Any]) -> Select[Any]:
    rows = query.subquery()
    number = quarter(db, rows.c.at)
    return select(rows.c.person, number, func.count()).group_by(rows.c.person, number)


def answers(db: Connection, start: datetime, end: datetime) -> list[Answer]:
    """Return how soon incidents that opened and paged between two times were acknowledged, newest page first.

    Incidents that were first paged in one digest are one: the first acknowledgement counts. One that was merged into
    another is answered there.
    """
    paged_at = func.min(pages.c.delivered_at, type_=pages.c.delivered_at.type).label("paged_at")
    first = (
        select(pages.c.incident_id, paged_at, func.min(_MESSAGE).label("message"))
        .join(incidents, incidents.c.id == pages.c.incident_id)
        .where(_between(start, end), incidents.c.opened_at >= start, incidents.c.merged_into.is_(None))
        .group_by(pages.c.incident_id)
        .order_by(paged_at.desc(), pages.c.incident_id)
        .limit(MOST_ANSWERS)
        .subquery()
    )
    acknowledged = (
        select(func.min(timeline.c.id))
        .where(
            timeline.c.incident_id == first.c.incident_id,
            timeline.c.kind == State.ACKNOWLEDGED.value,
            timeline.c.at >= first.c.paged_at,
        )
        .scalar_subquery()
    )
    answered = select(first, acknowledged.label("entry")).subquery()
    query = (
        select(answered.c.incident_id, answered.c.message, answered.c.paged_at, timeline.c.at, timeline.c.by)
        .outerjoin(timeline, timeline.c.id == answered.c.entry)
        .order_by(answered.c.paged_at.desc(), answered.c.incident_id)
    )
    by_message: dict[int, Answer] = {}
    for number, message, began, at, by in db.execute(query):
        answer = Answer(number, None if at is None else at - began, by or "")
        first_answer = by_message.setdefault(message, answer)
        if answer.took is not None and (first_answer.took is None or answer.took < first_answer.took):
            by_message[message] = answer
    return list(by_message.values())


def noisiest(db: Connection, start: datetime, end: datetime, limit: int) -> list[Noise]:
    """Return the symptoms of the incidents that paged most between two times, noisiest first."""
    messages = func.count(_MESSAGE.distinct())
    paged = (
        select(pages.c.incident_id, messages.label("messages"))
        .where(_between(start, end))
        .group_by(pages.c.incident_id)
        .subquery()
    )
    # What went on in another incident has a mark in front of its key, and two rows in an incident that it came back to.
    went_on = symptoms.c.key.startswith(WENT_ON)
    key = case((went_on, func.substr(symptoms.c.key, len(WENT_ON) + 1)), else_=symptoms.c.key).label("key")
    each = (
        select(key, paged.c.incident_id, paged.c.messages, func.max(symptoms.c.title).label("title"))
        .join(paged, paged.c.incident_id == symptoms.c.incident_id)
        .group_by(key, paged.c.incident_id, paged.c.messages)
        .subquery()
    )
    total, count = func.sum(each.c.messages).label("messages"), func.count().label("incidents")
    query = (
        select(each.c.key, func.max(each.c.title).label("title"), count, total)
        .group_by(each.c.key)
        .order_by(total.desc(), count.desc(), each.c.key)
        .limit(limit)
    )
    return [Noise(row.key, row.title, row.incidents, int(row.messages)) for row in db.execute(query)]


def _between(start: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(
        pages.c.delivered_at >= start,
        pages.c.delivered_at < end,
        pages.c.kind == NoticeKind.PAGE,
        # The drill pages nobody.
        pages.c.incident_id > 0,
    )
