"""An incident handed on: the next step is due at once."""

from dataclasses import replace
from datetime import timedelta

from alerting.answer import Resolved
from alerting.handover import AllWell, HandedOn, hand_on
from alerting.incident import State
from tests.unit.alerting.subjects import ACKNOWLEDGED, AT, INCIDENT, ended


def test_an_open_incident_pages_its_next_step_now() -> None:
    outcome = hand_on(INCIDENT, "Anna", AT)
    assert outcome == HandedOn("Anna", replace(INCIDENT, next_at=AT), INCIDENT)
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
