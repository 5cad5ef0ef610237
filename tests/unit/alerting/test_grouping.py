"""Symptoms open incidents, join them, recover, and are held."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerting import grouping
from alerting import incident as life
from alerting.escalation import CATCH_ALL, Policy, Step
from alerting.grouping import HELD
from alerting.incident import (
    CauseWords,
    Entry,
    Facts,
    Hold,
    Incident,
    Pace,
    RaisedSymptom,
    Reopened,
    Standing,
    State,
    Symptom,
)
from alerting.severity import Severity
from tests.unit.alerting.conftest import HOUR, MINUTE, a_symptom
from tests.unit.conftest import NOW

PACE = Pace()
SOON = NOW + PACE.gathering
SETTLED = NOW + PACE.settling
OPS = Policy("ops", (Step(("first",), timedelta(minutes=5)),))
NIGHT = Policy("night", (Step(("second",), timedelta(minutes=5)),))
POLICIES = {"night": NIGHT, "ops": OPS}
MOVE = Hold(NOW + HOUR, "maintenance Database move")
HELD_WORDS = "held until 03 May 04:00 UTC: maintenance Database move"


def an_incident(**changes: object) -> Incident:
    (incident,) = grouping.opened([a_symptom()], POLICIES, NOW, PACE).values()
    return replace(incident, id=7, **changes)  # type: ignore[arg-type]  # the tests name fields of an incident


def paged(**changes: object) -> Incident:
    return an_incident(**{"step": 1, "told_at": NOW, "next_at": NOW + HOUR} | changes)


def raised(at: datetime = NOW, held_until: datetime | None = None) -> RaisedSymptom:
    return replace(grouping.raised(a_symptom(), at), held_until=held_until)


def joined(
    incident: Incident, symptom: Symptom, earlier: RaisedSymptom | None = None
) -> tuple[Incident, list[Entry]]:
    return grouping.joined(incident, symptom, earlier, NOW, PACE)


def standing(
    severity: Severity = Severity.ERROR, held: int = 0, released_at: datetime | None = None
) -> Standing:
    return Standing(1, held, severity, released_at)


def test_symptoms_of_one_cause_open_one_incident() -> None:
    symptoms = [a_symptom("check:1"), a_symptom("check:2"), a_symptom("check:3", "failed:check=c")]
    opened = grouping.opened(symptoms, POLICIES, NOW, PACE)
    assert list(opened) == ["silent:host=a", "failed:check=c"]
    incident = opened["silent:host=a"]
    assert (incident.id, incident.state, incident.occurrence, incident.step) == (0, State.OPEN, 1, 0)
    assert (incident.opened_at, incident.next_at) == (NOW, SOON)


def test_the_worst_symptom_that_is_not_held_gives_the_severity() -> None:
    mild, worst = a_symptom(), a_symptom("check:2", severity=Severity.CRITICAL)
    (incident,) = grouping.opened([mild, worst], POLICIES, NOW, PACE).values()
    assert incident.severity is Severity.CRITICAL
    (incident,) = grouping.opened([mild, replace(worst, hold=MOVE)], POLICIES, NOW, PACE).values()
    assert incident.severity is Severity.ERROR


@pytest.mark.parametrize(("policies", "policy"), [({}, CATCH_ALL), (POLICIES, NIGHT)])
def test_an_incident_without_its_policy_still_pages(policies: dict[str, Policy], policy: Policy) -> None:
    (incident,) = grouping.opened([a_symptom(policy="gone")], policies, NOW, PACE).values()
    assert incident.policy == policy


def test_an_incident_opens_held_only_while_all_its_symptoms_are() -> None:
    held, free = a_symptom(hold=MOVE), a_symptom("check:2")
    (incident,) = grouping.opened([held], POLICIES, NOW, PACE).values()
    assert incident.next_at == MOVE.until
    assert grouping.opening_entries([incident], [held], NOW) == [Entry(0, NOW, HELD, HELD_WORDS)]
    (incident,) = grouping.opened([held, free], POLICIES, NOW, PACE).values()
    assert incident.next_at == SOON
    assert grouping.opening_entries([incident], [held, free], NOW) == []


def test_a_symptom_that_joins_before_the_first_page_changes_no_time() -> None:
    assert joined(an_incident(), a_symptom("check:2")) == (an_incident(), [])


@pytest.mark.parametrize("severity", [Severity.CRITICAL, Severity.INFO])
def test_the_severity_of_an_incident_is_that_of_what_stands(severity: Severity) -> None:
    assert grouping.counted(paged(), standing(severity)).severity is severity
    assert grouping.counted(paged(), None) == paged()


def test_a_symptom_that_is_not_held_ends_the_hold_of_the_incident() -> None:
    incident, entries = joined(an_incident(next_at=MOVE.until), a_symptom("check:2"))
    assert incident.next_at == SOON
    assert entries == [Entry(7, NOW, HELD, "no longer held: job 2 is not held")]


def test_people_who_were_paged_hear_of_joins() -> None:
    incident, entries = joined(paged(), a_symptom("check:2"))
    assert (incident.tell_at, incident.next_at, entries) == (SOON, NOW + HOUR, [])
    later, _ = joined(incident, a_symptom("check:3", hold=MOVE))
    assert later.tell_at == SOON


def test_a_symptom_that_joins_ends_no_quiet() -> None:
    quiet = paged(state=State.ACKNOWLEDGED, acknowledged_by="Ann", acknowledged_at=NOW)
    incident, entries = joined(quiet, a_symptom("check:2", severity=Severity.CRITICAL))
    assert (incident, entries) == (replace(quiet, tell_at=SOON), [])


def test_a_symptom_that_returns_continues_a_recovering_incident() -> None:
    earlier = replace(raised(NOW - 2 * HOUR), cleared_at=NOW - 3 * MINUTE, told=("silent",))
    recovering = paged(recovered_at=NOW - 3 * MINUTE, settles_at=NOW + MINUTE)
    incident, entries = joined(recovering, a_symptom(), earlier)
    assert incident == paged(falls=(NOW,), next_at=NOW + HOUR + MINUTE)
    assert entries == []
    snoozed = replace(recovering, state=State.SNOOZED)
    assert joined(snoozed, a_symptom(), earlier)[0].next_at == NOW + HOUR


def test_a_symptom_that_returns_with_another_cause_is_news() -> None:
    earlier = replace(raised(), cleared_at=NOW, told=("failed",))
    incident, _ = joined(paged(recovered_at=NOW, settles_at=SETTLED), a_symptom(), earlier)
    assert incident.tell_at == SOON


@pytest.mark.parametrize(("after", "at_home"), [(119, True), (120, False)])
def test_a_symptom_is_at_home_where_its_recovery_has_not_settled(after: int, at_home: bool) -> None:
    cleared = replace(raised(), cleared_at=NOW)
    assert grouping.home(cleared, paged(), NOW + timedelta(seconds=after), PACE) is at_home
    assert grouping.home(cleared, paged(settles_at=SETTLED), NOW + HOUR, PACE)
    assert not grouping.home(cleared, paged(state=State.RESOLVED), NOW, PACE)


def test_a_cause_that_people_do_not_know_is_news() -> None:
    earlier = replace(
        raised(), cause="failed", told=("failed",), facts=Facts(NOW - HOUR, why="reported failure")
    )
    incident, entries = grouping.renewed(paged(), earlier, a_symptom(), NOW, PACE)
    assert incident == paged(tell_at=SOON)
    words = "job 1 is now silent too; before: reported failure at 03 May 02:00 UTC"
    assert entries == [Entry(7, NOW, "down", words)]
    known = replace(earlier, told=("failed", "silent"))
    assert grouping.renewed(paged(), known, a_symptom(), NOW, PACE)[0] == paged()
    assert grouping.renewed(paged(), raised(), a_symptom(), NOW, PACE) == (paged(), [])


def test_a_cause_that_was_there_before_is_told_with_its_own_time() -> None:
    earlier = replace(raised(), cause="stuck", told=("failed", "stuck"), facts=Facts(NOW))
    failed = a_symptom(cause="failed", facts=Facts(NOW - HOUR, why="exit status 1"))
    incident, entries = grouping.renewed(paged(), earlier, failed, NOW, PACE)
    assert incident == paged()
    words = "job 1 is as it was before: exit status 1 at 03 May 02:00 UTC"
    assert entries == [Entry(7, NOW, "down", words)]


def test_a_severity_that_is_worse_is_news_also_without_another_cause() -> None:
    earlier = replace(raised(), told=("silent",))
    worse = a_symptom(severity=Severity.CRITICAL)
    assert grouping.renewed(paged(), earlier, worse, NOW, PACE) == (paged(tell_at=SOON), [])
    milder = a_symptom(severity=Severity.INFO)
    assert grouping.renewed(paged(), earlier, milder, NOW, PACE) == (paged(), [])


def test_the_timeline_counts_returns() -> None:
    earlier = replace(raised(NOW - 10 * MINUTE), falls=(NOW - 6 * MINUTE, NOW - 3 * MINUTE))
    assert grouping.down_words(a_symptom(), None, NOW) == "job 1 silent"
    found = Facts(NOW, why="Fri 10 May 09:00 to 17:00 UTC: nobody is on call")
    uncovered = replace(
        a_symptom(), words=CauseWords("uncovered", "is uncovered", "was uncovered"), facts=found
    )
    assert grouping.down_words(uncovered, None, NOW) == f"job 1 is uncovered: {found.why}"
    assert grouping.down_words(a_symptom(), earlier, NOW) == "job 1 silent again, 4th time in 10 min"
    assert grouping.down_words(a_symptom(), raised(NOW - 2 * HOUR), NOW) == "job 1 silent again"
    failed = a_symptom(facts=Facts(NOW, expected_at=NOW, why="exit status 3"))
    assert grouping.down_words(failed, None, NOW) == "job 1: exit status 3"
    assert grouping.down_words(failed, earlier, NOW) == "job 1: exit status 3 again, 4th time in 10 min"


def test_an_incident_reopens_from_the_first_step() -> None:
    quiet = paged(state=State.ACKNOWLEDGED, acknowledged_by="Ann", acknowledged_at=NOW)
    incident = grouping.reopened(quiet, Reopened(2, SOON, "the acknowledgement has expired"))
    assert incident == replace(paged(), occurrence=2, step=0, next_at=SOON)


def test_people_who_were_paged_hear_of_recoveries_once_they_have_settled() -> None:
    assert grouping.recovered(paged(), standing(), NOW, PACE) == paged(tell_at=SETTLED)
    early = paged(tell_at=NOW)
    assert grouping.recovered(early, standing(), NOW, PACE) == early


def test_an_incident_that_loses_its_worst_symptom_is_less_severe() -> None:
    assert grouping.recovered(paged(), standing(Severity.INFO), NOW, PACE).severity is Severity.INFO


@pytest.mark.parametrize("incident", [an_incident(), paged(next_at=SOON)])
def test_an_incident_whose_remaining_symptoms_are_held_waits_for_them(incident: Incident) -> None:
    changed = grouping.recovered(incident, standing(held=1, released_at=MOVE.until), NOW, PACE)
    assert changed.next_at == MOVE.until


def test_a_symptom_that_people_were_told_of_cannot_be_held() -> None:
    assert grouping.can_be_held(raised())
    assert not grouping.can_be_held(replace(raised(), told=("silent",)))


def test_a_hold_that_moves_moves_the_first_page() -> None:
    held = grouping.after_hold(an_incident(), [raised(held_until=MOVE.until)], NOW, PACE)
    assert held == an_incident(next_at=MOVE.until)
    entries = grouping.hold_entries(an_incident(), held, {MOVE.until: MOVE}, NOW)
    assert entries == [Entry(7, NOW, HELD, HELD_WORDS)]
    free = grouping.after_hold(held, [raised()], NOW, PACE)
    assert free == an_incident()
    assert grouping.hold_entries(held, free, {}, NOW) == [Entry(7, NOW, HELD, "no longer held")]
    assert grouping.hold_entries(free, free, {}, NOW) == []


def test_a_hold_that_ends_brings_the_news_forward() -> None:
    waiting = paged(tell_at=MOVE.until)
    later = NOW + timedelta(minutes=1)
    incident = grouping.after_hold(waiting, [raised(later)], later, PACE)
    assert incident == replace(waiting, tell_at=later + PACE.gathering)
    told = replace(raised(), told=("silent",))
    assert grouping.after_hold(paged(), [told], NOW, PACE) == paged()


def test_a_symptom_that_would_be_raised_is_held_as_it_says() -> None:
    assert grouping.raised(a_symptom(), NOW).held_until is None
    held = grouping.raised(a_symptom(hold=MOVE), NOW)
    assert (held.held_until, held.key, held.raised_at) == (MOVE.until, "check:1", NOW)
    assert life.pages_at(NOW, held.held_until, PACE.gathering) == MOVE.until
