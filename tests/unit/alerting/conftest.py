"""Shared by the tests of alerting: a database with a team, symptoms, and pages that are under way."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, make_url

from alerting import desk, escalator, leases, outbox
from alerting.delivery import Delivered
from alerting.escalation import Policy, Step
from alerting.incident import CauseWords, Facts, Incident, State, Symptom
from alerting.leases import AtCapacity, Recorded
from alerting.outbox import Page
from alerting.person import Contact, Person
from alerting.severity import Severity
from heartbeat.database import engine
from tests.unit.conftest import NOW

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
PAGED_AT = NOW + timedelta(seconds=10)
FREE = AtCapacity()
SILENT = CauseWords("silent", "is silent", "was silent")
ANNA = Person("anna", "Anna", (Contact("pager", "anna-1"), Contact("mail", "anna-2")))
BEN = Person("ben", "Ben", (Contact("pager", "ben-1"),))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)), Step(("ben",), timedelta(minutes=10))))
AN_INCIDENT = Incident(
    id=7,
    cause_key="silent:host=us",
    title="us",
    cause="silent",
    state=State.OPEN,
    severity=Severity.CRITICAL,
    occurrence=2,
    policy=Policy("ops", (Step(("first",), timedelta(minutes=5)),)),
    step=1,
    opened_at=NOW,
    next_at=NOW + timedelta(minutes=5),
)


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    """A transaction on a fresh database, with Anna, Ben and the policy that pages them."""
    writer = engine(make_url(database_url), writing=True)
    with writer.begin() as connection:
        desk.install(connection, [ANNA, BEN], [OPS], {})
        yield connection
    writer.dispose()


def a_symptom(
    key: str = "check:1",
    cause_key: str = "silent:host=a",
    severity: Severity = Severity.ERROR,
    **changes: object,
) -> Symptom:
    """A silent job of host a."""
    symptom = Symptom(key, cause_key, "a", f"job {key[-1]}", "silent", SILENT, severity, "ops", Facts(NOW))
    return replace(symptom, **changes)  # type: ignore[arg-type]  # the tests name fields of a symptom


def page_for(db: Connection, *symptoms: Symptom) -> list[Page]:
    """Raise symptoms, write the pages of the first step and lease them, as a courier does."""
    desk.raise_(db, symptoms, NOW)
    escalator.sweep(db, PAGED_AT)
    return leases.lease(db, PAGED_AT, 10, FREE)


def incident_of(db: Connection, number: int = 1) -> Incident:
    """The incident of this number."""
    dossier = desk.dossier(db, number)
    assert dossier is not None
    return dossier.incident


def story_of(db: Connection, number: int = 1) -> list[tuple[str, str]]:
    """The kinds and words of an incident's timeline."""
    dossier = desk.dossier(db, number)
    assert dossier is not None
    return [(entry.kind, entry.words) for entry in dossier.timeline]


def notices_of(db: Connection, number: int = 1) -> list[tuple[str, str, str]]:
    """The kind, person and state of each page and other notice of an incident."""
    return [(page.kind.value, page.person, page.state) for page in outbox.pages_of(db, number)]


def deliver(db: Connection, at: datetime, *symptoms: Symptom) -> list[Page]:
    """Raise symptoms, page for them 10 s later, and let every page be delivered at once."""
    desk.raise_(db, symptoms, at)
    at += timedelta(seconds=10)
    escalator.sweep(db, at)
    return deliver_waiting(db, at)


def deliver_waiting(db: Connection, at: datetime) -> list[Page]:
    """Let every page that waits be delivered."""
    leased = leases.lease(db, at, 1000, FREE)
    leases.record(db, [Recorded(page, Delivered(), Contact(page.via, ""), at) for page in leased])
    return leased
