"""Symptoms open incidents, join them, recover, and are held."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerting import grouping
from alerting import incident as life
from alerting.escalation import CATCH_ALL, Policy, Step
from alerting.grouping import HELD
from alerting.incident import (
    Entry,
    Hold,
    Incident,
    RaisedSymptom,
    Reopened,
    State,
    Symptom,
)
from alerting.severity import Severity
from tests.unit.alerting.conftest import HOUR, a_symptom
from tests.unit.conftest import NOW

GATHERING = timedelta(seconds=10)
SOON = NOW + GATHERING
OPS = Policy("ops", (Step(("first",), timedelta(minutes=5)),))
NIGHT = Policy("night", (Step(("second",), timedelta(minutes=5)),))
POLICIES = {"night": NIGHT, "ops": OPS}
MOVE = Hold(NOW + HOUR, "maintenance Database move")
HELD_WORDS = "held until 03 May 04:00 UTC: maintenance Database move"


def an_incident(**changes: object) -> Incident:
    (incident,) = grouping.opened([a_symptom()], POLICIES, NOW, GATHERING).values()
    return replace(incident, id=7, **changes)  # type: ignore[arg-type]  # the tests name fields of an incident


def paged(**changes: object) -> Incident:
    return an_incident(step=1, told_at=NOW, next_at=NOW + HOUR, **changes)


def raised(at: datetime = NOW, held_until: datetime | None = None) -> RaisedSymptom:
    return replace(grouping.raised(a_symptom(), at), held_until=held_until)


def joined(incident: Incident, symptom: Symptom, recurred: bool = False) -> tuple[Incident, list[Entry]]:
    return grouping.joined(incident, symptom, recurred, NOW, GATHERING)


def test_symptoms_of_one_cause_open_one_incident() -> None:
    symptoms = [a_symptom("check:1"), a_symptom("check:2"), a_symptom("check:3", "failed:check=c")]
    opened = grouping.opened(symptoms, POLICIES, NOW, GATHERING)
    assert list(opened) == ["silent:host=a", "failed:check=c"]
    incident = opened["silent:host=a"]
    assert (incident.id, incident.state, incident.occurrence, incident.step) == (0, State.OPEN, 1, 0)
    assert (incident.opened_at, incident.next_at) == (NOW, SOON)


def test_the_worst_symptom_gives_severity_and_policy() -> None:
    mild, worst = a_symptom(), a_symptom("check:2", severity=Severity.CRITICAL, policy="night")
    (incident,) = grouping.opened([mild, worst], POLICIES, NOW, GATHERING).values()
    assert (incident.severity, incident.policy) == (Severity.CRITICAL, NIGHT)


@pytest.mark.parametrize(("policies", "policy"), [({}, CATCH_ALL), (POLICIES, NIGHT)])
def test_an_incident_without_its_policy_still_pages(policies: dict[str, Policy], policy: Policy) -> None:
    (incident,) = grouping.opened([a_symptom(policy="gone")], policies, NOW, GATHERING).values()
    assert incident.policy == policy


def test_an_incident_opens_held_only_while_all_its_symptoms_are() -> None:
    held, free = a_symptom(hold=MOVE), a_symptom("check:2")
    (incident,) = grouping.opened([held], POLICIES, NOW, GATHERING).values()
    assert incident.next_at == MOVE.until
    assert grouping.opening_entries([incident], [held], NOW) == [Entry(0, NOW, HELD, HELD_WORDS)]
    (incident,) = grouping.opened([held, free], POLICIES, NOW, GATHERING).values()
    assert incident.next_at == SOON
    assert grouping.opening_entries([incident], [held, free], NOW) == []


def test_a_symptom_that_joins_before_the_first_page_changes_no_time() -> None:
    assert joined(an_incident(), a_symptom("check:2")) == (an_incident(), [])


def test_a_symptom_that_joins_makes_an_incident_worse_but_never_better() -> None:
    worse, _ = joined(an_incident(), a_symptom("check:2", severity=Severity.CRITICAL))
    assert worse.severity is Severity.CRITICAL
    same, _ = joined(worse, a_symptom("check:3"))
    assert same.severity is Severity.CRITICAL


def test_a_symptom_that_is_not_held_ends_the_hold_of_the_incident() -> None:
    incident, entries = joined(an_incident(next_at=MOVE.until), a_symptom("check:2"))
    assert incident.next_at == SOON
    assert entries == [Entry(7, NOW, HELD, "no longer held: job 2 is not held")]


def test_people_who_were_paged_hear_of_joins() -> None:
    incident, entries = joined(paged(), a_symptom("check:2"))
    assert (incident.tell_at, incident.next_at, entries) == (SOON, NOW + HOUR, [])
    later, _ = joined(incident, a_symptom("check:3", hold=MOVE))
    assert later.tell_at == SOON


def test_a_recurring_symptom_ends_the_quiet() -> None:
    quiet = paged(state=State.ACKNOWLEDGED, acknowledged_by="Ann", acknowledged_at=NOW)
    incident, entries = joined(quiet, a_symptom(), recurred=True)
    assert (incident.state, incident.occurrence, incident.step, incident.next_at) == (State.OPEN, 2, 0, SOON)
    assert (incident.acknowledged_by, incident.acknowledged_at) == (None, None)
    reason = "job 1 is silent again after it had recovered"
    assert entries == [Entry(7, NOW, "reopened", f"paging again: {reason}")]


def test_a_recurring_held_symptom_pages_at_the_end_of_its_hold() -> None:
    quiet = paged(state=State.SNOOZED)
    hold = replace(MOVE, until=NOW + HOUR / 2)
    incident, entries = joined(quiet, a_symptom(hold=hold), recurred=True)
    assert (incident.state, incident.next_at) == (State.OPEN, hold.until)
    assert [(entry.kind, entry.words) for entry in entries][1:] == [(HELD, grouping.hold_words(hold))]


def test_an_incident_reopens_from_the_first_step() -> None:
    quiet = paged(state=State.ACKNOWLEDGED, acknowledged_by="Ann", acknowledged_at=NOW)
    incident = grouping.reopened(quiet, Reopened(2, SOON, "the acknowledgement has expired"))
    assert incident == replace(paged(), occurrence=2, step=0, next_at=SOON)


def test_people_who_were_paged_hear_of_recoveries() -> None:
    assert grouping.recovered({7: paged()}, {7: None}, NOW, GATHERING) == [paged(tell_at=SOON)]
    early = paged(tell_at=NOW)
    assert grouping.recovered({7: early}, {7: None}, NOW, GATHERING) == []


def test_an_incident_whose_remaining_symptoms_are_held_waits_for_them() -> None:
    incidents = grouping.recovered({7: an_incident()}, {7: MOVE.until}, NOW, GATHERING)
    assert incidents == [an_incident(next_at=MOVE.until)]


@pytest.mark.parametrize(
    ("incident", "all_held_until"), [(paged(), {}), (paged(state=State.RESOLVED), {7: None})]
)
def test_an_incident_that_is_over_tells_of_no_recovery(
    incident: Incident, all_held_until: dict[int, datetime | None]
) -> None:
    assert grouping.recovered({7: incident}, all_held_until, NOW, GATHERING) == []


def test_a_symptom_that_has_paged_cannot_be_held() -> None:
    assert grouping.can_be_held(raised(), an_incident())
    assert not grouping.can_be_held(raised(), paged())
    assert grouping.can_be_held(raised(held_until=MOVE.until), paged())


def test_a_hold_that_moves_moves_the_first_page() -> None:
    held = grouping.after_hold(an_incident(), [raised(held_until=MOVE.until)], NOW, GATHERING)
    assert held == an_incident(next_at=MOVE.until)
    entries = grouping.hold_entries(an_incident(), held, {MOVE.until: MOVE}, NOW)
    assert entries == [Entry(7, NOW, HELD, HELD_WORDS)]
    free = grouping.after_hold(held, [raised()], NOW, GATHERING)
    assert free == an_incident()
    assert grouping.hold_entries(held, free, {}, NOW) == [Entry(7, NOW, HELD, "no longer held")]
    assert grouping.hold_entries(free, free, {}, NOW) == []


def test_a_hold_that_ends_brings_the_news_forward() -> None:
    waiting = paged(tell_at=MOVE.until)
    later = NOW + timedelta(minutes=1)
    incident = grouping.after_hold(waiting, [raised(later)], later, GATHERING)
    assert incident == replace(waiting, tell_at=later + GATHERING)
    assert grouping.after_hold(paged(), [raised()], NOW, GATHERING) == paged()


def test_a_symptom_that_would_be_raised_is_held_as_it_says() -> None:
    assert grouping.raised(a_symptom(), NOW).held_until is None
    held = grouping.raised(a_symptom(hold=MOVE), NOW)
    assert (held.held_until, held.key, held.raised_at) == (MOVE.until, "check:1", NOW)
    assert life.pages_at(NOW, held.held_until, GATHERING) == MOVE.until
