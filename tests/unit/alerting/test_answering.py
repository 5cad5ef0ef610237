"""The answers by which an incident changes hands, as they are written and told."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk, escalator, leases, outbox
from alerting.answer import Acknowledged, Missing, Resolved, Stale
from alerting.escalation import Step
from alerting.handover import AllWell, Nobody, Reassigned, Withdrawn
from alerting.incident import State
from alerting.person import Person
from tests.unit.alerting.conftest import (
    BEN,
    FREE,
    HOUR,
    OPS,
    PAGED_AT,
    a_symptom,
    incident_of,
    notices_of,
    page_for,
    story_of,
)
from tests.unit.conftest import NOW

LATER = PAGED_AT + timedelta(minutes=2)
UNTIL = LATER + HOUR


def words_of(db: Connection) -> list[tuple[str, str, str]]:
    """The kind, person and words of each notice that is no page."""
    return [
        (page.kind.value, page.person, page.words) for page in outbox.pages_of(db, 1) if page.kind != "page"
    ]


def test_a_take_over_tells_the_person_who_had_it_even_if_they_were_not_paged(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "Ben", LATER, until=UNTIL, by_person="ben")
    answer = desk.take_over(db, 1, "Anna", LATER, until=UNTIL + HOUR, by_person="anna")
    assert isinstance(answer, Acknowledged)
    assert (answer.by, answer.taken_from, answer.waited) == ("Anna", "Ben", None)
    assert (incident_of(db).acknowledged_by, incident_of(db).next_at) == ("Anna", UNTIL + HOUR)
    words = "acknowledged by Anna, who took over from Ben"
    assert story_of(db)[-1] == ("acknowledged", words)
    assert words_of(db)[-1] == ("acknowledged", "ben", words)
    again = desk.take_over(db, 1, "Anna", LATER, until=UNTIL)
    assert isinstance(again, Acknowledged)
    assert again.repeated


def test_an_open_incident_is_acknowledged_by_a_take_over(db: Connection) -> None:
    page_for(db, a_symptom())
    answer = desk.take_over(db, 1, "Ben", LATER, until=UNTIL)
    assert isinstance(answer, Acknowledged)
    assert (answer.taken_from, answer.waited) == ("", timedelta(minutes=2))
    assert desk.take_over(db, 1, "Anna", LATER, occurrence=9, until=UNTIL) == Stale(1)
    assert isinstance(desk.take_over(db, 9, "Anna", LATER, until=UNTIL), Missing)


def test_a_withdrawn_acknowledgement_pages_at_once_from_the_first_step(db: Connection) -> None:
    page_for(db, a_symptom())
    escalator.sweep(db, PAGED_AT + timedelta(minutes=5))
    leases.lease(db, PAGED_AT + timedelta(minutes=5), 10, FREE)
    at = LATER + HOUR
    desk.acknowledge(db, 1, "Ben", at, until=at + HOUR, by_person="ben")
    outcome = desk.withdraw(db, 1, "Ben", at, by_person="ben")
    assert isinstance(outcome, Withdrawn)
    incident = incident_of(db)
    assert (incident.state, incident.step, incident.occurrence, incident.next_at) == (State.OPEN, 0, 2, at)
    assert story_of(db)[-1] == ("withdrawn", "Ben withdrew the acknowledgement")
    escalator.sweep(db, at)
    assert story_of(db)[-1] == ("paged", "step 1 of ops: Anna")
    assert notices_of(db)[-1] == ("page", "anna", "pending")


def test_a_notice_of_an_answer_is_not_sent_once_another_answer_has_overtaken_it(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "Ben", LATER, until=UNTIL, by_person="ben")
    desk.snooze(db, 1, "Ben", LATER, until=UNTIL, by_person="ben")
    told = [page.words for page in outbox.pages_of(db, 1) if page.state == "pending"]
    (words,) = told
    assert words.startswith("snoozed by Ben")
    desk.withdraw(db, 1, "Ben", LATER, by_person="ben")
    waiting = [page.kind.value for page in outbox.pages_of(db, 1) if page.state == "pending"]
    assert waiting == ["update"]


def test_a_late_repetition_of_the_answer_that_was_withdrawn_silences_nothing(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "Ben", LATER, occurrence=1, until=UNTIL)
    desk.withdraw(db, 1, "Anna", LATER)
    assert desk.acknowledge(db, 1, "Ben", LATER, occurrence=1, until=UNTIL) == Stale(2)
    assert incident_of(db).state is State.OPEN
    repeated = desk.withdraw(db, 1, "Ben", LATER)
    assert isinstance(repeated, Withdrawn)
    assert repeated.repeated


def test_whoever_had_it_hears_that_their_answer_was_withdrawn(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "Ben", LATER, until=UNTIL, by_person="ben")
    desk.withdraw(db, 1, "Anna", LATER, by_person="anna")
    # Anna is on call, and is paged again. Only Ben needs to be told.
    assert words_of(db)[-1] == ("update", "ben", "Anna withdrew the acknowledgement of Ben")
    desk.snooze(db, 1, "Ben", LATER, UNTIL)
    outcome = desk.withdraw(db, 1, "Ben", LATER)
    assert isinstance(outcome, Withdrawn)
    assert outcome.words == "Ben ended the snooze"


def test_a_reassigned_incident_pages_its_target_and_then_the_policy_from_the_first_step(
    db: Connection,
) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "Anna", LATER, until=UNTIL, by_person="anna")
    outcome = desk.reassign(db, 1, "ben", "Cleo", LATER)
    assert isinstance(outcome, Reassigned)
    assert story_of(db)[-1] == ("reassigned", "Cleo reassigned it to Ben")
    assert words_of(db)[-1] == ("update", "anna", "Cleo reassigned it to Ben")
    lines = []
    for at in (LATER, LATER + timedelta(minutes=5), LATER + timedelta(minutes=10)):
        escalator.sweep(db, at)
        lines.append(story_of(db)[-1][1])
    assert lines == ["reassigned: Ben", "step 1 of ops: Anna", "step 2 of ops: Ben"]
    assert incident_of(db).policy.steps == (Step(("ben",), timedelta(minutes=5), assigned=True), *OPS.steps)
    assert desk.policies(db)["ops"] == OPS


def test_a_reassignment_supersedes_the_pages_that_wait_and_can_be_repeated(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.reassign(db, 1, "ben", "Cleo", LATER)
    assert notices_of(db)[0] == ("page", "anna", "superseded")
    repeated = desk.reassign(db, 1, "ben", "Cleo", LATER)
    assert isinstance(repeated, Reassigned)
    assert repeated.repeated
    escalator.sweep(db, LATER)
    repeated = desk.reassign(db, 1, "ben", "Cleo", LATER)
    assert isinstance(repeated, Reassigned)
    assert repeated.repeated, "Ben has been paged, and has time to answer"
    escalator.sweep(db, LATER + timedelta(minutes=5))
    outcome = desk.reassign(db, 1, "ben", "Cleo", LATER + timedelta(minutes=6))
    assert isinstance(outcome, Reassigned)
    assert not outcome.repeated
    assert [step.targets for step in incident_of(db).policy.steps] == [("ben",), ("anna",), ("ben",)]


@pytest.mark.parametrize("to", ["nobody", "dora", ""])
def test_an_incident_is_not_reassigned_to_somebody_who_cannot_be_paged(db: Connection, to: str) -> None:
    desk.define_person(db, Person("dora", "Dora", ()))
    page_for(db, a_symptom())
    incident, story = incident_of(db), story_of(db)
    assert desk.reassign(db, 1, to, "Anna", LATER) == Nobody(to)
    assert (incident_of(db), story_of(db)) == (incident, story)


def test_somebody_who_loses_their_contacts_after_the_reassignment_does_not_stop_the_pages(
    db: Connection,
) -> None:
    page_for(db, a_symptom())
    desk.reassign(db, 1, "ben", "Anna", LATER)
    desk.define_person(db, replace(BEN, contacts=()))
    escalator.sweep(db, LATER)
    assert notices_of(db)[-1] == ("page", "anna", "pending"), "the policy follows at once"


def test_what_is_over_or_well_does_not_change_hands(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.clear(db, {"check:1": "heard again"}, LATER)
    assert desk.reassign(db, 1, "ben", "Anna", LATER) == AllWell()
    desk.resolve(db, 1, "Anna", LATER)
    for outcome in (
        desk.reassign(db, 1, "ben", "Anna", LATER),
        desk.withdraw(db, 1, "Anna", LATER),
        desk.take_over(db, 1, "Anna", LATER, until=UNTIL),
    ):
        assert isinstance(outcome, Resolved)
    assert isinstance(desk.reassign(db, 9, "ben", "Anna", LATER), Missing)
    assert isinstance(desk.withdraw(db, 9, "Anna", LATER), Missing)


def test_what_people_did_is_told_although_news_follows(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "Anna", LATER, until=UNTIL)
    desk.reassign(db, 1, "ben", "Anna", LATER)
    escalator.sweep(db, LATER)
    desk.raise_(db, [a_symptom("check:2")], LATER)
    escalator.sweep(db, LATER + timedelta(seconds=10))
    told = [(page.words, page.state) for page in outbox.pages_of(db, 1) if page.kind == "update"]
    assert ("Anna reassigned it to Ben", "pending") in told


def test_recovering_trouble_that_nobody_has_any_more_pages_when_it_returns(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "Anna", LATER, until=UNTIL)
    desk.clear(db, {"check:1": "heard again"}, LATER)
    desk.withdraw(db, 1, "Anna", LATER)
    escalator.sweep(db, LATER)
    assert story_of(db)[-1][0] == "withdrawn"
    desk.raise_(db, [a_symptom()], LATER + timedelta(seconds=30))
    escalator.sweep(db, LATER + timedelta(seconds=30))
    assert story_of(db)[-1] == ("paged", "step 1 of ops: Anna")


def test_an_incident_is_read_alone(db: Connection) -> None:
    assert desk.incident(db, 1) is None
    desk.raise_(db, [a_symptom()], NOW)
    assert desk.incident(db, 1) == incident_of(db)
