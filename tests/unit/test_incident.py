"""The life of an incident: answers, joins, and the end of every quiet."""

from dataclasses import replace
from datetime import timedelta

from alerting import incident as life
from alerting.escalation import Policy, Step
from alerting.incident import Acknowledged, Incident, Reopened, Resolved, Stale, State
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
    OPEN, state=State.ACKNOWLEDGED, acknowledged_by="Ann", acknowledged_at=NOW, next_at=UNTIL
)
SNOOZED = replace(OPEN, state=State.SNOOZED, next_at=UNTIL)
RESOLVED = replace(OPEN, state=State.RESOLVED, next_at=None, resolved_by="recovery", resolved_at=NOW)


def test_an_answer_to_this_occurrence_quietens_it() -> None:
    assert life.acknowledge(OPEN, 2, "Ann", NOW, UNTIL) == Acknowledged("Ann", UNTIL)
    assert life.acknowledge(OPEN, None, "Ann", NOW, UNTIL) == Acknowledged("Ann", UNTIL)
    assert life.acknowledge(SNOOZED, 2, "Ann", NOW, UNTIL) == Acknowledged("Ann", UNTIL)


def test_an_answer_to_an_earlier_occurrence_changes_nothing() -> None:
    assert life.acknowledge(OPEN, 1, "Ann", NOW, UNTIL) == Stale(2)


def test_of_two_answers_the_first_counts() -> None:
    later = UNTIL + timedelta(hours=1)
    assert life.acknowledge(ACKNOWLEDGED, 2, "Bob", NOW, later) == Acknowledged("Ann", UNTIL, again=True)


def test_an_answer_after_the_end_changes_nothing() -> None:
    assert life.acknowledge(RESOLVED, 2, "Ann", NOW, UNTIL) == Resolved("recovery", again=True)


def test_what_is_new_joins_quietly_and_what_is_back_ends_the_quiet() -> None:
    gathering = timedelta(seconds=10)
    for quiet in (ACKNOWLEDGED, SNOOZED):
        assert life.on_join(quiet, False, NOW, gathering) is None
        again = life.on_join(quiet, True, NOW, gathering)
        assert again == Reopened(3, NOW + gathering, "it is back after it had recovered")
    assert life.on_join(OPEN, True, NOW, gathering) is None


def test_every_quiet_ends_by_paging_afresh() -> None:
    assert life.on_quiet_over(ACKNOWLEDGED, UNTIL) == Reopened(3, UNTIL, "the acknowledgement has expired")
    assert life.on_quiet_over(SNOOZED, UNTIL) == Reopened(3, UNTIL, "the snooze is over")
