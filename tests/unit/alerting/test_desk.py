"""The door into alerting: what raising, clearing and answering write."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk, escalator
from alerting.answer import Acknowledged, Missing, Resolved, Snoozed, Stale
from alerting.handover import HandedOn
from alerting.incident import Facts, Hold, Pace, State
from tests.unit.alerting.conftest import (
    HOUR,
    PAGED_AT,
    a_symptom,
    incident_of,
    notices_of,
    page_for,
    story_of,
)
from tests.unit.conftest import NOW

LATER = PAGED_AT + timedelta(minutes=2)


def test_symptoms_of_a_cause_share_an_incident(db: Connection) -> None:
    desk.raise_(db, [a_symptom("check:1"), a_symptom("check:2")], NOW)
    desk.raise_(db, [a_symptom("check:3"), a_symptom("check:4", "failed:check=4")], NOW)
    assert desk.incident_of(db, [f"check:{number}" for number in range(1, 6)]) == {
        "check:1": 1,
        "check:2": 1,
        "check:3": 1,
        "check:4": 2,
    }


def test_a_symptom_that_is_raised_again_only_renews_its_facts(db: Connection) -> None:
    desk.raise_(db, [a_symptom()], NOW)
    story = story_of(db)
    desk.raise_(db, [a_symptom(facts=Facts(NOW, why="still silent"))], LATER)
    (symptom,) = desk.symptoms(db, [1])[1]
    assert (symptom.facts.why, symptom.raised_at) == ("still silent", NOW)
    assert story_of(db) == story


def test_a_symptom_with_a_new_cause_stays_in_its_incident_and_is_told_once(db: Connection) -> None:
    page_for(db, a_symptom(cause="failed", facts=Facts(NOW, why="reported failure")))
    silent = a_symptom(cause_key="silent:check=1")
    desk.raise_(db, [silent], LATER)
    assert desk.incident_of(db, ["check:1"]) == {"check:1": 1}
    assert incident_of(db).state is State.OPEN
    assert story_of(db)[-1][0] == "down"
    escalator.sweep(db, LATER + timedelta(seconds=10))
    assert notices_of(db)[-1] == ("update", "anna", "pending")
    desk.raise_(db, [replace(silent, cause="failed")], LATER + HOUR)
    assert incident_of(db).tell_at is None, "they know that it failed"


def test_an_incident_is_over_once_its_recovery_has_settled(db: Connection) -> None:
    page_for(db, a_symptom("check:1"), a_symptom("check:2"))
    desk.clear(db, {"check:1": "heard again", "check:9": "heard again"}, LATER)
    assert not incident_of(db).recovering
    desk.clear(db, {"check:2": "heard again"}, LATER)
    settled = LATER + timedelta(minutes=2)
    assert (incident_of(db).word, incident_of(db).settles_at) == ("recovering", settled)
    escalator.sweep(db, settled - timedelta(seconds=1))
    assert notices_of(db) == [("page", "anna", "pending")]
    assert escalator.next_due(db) == settled
    escalator.sweep(db, settled)
    incident = incident_of(db)
    assert (incident.state, incident.resolved_by, incident.ended_at) == (State.RESOLVED, "recovery", LATER)
    ending = "recovered at 03:02 UTC, and has stayed so for 2 min"
    assert story_of(db)[-2:] == [("cleared", "job 2: heard again"), ("resolved", ending)]
    assert notices_of(db) == [("page", "anna", "superseded"), ("recovered", "anna", "pending")]


def test_an_incident_is_over_at_once_if_it_need_not_settle_or_a_person_ends_its_trouble(
    db: Connection,
) -> None:
    desk.raise_(db, [a_symptom("check:1"), a_symptom("check:2", "failed:check=2")], NOW)
    desk.clear(db, {"check:1": "heard again"}, LATER, Pace(settling=timedelta()))
    desk.clear(db, {"check:2": "paused by Ann"}, LATER, by="Ann")
    assert [incident_of(db, number).resolved_by for number in (1, 2)] == ["Ann", "recovery"]
    assert story_of(db, 1)[-1] == ("resolved", "paused by Ann")


def test_nobody_hears_of_the_end_of_an_incident_that_paged_nobody(db: Connection) -> None:
    desk.raise_(db, [a_symptom()], NOW)
    escalator.sweep(db, PAGED_AT)  # The page is written, but no send has begun.
    desk.clear(db, {"check:1": "heard again"}, LATER, Pace(settling=timedelta()))
    assert notices_of(db) == [("page", "anna", "superseded")]


def test_an_acknowledgement_withdraws_pages_and_tells_everybody_who_was_paged(db: Connection) -> None:
    page_for(db, a_symptom())
    answer = desk.acknowledge(db, 1, "ben", LATER, until=LATER + HOUR)
    assert isinstance(answer, Acknowledged)
    assert (answer.by, answer.until, answer.waited) == ("ben", LATER + HOUR, timedelta(minutes=2))
    assert (incident_of(db).state, incident_of(db).next_at) == (State.ACKNOWLEDGED, LATER + HOUR)
    assert story_of(db)[-1] == ("acknowledged", "acknowledged by ben")
    assert notices_of(db) == [("page", "anna", "superseded"), ("acknowledged", "anna", "pending")]


def test_a_second_acknowledgement_tells_nobody(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "ben", LATER, until=LATER + HOUR)
    notices, story = notices_of(db), story_of(db)
    answer = desk.acknowledge(db, 1, "anna", LATER, until=LATER + 2 * HOUR)
    assert isinstance(answer, Acknowledged)
    assert (answer.by, answer.repeated) == ("ben", True)
    assert (notices_of(db), story_of(db)) == (notices, story)


def test_an_answer_to_an_earlier_occurrence_changes_nothing(db: Connection) -> None:
    page_for(db, a_symptom())
    untouched = incident_of(db)
    assert desk.acknowledge(db, 1, "ben", LATER, occurrence=0, until=LATER + HOUR) == Stale(1)
    assert incident_of(db) == untouched


def test_the_next_person_is_paged_at_once_on_request(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "Anna", LATER, until=LATER + HOUR)
    outcome = desk.page_next(db, 1, "Anna", LATER)
    assert isinstance(outcome, HandedOn)
    assert story_of(db)[-1] == ("handed on", "Anna asked to page the next person now")
    assert escalator.next_due(db) == LATER
    escalator.sweep(db, LATER)
    assert story_of(db)[-1][0] == "paged"
    assert incident_of(db).step == 2
    assert isinstance(desk.page_next(db, 9, "Anna", LATER), Missing)
    desk.resolve(db, 1, "Anna", LATER)
    assert isinstance(desk.page_next(db, 1, "Anna", LATER), Resolved)


def test_a_snooze_says_until_when_in_the_timeline(db: Connection) -> None:
    page_for(db, a_symptom())
    answer = desk.snooze(db, 1, "ben", LATER, NOW + 2 * HOUR)
    assert isinstance(answer, Snoozed)
    assert incident_of(db).next_at == NOW + 2 * HOUR
    assert story_of(db)[-1] == ("snoozed", "snoozed by ben until 03 May 05:00 UTC")
    assert notices_of(db)[-1] == ("acknowledged", "anna", "pending")


def test_a_human_who_resolves_gets_the_symptoms_that_had_not_cleared(db: Connection) -> None:
    page_for(db, a_symptom("check:1"), a_symptom("check:2"))
    desk.clear(db, {"check:1": "heard again"}, LATER)
    answer = desk.resolve(db, 1, "ben", LATER)
    assert isinstance(answer, Resolved)
    assert answer.keys == ("check:2",)
    assert desk.incident_of(db, ["check:1", "check:2"]) == {}
    assert [symptom.cleared_why for symptom in desk.symptoms(db, [1])[1]] == [
        "heard again",
        "resolved by ben",
    ]
    repeated = desk.resolve(db, 1, "anna", LATER)
    assert isinstance(repeated, Resolved)
    assert (repeated.by, repeated.repeated, repeated.keys) == ("ben", True, ())


def test_an_incident_that_does_not_exist_takes_no_answer(db: Connection) -> None:
    assert desk.acknowledge(db, 9, "ben", NOW, until=NOW + HOUR) == Missing()
    assert desk.snooze(db, 9, "ben", NOW, NOW + HOUR) == Missing()
    assert desk.resolve(db, 9, "ben", NOW) == Missing()
    assert not desk.note(db, 9, "ben", "a note", NOW)
    assert desk.dossier(db, 9) is None


def test_a_note_stands_in_the_timeline_with_its_author(db: Connection) -> None:
    desk.raise_(db, [a_symptom()], NOW)
    assert desk.note(db, 1, "ben", "the disk is full", LATER)
    dossier = desk.dossier(db, 1)
    assert dossier is not None
    entry = dossier.timeline[-1]
    assert (entry.kind, entry.words, entry.by, entry.at) == ("note", "the disk is full", "ben", LATER)


def test_an_incident_that_pages_is_not_silenced_by_a_hold(db: Connection) -> None:
    page_for(db, a_symptom("check:1"))
    desk.raise_(db, [a_symptom("check:2", "failed:check=2")], LATER)
    move = Hold(LATER + HOUR, "maintenance Database move")
    assert desk.hold(db, {"check:1": move, "check:2": move, "check:9": move}, LATER) == {"check:1": 1}
    assert incident_of(db, 2).next_at == move.until
    assert desk.hold(db, {"check:2": None}, LATER) == {}
    assert incident_of(db, 2).next_at == LATER + timedelta(seconds=10)


@pytest.mark.parametrize(("open_only", "numbers"), [(False, [3, 2, 1]), (True, [3, 1])])
def test_incidents_are_listed_newest_first(db: Connection, open_only: bool, numbers: list[int]) -> None:
    for number in (1, 2, 3):
        desk.raise_(db, [a_symptom(f"check:{number}", f"failed:check={number}")], NOW)
    desk.resolve(db, 2, "ben", LATER)
    assert [incident.id for incident in desk.incidents(db, open_only=open_only)] == numbers
    older = desk.incidents(db, open_only=open_only, older_than=3, limit=1)
    assert [incident.id for incident in older] == numbers[1:2]
    assert [incident.id for incident in desk.past_incidents(db, 10)] == [2]
    assert [incident.id for incident in desk.open_incidents(db, 10, 1)] == [3]
    assert desk.count_open(db) == {State.OPEN: 2}
