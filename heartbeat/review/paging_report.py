"""Reads what a report of past pages is made of. It only reads."""

from datetime import datetime

from sqlalchemy import Connection

from alerting import desk
from heartbeat.checks import store as check_store
from heartbeat.checks import symptoms
from heartbeat.review import paging
from heartbeat.review.paging import Noisy, Report


class InvalidSpan(ValueError):
    """The span of a report is refused. The message says what it must be."""


def read(db: Connection, start: datetime, end: datetime) -> Report:
    """Return the report of the pages between two times. Raises `InvalidSpan`."""
    if not start < end <= start + paging.LONGEST:
        raise InvalidSpan(f"until: must be after since, by at most {paging.LONGEST.days} days.")
    history = desk.paging_history
    return paging.of(
        start,
        end,
        history.reached(db, start, end),
        history.answers(db, start, end),
        _noisiest(db, start, end),
        desk.people(db),
    )


def _noisiest(db: Connection, start: datetime, end: datetime) -> list[Noisy]:
    noise = desk.paging_history.noisiest(db, start, end, paging.LISTED)
    numbers = symptoms.check_ids(symptom.key for symptom in noise)
    slugs = {check.id: check.slug for check in check_store.load_ids(db, numbers.values())}
    return [
        Noisy(symptom.title, slugs.get(numbers.get(symptom.key, 0)), symptom.incidents, symptom.messages)
        for symptom in noise
    ]
