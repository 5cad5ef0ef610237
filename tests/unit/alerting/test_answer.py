"""Answers to an incident: of two the first counts, and one to an earlier occurrence changes nothing."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerting.answer import (
    LONGEST_QUIET,
    Acknowledged,
    Resolved,
    Snoozed,
    Stale,
    acknowledge,
    resolve,
    snooze,
    take_over,
)
from alerting.incident import Incident, State
from alerting.severity import Severity
from tests.unit.alerting.conftest import AN_INCIDENT as OPEN
from tests.unit.conftest import NOW

UNTIL = NOW + timedelta(hours=4)
ACKNOWLEDGED = replace(
    OPEN,
    state=State.ACKNOWLEDGED,
    acknowledged_by="Ann",
    acknowledged_at=NOW,
    next_at=UNTIL,
    seen=Severity.CRITICAL,
)
SNOOZED = replace(OPEN, state=State.SNOOZED, next_at=UNTIL, seen=Severity.CRITICAL)
RESOLVED = replace(OPEN, state=State.RESOLVED, next_at=None, resolved_by="recovery", resolved_at=NOW)


@pytest.mark.parametrize("incident", [OPEN, SNOOZED])
@pytest.mark.parametrize("occurrence", [2, None])
def test_an_answer_to_this_occurrence_quietens_it(incident: Incident, occurrence: int | None) -> None:
    answer = acknowledge(incident, occurrence, "Ann", NOW, UNTIL)
    assert answer == Acknowledged("Ann", UNTIL, incident=ACKNOWLEDGED, previous=incident)
    assert not answer.repeated


def test_an_answer_to_an_earlier_occurrence_changes_nothing() -> None:
    assert acknowledge(OPEN, 1, "Ann", NOW, UNTIL) == Stale(2)


def test_of_two_answers_the_first_counts() -> None:
    answer = acknowledge(ACKNOWLEDGED, 2, "Bob", NOW, UNTIL + timedelta(hours=1))
    assert answer == Acknowledged("Ann", UNTIL, incident=ACKNOWLEDGED, previous=ACKNOWLEDGED)
    assert answer.repeated


def test_an_answer_after_the_end_changes_nothing() -> None:
    over = Resolved("recovery", incident=RESOLVED, previous=RESOLVED)
    assert over.repeated
    assert acknowledge(RESOLVED, 2, "Ann", NOW, UNTIL) == over
    assert snooze(RESOLVED, "Ann", NOW, UNTIL) == over
    assert resolve(RESOLVED, "Ann", NOW) == over


@pytest.mark.parametrize("incident", [OPEN, ACKNOWLEDGED])
def test_a_snooze_quietens_an_incident_and_ends_its_acknowledgement(incident: Incident) -> None:
    answer = snooze(incident, "Ann", NOW, UNTIL)
    assert answer == Snoozed("Ann", UNTIL, incident=SNOOZED, previous=incident)
    assert not answer.repeated


def test_a_snooze_until_the_same_time_changes_nothing() -> None:
    assert snooze(SNOOZED, "Bob", NOW, UNTIL).repeated
    later = UNTIL + timedelta(hours=1)
    answer = snooze(SNOOZED, "Bob", NOW, later)
    assert (answer.incident.next_at, answer.repeated) == (later, False)


@pytest.mark.parametrize("until", [NOW, NOW + LONGEST_QUIET + timedelta(seconds=1)])
def test_a_quiet_ends_after_now_and_within_the_longest(until: datetime) -> None:
    with pytest.raises(ValueError, match="an acknowledgement must end after now and within 7 days"):
        acknowledge(OPEN, None, "Ann", NOW, until)
    with pytest.raises(ValueError, match="a snooze must end after now and within 7 days"):
        snooze(OPEN, "Ann", NOW, until)


def test_a_human_ends_an_incident() -> None:
    waiting = replace(ACKNOWLEDGED, tell_at=UNTIL)
    answer = resolve(waiting, "Ann", NOW)
    over = replace(ACKNOWLEDGED, state=State.RESOLVED, next_at=None, resolved_by="Ann", resolved_at=NOW)
    assert answer == Resolved("Ann", incident=over, previous=waiting)
    assert not answer.repeated


def test_an_answer_covers_the_worst_that_was_seen() -> None:
    milder = replace(OPEN, severity=Severity.INFO, seen=Severity.ERROR)
    answer = acknowledge(milder, None, "Ann", NOW, UNTIL)
    assert isinstance(answer, Acknowledged)
    assert answer.incident.seen is Severity.ERROR


def test_a_take_over_ends_what_somebody_else_had() -> None:
    later = NOW + timedelta(hours=1)
    answer = take_over(ACKNOWLEDGED, 2, "Bob", later, UNTIL)
    bobs = replace(ACKNOWLEDGED, acknowledged_by="Bob", acknowledged_at=later)
    assert answer == Acknowledged("Bob", UNTIL, incident=bobs, previous=ACKNOWLEDGED)
    assert (answer.taken_from, answer.repeated) == ("Ann", False)
    assert take_over(ACKNOWLEDGED, 1, "Bob", NOW, UNTIL) == Stale(2)


@pytest.mark.parametrize("incident", [OPEN, SNOOZED, ACKNOWLEDGED, RESOLVED])
def test_a_take_over_of_what_nobody_else_has_is_an_acknowledgement(incident: Incident) -> None:
    answer = take_over(incident, 2, "Ann", NOW, UNTIL)
    assert answer == acknowledge(incident, 2, "Ann", NOW, UNTIL)
    if isinstance(answer, Acknowledged):
        assert answer.taken_from == ""
