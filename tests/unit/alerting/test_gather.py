"""Symptoms find their incidents in the database."""

from datetime import timedelta

from sqlalchemy import Connection

from alerting import desk, gather, store
from alerting.incident import Hold, State
from tests.unit.alerting.conftest import HOUR, PAGED_AT, a_symptom, incident_of, page_for, story_of
from tests.unit.conftest import NOW

GATHERING = timedelta(seconds=10)
LATER = PAGED_AT + timedelta(minutes=2)
MOVE = Hold(NOW + HOUR, "maintenance Database move")


def test_each_symptom_opens_or_joins_the_incident_of_its_cause(db: Connection) -> None:
    gather.join(db, [a_symptom("check:1"), a_symptom("check:2")], NOW, GATHERING)
    gather.join(db, [a_symptom("check:3"), a_symptom("check:4", "failed:check=4")], LATER, GATHERING)
    symptoms = store.symptoms_of(db, [1, 2])
    assert {number: [symptom.key for symptom in symptoms[number]] for number in symptoms} == {
        1: ["check:1", "check:2", "check:3"],
        2: ["check:4"],
    }
    assert (incident_of(db, 1).opened_at, incident_of(db, 2).opened_at) == (NOW, LATER)
    assert story_of(db, 2) == [("down", "job 4 silent")]


def test_a_symptom_that_recurs_ends_the_quiet(db: Connection) -> None:
    page_for(db, a_symptom("check:1"), a_symptom("check:2"))
    desk.clear(db, {"check:1": "heard again"}, LATER)
    desk.acknowledge(db, 1, "ben", LATER, until=LATER + HOUR)
    gather.join(db, [a_symptom("check:3")], LATER, GATHERING)
    assert incident_of(db).state is State.ACKNOWLEDGED
    gather.join(db, [a_symptom("check:1")], LATER, GATHERING)
    incident = incident_of(db)
    assert (incident.state, incident.occurrence, incident.step) == (State.OPEN, 2, 0)
    assert story_of(db)[-1] == ("reopened", "paging again: job 1 is silent again after it had recovered")


def test_a_forecast_is_the_incident_that_joining_makes(db: Connection) -> None:
    opened, symptoms = gather.foresee(db, a_symptom(), NOW, GATHERING)
    assert (opened.id, [symptom.key for symptom in symptoms]) == (0, ["check:1"])
    assert store.newest(db, open_only=False, limit=1) == []
    gather.join(db, [a_symptom()], NOW, GATHERING)
    assert incident_of(db).next_at == opened.next_at
    joined, symptoms = gather.foresee(db, a_symptom("check:2"), NOW, GATHERING)
    gather.join(db, [a_symptom("check:2")], NOW, GATHERING)
    assert joined == incident_of(db)
    assert [symptom.key for symptom in symptoms] == ["check:1", "check:2"]


def test_a_hold_moves_the_first_page_of_all_its_incidents(db: Connection) -> None:
    gather.join(db, [a_symptom("check:1"), a_symptom("check:2", "failed:check=2")], NOW, GATHERING)
    assert gather.hold(db, {"check:1": MOVE, "check:2": MOVE}, NOW, GATHERING) == {}
    assert [incident_of(db, number).next_at for number in (1, 2)] == [MOVE.until, MOVE.until]
    assert story_of(db)[-1] == ("held", "held until 03 May 04:00 UTC: maintenance Database move")
    story = story_of(db)
    gather.hold(db, {"check:1": MOVE}, NOW, GATHERING)
    assert story_of(db) == story
