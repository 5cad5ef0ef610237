"""Symptoms that wait for others: when they need no longer wait, and when they must again."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import desk, waiting_store
from alerting.desk import Move
from alerting.incident import Hold, Pace, Symptom
from tests.unit.alerting.conftest import HOUR, MINUTE, a_symptom
from tests.unit.conftest import NOW

PACE = Pace()
DAY = timedelta(days=1)
SETTLED = NOW + 3 * MINUTE
CHILD = replace(a_symptom("check:2"), hold=Hold(NOW + DAY, "waits for job 1"), waits_for="check:1")


def waiting(db: Connection, at: datetime) -> list[str]:
    return [symptom.key for symptom in desk.turning(db, at, PACE, 10)]


def begun(db: Connection) -> None:
    desk.raise_(db, [a_symptom("check:1"), CHILD], NOW)


def moved(db: Connection, at: datetime, symptom: Symptom) -> None:
    (row,) = desk.raised(db, [symptom.key])
    desk.move(db, [Move(row, symptom, "job 1 is well")], at, PACE)


def test_nothing_ends_a_wait_while_its_parent_is_down(db: Connection) -> None:
    begun(db)
    assert desk.next_turn(db, PACE) is None
    assert waiting(db, NOW + HOUR) == []
    (group,) = waiting_store.groups(db, PACE)
    assert (group.waits_for, group.incident_id, group.released_at) == ("check:1", 1, None)


def test_a_wait_ends_once_the_recovery_of_its_parent_has_settled(db: Connection) -> None:
    begun(db)
    desk.clear(db, {"check:1": "heard again"}, NOW + MINUTE)
    assert desk.incidents(db)[0].recovering
    assert desk.next_turn(db, PACE) == SETTLED
    assert waiting(db, SETTLED - MINUTE) == []
    assert waiting(db, SETTLED) == ["check:2"]


def test_a_wait_ends_at_once_if_its_parent_is_no_longer_in_the_incident(db: Connection) -> None:
    begun(db)
    desk.rename_symptoms(db, {"check:1": "deleted:1"})
    assert waiting(db, NOW) == ["check:2"]


def test_what_waits_moves_to_an_incident_of_its_own_although_its_cause_is_the_same(db: Connection) -> None:
    begun(db)
    desk.clear(db, {"check:1": "paused by Ann"}, NOW + MINUTE, by="Ann")
    own = replace(a_symptom("check:2"), hold=Hold(NOW + HOUR, "job 1 is well"), waited_for="check:1")
    moved(db, NOW + 2 * MINUTE, own)
    assert [(one.id, one.state) for one in desk.incidents(db)] == [(2, "open"), (1, "resolved")]
    assert desk.incidents(db)[0].next_at == NOW + HOUR
    dossier = desk.dossier(db, 1)
    assert dossier is not None
    (line,) = [entry.words for entry in dossier.timeline if entry.kind == "moved"]
    assert line == "job 2 left this incident: job 1 is well"
    assert waiting(db, NOW + HOUR) == []


def test_what_has_waited_must_wait_again_if_its_parent_falls(db: Connection) -> None:
    begun(db)
    desk.clear(db, {"check:1": "heard again"}, NOW + MINUTE)
    own = replace(a_symptom("check:2", "silent:host=b"), hold=Hold(NOW + HOUR, ""), waited_for="check:1")
    moved(db, SETTLED, own)
    desk.raise_(db, [a_symptom("check:1")], SETTLED + MINUTE)
    assert desk.next_turn(db, PACE) is not None
    assert waiting(db, SETTLED + MINUTE) == ["check:2"]
    moved(db, SETTLED + MINUTE, CHILD)
    assert waiting(db, SETTLED + HOUR) == []
    assert desk.incident_of(db, ["check:1", "check:2"]) == {"check:1": 3, "check:2": 3}


def test_what_waits_for_nothing_any_more_stays_held(db: Connection) -> None:
    begun(db)
    desk.forget(db, desk.raised(db, ["check:2"]))
    (row,) = desk.raised(db, ["check:2"])
    assert (row.waits_for, row.held_until) == (None, NOW + DAY)


def test_the_symptoms_of_keys_come_with_their_incidents(db: Connection) -> None:
    begun(db)
    found = desk.with_incidents(db, ["check:1", "check:9"])
    assert {key: (row.title, incident.id) for key, (row, incident) in found.items()} == {
        "check:1": ("job 1", 1)
    }
    assert desk.with_incidents(db, []) == {}
