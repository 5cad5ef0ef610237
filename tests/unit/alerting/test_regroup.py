"""Incidents that people merge and split: nothing that stands is lost, and each policy is paged."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk, escalator, outbox
from alerting.answer import Missing, Resolved
from alerting.escalation import Policy
from alerting.incident import Facts, Hold, Pace, State
from alerting.origin import Origin
from alerting.regrouping import Merged, Split, Unmergeable, went_to
from alerting.severity import Severity
from tests.unit.alerting.conftest import (
    HOUR,
    MINUTE,
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
PACE = Pace()
ONE, TWO = a_symptom("check:1"), a_symptom("check:2", "silent:host=b")


def merge(db: Connection, source: int = 2, target: int = 1) -> Merged:
    outcome = desk.merge(db, source, target, "Anna", LATER, PACE)
    assert isinstance(outcome, Merged)
    return outcome


def split(db: Connection, *keys: str) -> int:
    outcome = desk.split(db, 1, keys, "Anna", LATER, PACE)
    assert isinstance(outcome, tuple)
    of_split, number = outcome
    assert isinstance(of_split, Split)
    return number


def standing_in(db: Connection, number: int) -> list[str]:
    return [symptom.key for symptom in desk.symptoms(db, [number])[number] if symptom.standing]


def test_a_merged_incident_is_over_and_its_symptoms_stand_in_the_other(db: Connection) -> None:
    page_for(db, ONE, TWO)
    merge(db)
    assert desk.incident_of(db, ["check:1", "check:2"]) == {"check:1": 1, "check:2": 1}
    over = incident_of(db, 2)
    assert (over.state, over.resolved_by, over.merged_into) == (State.RESOLVED, "Anna", 1)
    (kept,) = desk.symptoms(db, [2])[2]
    assert (kept.title, kept.cleared_why) == ("job 2", "merged into incident 1 by Anna")
    assert [went_to(symptom) for symptom in desk.symptoms(db, [1, 2])[2]] == [1]
    assert [went_to(symptom) for symptom in desk.symptoms(db, [1, 2])[1]] == [None, None]
    assert story_of(db, 2)[-1] == ("resolved", "merged into incident 1 by Anna")
    assert story_of(db)[-1] == ("merged", "incident 2 was merged into this one by Anna: job 2")
    assert notices_of(db, 2) == [("page", "anna", "superseded"), ("recovered", "anna", "pending")]


def test_the_people_of_the_target_hear_of_what_it_takes_in(db: Connection) -> None:
    page_for(db, ONE, TWO)
    merge(db)
    escalator.sweep(db, LATER)
    (news,) = [page.news for page in outbox.pages_of(db, 1) if page.kind == "update"]
    assert len(news.joined) == 1


def test_something_worse_than_what_was_acknowledged_pages_afresh_after_a_merge(db: Connection) -> None:
    page_for(db, ONE, replace(TWO, severity=Severity.CRITICAL))
    desk.acknowledge(db, 1, "Ben", LATER, until=LATER + HOUR)
    merge(db)
    escalator.sweep(db, LATER)
    assert (incident_of(db).state, incident_of(db).severity) == (State.OPEN, Severity.CRITICAL)
    assert notices_of(db)[-1] == ("page", "anna", "pending")


def test_what_is_no_worse_stays_quiet_after_a_merge(db: Connection) -> None:
    page_for(db, ONE, TWO)
    desk.acknowledge(db, 1, "Ben", LATER, until=LATER + HOUR)
    merge(db)
    escalator.sweep(db, LATER)
    assert incident_of(db).state is State.ACKNOWLEDGED


def test_an_answer_to_the_merged_incident_says_where_it_goes_on(db: Connection) -> None:
    page_for(db, ONE, TWO)
    merge(db)
    answer = desk.acknowledge(db, 2, "Ben", LATER, until=LATER + HOUR)
    assert isinstance(answer, Resolved)
    assert answer.incident.merged_into == 1
    assert incident_of(db).state is State.OPEN, "nobody has read what is in it"


def test_what_comes_next_with_the_old_cause_joins_the_target_while_it_is_open(db: Connection) -> None:
    page_for(db, ONE, TWO)
    merge(db)
    symptom_of_it = a_symptom("check:3", TWO.cause_key)
    assert desk.foresee(db, symptom_of_it, LATER)[0].id == 1
    desk.raise_(db, [symptom_of_it], LATER)
    assert desk.incident_of(db, ["check:3"]) == {"check:3": 1}
    desk.resolve(db, 1, "Anna", LATER)
    desk.raise_(db, [a_symptom("check:4", TWO.cause_key)], LATER)
    assert desk.incident_of(db, ["check:4"]) == {"check:4": 3}


def test_a_chain_of_merges_ends_in_the_last_incident(db: Connection) -> None:
    three = a_symptom("check:3", "silent:host=c")
    page_for(db, ONE, TWO, three)
    number = desk.incident_of(db, ["check:2", "check:3"])
    merge(db, number["check:2"], number["check:3"])
    merge(db, number["check:3"], 1)
    assert incident_of(db, number["check:2"]).merged_into == 1
    desk.raise_(db, [a_symptom("check:4", TWO.cause_key)], LATER)
    assert standing_in(db, 1) == ["check:1", "check:2", "check:3", "check:4"]


def test_a_symptom_that_returns_while_it_settles_goes_to_where_the_incident_is_now(db: Connection) -> None:
    four = a_symptom("check:4", TWO.cause_key)
    page_for(db, ONE, TWO, four)
    desk.clear(db, {"check:4": "heard again"}, LATER)
    merge(db)
    desk.raise_(db, [replace(four, cause_key="failed:check=4")], LATER + MINUTE)
    assert desk.incident_of(db, ["check:4"]) == {"check:4": 1}


def test_a_merged_symptom_keeps_its_hold(db: Connection) -> None:
    page_for(db, ONE)
    hold = Hold(LATER + HOUR, "maintenance Move")
    desk.raise_(db, [replace(TWO, hold=hold)], NOW)
    merge(db)
    (symptom,) = desk.raised(db, ["check:2"])
    assert (symptom.held_until, symptom.held_why) == (hold.until, hold.why)


def test_incidents_of_different_policies_are_not_merged(db: Connection) -> None:
    desk.define_policy(db, Policy("night", OPS.steps, Origin.API))
    page_for(db, ONE, replace(TWO, policy="night"))
    source = incident_of(db, 2)
    outcome = desk.merge(db, 2, 1, "Anna", LATER, PACE)
    assert isinstance(outcome, Unmergeable)
    assert outcome.why.startswith("incident 2 pages by the policy night, and incident 1 by ops.")
    assert incident_of(db, 2) == source


def test_a_merge_can_be_repeated_and_not_undone_by_a_mistake(db: Connection) -> None:
    page_for(db, ONE, TWO)
    assert isinstance(desk.merge(db, 1, 1, "Anna", LATER, PACE), Unmergeable)
    assert isinstance(desk.merge(db, 1, 9, "Anna", LATER, PACE), Missing)
    merge(db)
    assert merge(db).repeated
    reverse = desk.merge(db, 1, 2, "Anna", LATER, PACE)
    assert reverse == Unmergeable("incident 2 is over.")


def test_what_is_split_off_pages_by_itself_from_the_first_step(db: Connection) -> None:
    page_for(db, ONE, a_symptom("check:2"), a_symptom("check:3"))
    desk.acknowledge(db, 1, "Ben", LATER, until=LATER + HOUR)
    number = split(db, "check:2")
    assert (standing_in(db, 1), standing_in(db, number)) == (["check:1", "check:3"], ["check:2"])
    new = incident_of(db, number)
    assert (new.state, new.step, new.policy, new.next_at) == (State.OPEN, 0, OPS, LATER)
    assert incident_of(db).state is State.ACKNOWLEDGED
    assert ("moved", f"job 2 moved to incident {number} by Anna") in story_of(db)
    assert number in [went_to(symptom) for symptom in desk.symptoms(db, [1])[1]]
    assert story_of(db, number) == [("down", "split from incident 1 by Anna: job 2")]
    escalator.sweep(db, LATER)
    assert notices_of(db, number) == [("page", "anna", "pending")]


def test_what_was_split_off_comes_back_to_its_own_incident(db: Connection) -> None:
    two = a_symptom("check:2")
    page_for(db, ONE, two)
    number = split(db, "check:2")
    desk.clear(db, {"check:2": "heard again"}, LATER)
    desk.raise_(db, [two], LATER + MINUTE)
    assert desk.incident_of(db, ["check:2"]) == {"check:2": number}
    desk.raise_(db, [a_symptom("check:3")], LATER + MINUTE)
    assert desk.incident_of(db, ["check:3"]) == {"check:3": 1}, "the old cause is that of the old incident"
    assert desk.merge(db, number, 1, "Anna", LATER + MINUTE, PACE)
    assert standing_in(db, 1) == ["check:1", "check:2", "check:3"]


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (["check:1", "check:2"], "at least one job that is down must stay in the incident."),
        (["check:9"], "only jobs that are down in this incident can be split off."),
        ([], "only jobs that are down in this incident can be split off."),
    ],
)
def test_a_split_that_would_lose_or_gain_something_is_refused(
    db: Connection, keys: list[str], why: str
) -> None:
    page_for(db, ONE, a_symptom("check:2", facts=Facts(NOW)))
    assert desk.split(db, 1, keys, "Anna", LATER, PACE) == Unmergeable(why)
    assert desk.split(db, 9, keys, "Anna", LATER, PACE) == Missing()
    desk.resolve(db, 1, "Anna", LATER)
    assert desk.split(db, 1, keys, "Anna", LATER, PACE) == Unmergeable("incident 1 is over.")
