"""People act on incidents: each answer locks its incident once, and says what it was until then."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, make_url

from alerting import desk
from alerting.answer import Acknowledged, Resolved, Snoozed, Stale
from alerting.incident import State
from heartbeat.checks import actions, checker, deadline, spread, symptoms
from heartbeat.checks import check as judging
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.database import engine
from tests.unit.conftest import NOW, a_check, locks_counted, somebody

DOWN_AT = NOW + timedelta(minutes=6)
LATER = DOWN_AT + timedelta(hours=1)
ANNA = somebody("anna")
INCIDENT = 1

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
Outcome = Acknowledged | Snoozed | Resolved
Act = Callable[[Connection], object]

ANSWERS: dict[str, Act] = {
    "acknowledge": lambda db: actions.acknowledge(db, INCIDENT, ANNA, DOWN_AT, until=LATER),
    "snooze": lambda db: actions.snooze(db, INCIDENT, ANNA, DOWN_AT, LATER),
    "resolve": lambda db: actions.resolve(db, INCIDENT, ANNA, DOWN_AT),
}


@pytest.fixture
def writer(database_url: str, insert: Insert) -> Iterator[Engine]:
    """A database with one open incident."""
    opened = engine(make_url(database_url), writing=True)
    with opened.begin() as db:
        insert(db, [a_check("job", labels={"host": "a"}), a_check("other", labels={"host": "a"})])
        checker.sweep(db, DOWN_AT)
    yield opened
    opened.dispose()


def test_a_check_with_the_number_of_a_deleted_one_inherits_nothing(writer: Engine) -> None:
    """SQLite gives the number again."""
    with writer.begin() as db:
        deleted = check_store.lock_all(db)["other"]
        desk.resolve(db, INCIDENT, "anna", DOWN_AT)
        actions.delete(db, "other", ANNA, DOWN_AT)
        numbers = check_store.insert(db, [a_check("new")])
        assert writer.dialect.name == "postgresql" or numbers == {"new": deleted.id}
        new = check_store.lock_all(db)["new"]
        assert desk.lately_about(db, symptoms.key_of(new), 10) == []
        assert [incident.id for incident in desk.incidents(db)] == [INCIDENT]


def test_the_symptom_of_a_deleted_check_ends_and_leads_to_no_check(writer: Engine) -> None:
    with writer.begin() as db:
        deleted = check_store.lock_all(db)["other"]
        actions.delete(db, "other", ANNA, DOWN_AT)
        dossier = desk.dossier(db, INCIDENT)
        assert dossier is not None
        assert [(s.key, s.cleared_why) for s in dossier.symptoms if s.cleared_at] == [
            (f"deleted:{deleted.uuid.hex}", "deleted by anna")
        ]
        assert len(symptoms.check_ids(s.key for s in dossier.symptoms)) == 1


@pytest.mark.parametrize("action", ANSWERS)
def test_an_answer_locks_its_incident_once(writer: Engine, action: str) -> None:
    for repeated in (False, True):
        with locks_counted(writer) as locks, writer.begin() as db:
            outcome = ANSWERS[action](db)
        assert isinstance(outcome, Outcome)
        assert outcome.repeated is repeated
        assert len(locks) == 1, locks


def test_an_answer_to_an_earlier_occurrence_locks_its_incident_once(writer: Engine) -> None:
    with locks_counted(writer) as locks, writer.begin() as db:
        outcome = actions.acknowledge(db, INCIDENT, ANNA, DOWN_AT, occurrence=9)
    assert (outcome, len(locks)) == (Stale(1), 1)


@pytest.mark.parametrize("action", ANSWERS)
def test_an_answer_returns_its_incident_before_and_after(writer: Engine, action: str) -> None:
    with writer.begin() as db:
        (previous,) = desk.incidents(db)
        outcome = ANSWERS[action](db)
        (incident,) = desk.incidents(db)
        assert isinstance(outcome, Outcome)
        assert (outcome.previous, outcome.incident) == (previous, incident)
        assert (previous.state, incident.state) == (State.OPEN, State(f"{action.removesuffix('e')}ed"))


def test_a_check_of_a_resolved_incident_is_expected_again(writer: Engine) -> None:
    with writer.begin() as db:
        outcome = actions.resolve(db, INCIDENT, ANNA, DOWN_AT)
        assert isinstance(outcome, Resolved)
        assert len(outcome.keys) == 2
        for job in check_store.lock_all(db).values():
            assert (job.state, job.cause) == (judging.State.NEW, None)
            assert deadline.due_at(job) == DOWN_AT + timedelta(minutes=5)


def test_many_checks_that_are_resumed_or_resolved_at_once_are_expected_one_after_the_other(
    writer: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "PER_SECOND", 1)
    apart = [timedelta(), timedelta(seconds=1)]
    with writer.begin() as db:
        actions.resolve(db, INCIDENT, ANNA, DOWN_AT)
        checks = check_store.lock_all(db)
        assert sorted(job.armed_at - DOWN_AT for job in checks.values()) == apart
        actions.pause_all(db, ANNA, list(checks), DOWN_AT)
        later = DOWN_AT + timedelta(hours=1)
        resumed = actions.resume_all(db, ANNA, list(checks), later)
        assert sorted(job.armed_at - later for _, job in resumed) == apart
