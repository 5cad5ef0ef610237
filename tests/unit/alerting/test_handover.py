"""An incident handed on: to the next person, to another one, or back to the first step of its policy."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerting.answer import Resolved
from alerting.escalation import Step
from alerting.handover import AllWell, HandedOn, Reassigned, Withdrawn, hand_on, reassign, withdraw
from alerting.incident import State
from tests.unit.alerting.subjects import ACKNOWLEDGED, AT, INCIDENT, ended


def test_an_open_incident_pages_its_next_step_now() -> None:
    outcome = hand_on(INCIDENT, "Anna", AT)
    assert outcome == HandedOn("Anna", replace(INCIDENT, next_at=AT, waits_until=AT), INCIDENT)
    assert isinstance(outcome, HandedOn)
    again = hand_on(outcome.incident, "Ben", AT + timedelta(seconds=1))
    assert isinstance(again, HandedOn)
    assert again.repeated


def test_an_acknowledgement_ends_with_it_and_the_place_in_the_policy_stays() -> None:
    outcome = hand_on(ACKNOWLEDGED, "Anna", AT)
    assert isinstance(outcome, HandedOn)
    incident = outcome.incident
    assert (incident.state, incident.acknowledged_by, incident.next_at) == (State.OPEN, None, AT)
    assert (incident.step, incident.occurrence) == (ACKNOWLEDGED.step, ACKNOWLEDGED.occurrence)


def test_nobody_is_paged_while_everything_is_well() -> None:
    recovering = replace(ACKNOWLEDGED, recovered_at=AT, settles_at=AT + timedelta(minutes=2))
    assert hand_on(recovering, "Anna", AT) == AllWell()


def test_an_incident_that_is_over_is_not_handed_on() -> None:
    assert hand_on(ended(), "Anna", AT) == Resolved("recovery", incident=ended(), previous=ended())
    assert withdraw(ended(), "Anna", AT) == hand_on(ended(), "Anna", AT)
    assert reassign(ended(), "cleo", "Anna", AT) == hand_on(ended(), "Anna", AT)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.ACKNOWLEDGED, "Ben withdrew the acknowledgement of Anna"),
        (State.SNOOZED, "Ben ended the snooze"),
    ],
)
def test_a_withdrawn_answer_begins_the_next_occurrence_at_the_first_step(state: State, words: str) -> None:
    quiet = replace(ACKNOWLEDGED, state=state, step=3)
    outcome = withdraw(quiet, "Ben", AT)
    assert isinstance(outcome, Withdrawn)
    incident = outcome.incident
    assert (incident.state, incident.acknowledged_by, incident.next_at) == (State.OPEN, None, AT)
    assert (incident.step, incident.occurrence) == (0, quiet.occurrence + 1)
    assert (outcome.words, outcome.repeated) == (words, False)


def test_an_open_incident_has_no_answer_to_withdraw() -> None:
    assert withdraw(INCIDENT, "Ben", AT) == Withdrawn("Ben", INCIDENT, INCIDENT)


def test_a_reassigned_incident_is_led_by_its_target_and_keeps_its_policy() -> None:
    outcome = reassign(ACKNOWLEDGED, "cleo", "Anna", AT)
    assert isinstance(outcome, Reassigned)
    incident = outcome.incident
    assert (incident.state, incident.next_at, incident.step) == (State.OPEN, AT, 0)
    own = INCIDENT.policy.steps
    assert incident.policy.steps == (Step(("cleo",), own[0].wait, assigned=True), *own)
    again = reassign(incident, "ben", "Anna", AT)
    assert isinstance(again, Reassigned)
    assert [step.targets for step in again.incident.policy.steps] == [("ben",), *(one.targets for one in own)]


def test_a_reassignment_is_repeated_while_its_target_has_time_to_answer() -> None:
    first = reassign(INCIDENT, "cleo", "Anna", AT)
    assert isinstance(first, Reassigned)
    for step, repeated in ((0, True), (1, True), (2, False)):
        outcome = reassign(replace(first.incident, step=step), "cleo", "Anna", AT)
        assert isinstance(outcome, Reassigned)
        assert outcome.repeated is repeated


def test_nobody_is_assigned_to_what_is_well() -> None:
    recovering = replace(ACKNOWLEDGED, recovered_at=AT, settles_at=AT + timedelta(minutes=2))
    assert reassign(recovering, "cleo", "Anna", AT) == AllWell()
