"""The life of an incident: answers, joins, and the end of every quiet."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerting import incident as life
from alerting.escalation import Policy, Step
from alerting.incident import Acknowledged, Incident, Pace, Reopened, Resolved, Snoozed, Stale, State
from alerting.severity import Severity
from tests.unit.conftest import NOW

UNTIL = NOW + timedelta(hours=4)
OPEN = Incident(
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
    answer = life.acknowledge(incident, occurrence, "Ann", NOW, UNTIL)
    assert answer == Acknowledged("Ann", UNTIL, incident=ACKNOWLEDGED, previous=incident)
    assert not answer.repeated


def test_an_answer_to_an_earlier_occurrence_changes_nothing() -> None:
    assert life.acknowledge(OPEN, 1, "Ann", NOW, UNTIL) == Stale(2)


def test_of_two_answers_the_first_counts() -> None:
    answer = life.acknowledge(ACKNOWLEDGED, 2, "Bob", NOW, UNTIL + timedelta(hours=1))
    assert answer == Acknowledged("Ann", UNTIL, incident=ACKNOWLEDGED, previous=ACKNOWLEDGED)
    assert answer.repeated


def test_an_answer_after_the_end_changes_nothing() -> None:
    over = Resolved("recovery", incident=RESOLVED, previous=RESOLVED)
    assert over.repeated
    assert life.acknowledge(RESOLVED, 2, "Ann", NOW, UNTIL) == over
    assert life.snooze(RESOLVED, "Ann", NOW, UNTIL) == over
    assert life.resolve(RESOLVED, "Ann", NOW) == over


@pytest.mark.parametrize("incident", [OPEN, ACKNOWLEDGED])
def test_a_snooze_quietens_an_incident_and_ends_its_acknowledgement(incident: Incident) -> None:
    answer = life.snooze(incident, "Ann", NOW, UNTIL)
    assert answer == Snoozed("Ann", UNTIL, incident=SNOOZED, previous=incident)
    assert not answer.repeated


def test_a_snooze_until_the_same_time_changes_nothing() -> None:
    assert life.snooze(SNOOZED, "Bob", NOW, UNTIL).repeated
    later = UNTIL + timedelta(hours=1)
    answer = life.snooze(SNOOZED, "Bob", NOW, later)
    assert (answer.incident.next_at, answer.repeated) == (later, False)


@pytest.mark.parametrize("until", [NOW, NOW + life.LONGEST_QUIET + timedelta(seconds=1)])
def test_a_quiet_ends_after_now_and_within_the_longest(until: datetime) -> None:
    with pytest.raises(ValueError, match="an acknowledgement must end after now and within 7 days"):
        life.acknowledge(OPEN, None, "Ann", NOW, until)
    with pytest.raises(ValueError, match="a snooze must end after now and within 7 days"):
        life.snooze(OPEN, "Ann", NOW, until)


def test_a_human_ends_an_incident() -> None:
    waiting = replace(ACKNOWLEDGED, tell_at=UNTIL)
    answer = life.resolve(waiting, "Ann", NOW)
    over = replace(ACKNOWLEDGED, state=State.RESOLVED, next_at=None, resolved_by="Ann", resolved_at=NOW)
    assert answer == Resolved("Ann", incident=over, previous=waiting)
    assert not answer.repeated


def test_an_incident_that_is_worse_than_what_people_know_pages_afresh() -> None:
    quiet = replace(ACKNOWLEDGED, seen=Severity.WARNING)
    assert life.worsened(quiet)
    assert life.on_worse(quiet, NOW) == Reopened(3, NOW, "it is critical now")
    assert not life.worsened(ACKNOWLEDGED)
    assert not life.worsened(OPEN), "nobody was told of anything yet"


def test_an_answer_covers_the_worst_that_was_seen() -> None:
    milder = replace(OPEN, severity=Severity.INFO, seen=Severity.ERROR)
    answer = life.acknowledge(milder, None, "Ann", NOW, UNTIL)
    assert isinstance(answer, Acknowledged)
    assert answer.incident.seen is Severity.ERROR


def test_an_incident_settles_before_it_is_over_for_longer_with_each_return() -> None:
    pace = Pace()
    minutes = [timedelta(minutes=length) for length in (2, 4, 8, 16, 32, 60, 60)]
    falls: tuple[datetime, ...] = ()
    for length in minutes:
        assert life.settles_at(falls, NOW, pace) == NOW + length
        falls = (*falls, NOW - timedelta(minutes=10))
    long_ago = (NOW - timedelta(hours=1, seconds=1),) * 3
    assert life.settles_at(long_ago, NOW, pace) == NOW + pace.settling
    assert life.settles_at(falls, NOW, Pace(settling=timedelta())) == NOW


def test_a_policy_is_climbed_by_time_in_trouble() -> None:
    recovering = life.recovering(OPEN, NOW, Pace())
    assert (recovering.recovering, recovering.word, recovering.next_at) == (True, "recovering", OPEN.next_at)
    for minutes, later in ((1, 0), (2, 0), (12, 10)):  # The first page was due after 5 min.
        back = life.resumed(recovering, NOW + timedelta(minutes=minutes), Pace())
        assert back == replace(OPEN, next_at=NOW + timedelta(minutes=5 + later))
    quiet = life.resumed(life.recovering(SNOOZED, NOW, Pace()), NOW + timedelta(minutes=12), Pace())
    assert quiet == SNOOZED
    assert life.resumed(OPEN, NOW, Pace()) == OPEN


def test_trouble_ends_with_the_recovery_or_with_the_person_who_resolves_it() -> None:
    over = life.ended(life.recovering(OPEN, NOW, Pace()), "recovery", NOW + timedelta(minutes=2))
    assert (over.ended_at, over.resolved_at) == (NOW, NOW + timedelta(minutes=2))
    assert life.ended(OPEN, "Ann", UNTIL).ended_at == UNTIL
    assert OPEN.ended_at is None


def test_the_end_of_a_quiet_pages_from_the_first_step() -> None:
    assert life.on_quiet_over(ACKNOWLEDGED, UNTIL) == Reopened(3, UNTIL, "the acknowledgement has expired")
    assert life.on_quiet_over(SNOOZED, UNTIL) == Reopened(3, UNTIL, "the snooze is over")


def test_a_held_symptom_pages_at_the_end_of_its_hold_and_after_the_gathering_time() -> None:
    gathering, soon = timedelta(seconds=10), NOW + timedelta(seconds=1)
    assert life.pages_at(NOW, None, gathering) == NOW + gathering
    assert life.pages_at(NOW, UNTIL, gathering) == UNTIL
    assert life.pages_at(NOW, soon, gathering) == NOW + gathering


def test_only_an_open_incident_before_its_first_step_waits() -> None:
    assert life.waits(replace(OPEN, step=0))
    assert not any(life.waits(replace(incident, step=0)) for incident in (ACKNOWLEDGED, SNOOZED, RESOLVED))
    assert not life.waits(OPEN)
