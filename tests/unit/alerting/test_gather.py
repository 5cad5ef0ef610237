"""Symptoms find their incidents in the database."""

from datetime import timedelta

from sqlalchemy import Connection

from alerting import desk, gather, incident_lists, symptom_store
from alerting.incident import Hold, Pace, State
from alerting.severity import Severity
from tests.unit.alerting.conftest import HOUR, MINUTE, PAGED_AT, a_symptom, incident_of, page_for, story_of
from tests.unit.conftest import NOW

PACE = Pace()
LATER = PAGED_AT + timedelta(minutes=2)
MOVE = Hold(NOW + HOUR, "maintenance Database move")


def test_each_symptom_opens_or_joins_the_incident_of_its_cause(db: Connection) -> None:
    gather.raise_(db, [a_symptom("check:1"), a_symptom("check:2")], NOW, PACE)
    gather.raise_(db, [a_symptom("check:3"), a_symptom("check:4", "failed:check=4")], LATER, PACE)
    symptoms = symptom_store.symptoms_of(db, [1, 2])
    assert {number: [symptom.key for symptom in symptoms[number]] for number in symptoms} == {
        1: ["check:1", "check:2", "check:3"],
        2: ["check:4"],
    }
    assert (incident_of(db, 1).opened_at, incident_of(db, 2).opened_at) == (NOW, LATER)
    assert story_of(db, 2) == [("down", "job 4 silent")]


def test_a_symptom_that_returns_continues_its_incident_and_its_quiet(db: Connection) -> None:
    page_for(db, a_symptom("check:1"))
    desk.acknowledge(db, 1, "ben", LATER, until=LATER + HOUR)
    desk.clear(db, {"check:1": "heard again"}, LATER)
    assert incident_of(db).recovering
    returned = a_symptom("check:1", "failed:check=1", cause="failed")
    gather.raise_(db, [returned], LATER + MINUTE, PACE)
    incident = incident_of(db)
    assert (incident.state, incident.occurrence, incident.recovering) == (State.ACKNOWLEDGED, 1, False)
    assert incident.falls == (LATER + MINUTE,)
    (symptom,) = symptom_store.symptoms_of(db, [1])[1]
    assert (symptom.cause, symptom.standing, symptom.falls) == ("failed", True, (LATER + MINUTE,))
    assert story_of(db)[-1] == ("down", "job 1 silent again, 2nd time in 3 min")


def test_a_symptom_that_returns_after_its_recovery_has_settled_is_new(db: Connection) -> None:
    page_for(db, a_symptom("check:1"), a_symptom("check:2"))
    desk.clear(db, {"check:1": "heard again"}, LATER)
    gather.raise_(db, [a_symptom("check:1", "failed:check=1")], LATER + PACE.settling, PACE)
    assert desk.incident_of(db, ["check:1", "check:2"]) == {"check:1": 2, "check:2": 1}


def test_the_severity_of_an_incident_rises_and_falls_with_its_symptoms(db: Connection) -> None:
    gather.raise_(db, [a_symptom("check:1", severity=Severity.WARNING)], NOW, PACE)
    gather.raise_(db, [a_symptom("check:2", severity=Severity.CRITICAL)], NOW, PACE)
    assert incident_of(db).severity is Severity.CRITICAL
    held = Hold(NOW + HOUR, "maintenance Database move")
    gather.hold(db, {"check:2": held}, NOW, PACE)
    assert incident_of(db).severity is Severity.WARNING
    gather.hold(db, {"check:2": None}, NOW, PACE)
    desk.clear(db, {"check:2": "heard again"}, LATER)
    assert incident_of(db).severity is Severity.WARNING


def test_a_forecast_is_the_incident_that_joining_makes(db: Connection) -> None:
    opened, symptoms = gather.foresee(db, a_symptom(), NOW, PACE)
    assert (opened.id, [symptom.key for symptom in symptoms]) == (0, ["check:1"])
    assert incident_lists.newest(db, open_only=False, limit=1) == []
    gather.raise_(db, [a_symptom()], NOW, PACE)
    assert incident_of(db).next_at == opened.next_at
    joined, symptoms = gather.foresee(db, a_symptom("check:2"), NOW, PACE)
    gather.raise_(db, [a_symptom("check:2")], NOW, PACE)
    assert joined == incident_of(db)
    assert [symptom.key for symptom in symptoms] == ["check:1", "check:2"]


def test_a_hold_moves_the_first_page_of_all_its_incidents(db: Connection) -> None:
    gather.raise_(db, [a_symptom("check:1"), a_symptom("check:2", "failed:check=2")], NOW, PACE)
    assert gather.hold(db, {"check:1": MOVE, "check:2": MOVE}, NOW, PACE) == {}
    assert [incident_of(db, number).next_at for number in (1, 2)] == [MOVE.until, MOVE.until]
    assert story_of(db)[-1] == ("held", "held until 03 May 04:00 UTC: maintenance Database move")
    story = story_of(db)
    gather.hold(db, {"check:1": MOVE}, NOW, PACE)
    assert story_of(db) == story
