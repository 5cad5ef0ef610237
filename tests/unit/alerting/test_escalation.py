"""Who is paged next and when, and what follows from each attempt to deliver."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting import delivery, escalation
from alerting.delivery import Delivered, Expired, Retry, Tries
from alerting.escalation import Policy, Step
from alerting.notice import Kind
from alerting.notifiers.contract import Accepted, Refused, Unreachable
from alerting.person import OPERATOR, Contact, Person
from tests.unit.conftest import NOW

OPS = Policy(
    "ops",
    (Step(("first",), timedelta(minutes=5)), Step(("second", "first"), timedelta(minutes=10))),
)


CONTACTS = {"first": (Contact("ntfy", "x"),), "second": (Contact("ntfy", "y"),), "bare": ()}


def tries(**changes: object) -> Tries:
    given = {
        "kind": Kind.PAGE,
        "created_at": NOW,
        "attempts": 0,
        "contact_attempts": 0,
        "contact": 0,
        "contacts": 2,
    }
    return Tries(**(given | changes))  # type: ignore[arg-type]  # the test names the fields


@pytest.mark.parametrize(
    ("step", "people", "minutes", "then", "reason"),
    [
        (0, ("first",), 5, ("second", "first"), "step 1 of ops"),
        (1, ("second", "first"), 10, ("second", "first"), "step 2 of ops"),
        (2, ("second", "first"), 10, ("second", "first"), "step 2 of ops, again"),
        (99, ("second", "first"), 10, ("second", "first"), "step 2 of ops, again"),
    ],
)
def test_steps_come_in_order_and_the_last_repeats_for_ever(
    step: int, people: tuple[str, ...], minutes: int, then: tuple[str, ...], reason: str
) -> None:
    decision = escalation.decide(OPS, step, NOW)
    assert decision.targets == people
    assert decision.next_at == NOW + timedelta(minutes=minutes)
    assert (decision.next_targets, decision.reason, decision.step) == (then, reason, step)


def test_a_policy_without_steps_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="policy empty: write at least one step"):
        Policy("empty", ())


def test_a_name_that_no_policy_bears_pages_by_the_first_one_and_by_the_operator_where_there_is_none() -> None:
    day = replace(OPS, name="day")
    policies = {"day": day, "ops": OPS}
    assert escalation.in_force(policies, "ops") == OPS
    assert escalation.in_force(policies, "gone") == escalation.in_force(policies, None) == day
    assert escalation.in_force({}, "ops") == escalation.CATCH_ALL
    assert escalation.CATCH_ALL.steps[0].targets == (OPERATOR.id,)


def test_targets_mean_people_each_of_whom_is_paged_once() -> None:
    first, second, bare = (Person(id_, id_.title(), contacts) for id_, contacts in CONTACTS.items())
    people = {person.id: person for person in (first, second, bare)}
    assert escalation.on_call("bare", people, NOW) == [bare]
    assert escalation.on_call("ghost", people, NOW) == []
    assert escalation.recipients(("second", "ghost", "first", "bare", "second"), people, NOW) == [
        second,
        first,
    ]
    assert escalation.unreachable(("second", "ghost", "bare"), people, NOW) == ["ghost", "bare"]
    assert escalation.names_of(("bare", "ghost", "first"), people, NOW) == ["Bare", "ghost", "First"]


def test_a_step_that_reaches_nobody_falls_to_the_operator() -> None:
    people = {"bare": Person("bare", "Bare", ())}
    assert escalation.recipients(("ghost", "bare"), people, NOW) == [OPERATOR]
    assert escalation.recipients((OPERATOR.id,), people, NOW) == [OPERATOR]
    assert escalation.names_of((OPERATOR.id,), people, NOW) == [OPERATOR.name]


def test_a_policy_knows_the_targets_of_all_its_steps() -> None:
    assert OPS.targets == ["first", "second"]


def test_a_policy_that_was_frozen_into_an_incident_is_still_read() -> None:
    frozen: dict[str, object] = {"name": "ops", "steps": [{"page": ["first"], "wait": 300.0}]}
    policy = escalation.from_json(frozen)
    assert policy == Policy("ops", (Step(("first",), timedelta(minutes=5)),))
    assert escalation.to_json(policy) == frozen


def test_a_policy_comes_back_from_its_row_as_it_was() -> None:
    assert escalation.from_json(escalation.to_json(OPS)) == OPS


def test_what_was_accepted_is_done() -> None:
    assert delivery.after_attempt(tries(), Accepted(), NOW, 0) == Delivered()


def test_a_dead_contact_hands_over_to_the_next_at_once() -> None:
    after = delivery.after_attempt(tries(), Refused("gone"), NOW, 0)
    assert after == Retry(NOW, contact=1, contact_attempts=0)


def test_after_all_contacts_refused_the_round_begins_again_later() -> None:
    after = delivery.after_attempt(tries(contact=1, attempts=1), Refused("gone"), NOW, 0)
    assert isinstance(after, Retry)
    assert (after.contact, after.at) == (2, NOW + timedelta(seconds=10))


def test_a_contact_that_cannot_be_reached_is_tried_three_times_and_then_the_next() -> None:
    first = delivery.after_attempt(tries(), Unreachable("503"), NOW, 0)
    assert first == Retry(NOW + timedelta(seconds=5), 0, 1)
    second = delivery.after_attempt(tries(attempts=1, contact_attempts=1), Unreachable("503"), NOW, 0)
    assert second == Retry(NOW + timedelta(seconds=10), 0, 2)
    third = delivery.after_attempt(tries(attempts=2, contact_attempts=2), Unreachable("503"), NOW, 0)
    assert third == Retry(NOW, 1, 0)


def test_an_only_contact_is_tried_on_and_on() -> None:
    after = delivery.after_attempt(
        tries(contacts=1, attempts=50, contact_attempts=50), Unreachable("503"), NOW, 0
    )
    assert after == Retry(NOW + timedelta(minutes=5), 0, 51)


def test_retry_after_is_honoured_up_to_an_hour_where_there_is_no_other_contact() -> None:
    alone = tries(contacts=1)
    slow = Unreachable("429", timedelta(seconds=90), throttled=True)
    expected = Retry(NOW + timedelta(seconds=90), 0, 1, throttled=True)
    assert delivery.after_attempt(alone, slow, NOW, 0) == expected
    rude = Unreachable("429", timedelta(days=3), throttled=True)
    after = delivery.after_attempt(alone, rude, NOW, 0)
    assert isinstance(after, Retry)
    assert after.at == NOW + timedelta(hours=1)


def test_who_has_another_contact_is_not_left_waiting_for_a_provider_that_sends_us_away() -> None:
    short = Unreachable("429", timedelta(seconds=60), throttled=True)
    assert delivery.after_attempt(tries(), short, NOW, 0) == Retry(
        NOW + timedelta(seconds=60), 0, 1, throttled=True
    )
    long = Unreachable("429", timedelta(seconds=61), throttled=True)
    assert delivery.after_attempt(tries(), long, NOW, 0) == Retry(NOW, 1, 0)


@pytest.mark.parametrize("kind", [Kind.RECOVERED, Kind.ACKNOWLEDGED])
def test_word_of_the_past_is_given_up_after_a_day_but_a_page_never(kind: Kind) -> None:
    later = NOW + timedelta(hours=24)
    assert delivery.after_attempt(tries(kind=kind), Unreachable("503"), later, 0) == Expired()
    assert isinstance(delivery.after_attempt(tries(), Unreachable("503"), later, 0), Retry)


@given(st.integers(0, 1000), st.floats(0, 1), st.integers(1, 5), st.integers(0, 100))
def test_a_page_that_was_not_accepted_always_has_a_next_attempt_within_bounds(
    attempts: int, jitter: float, contacts: int, contact: int
) -> None:
    for outcome in (Unreachable("no"), Refused("no")):
        given = tries(attempts=attempts, contact_attempts=attempts, contacts=contacts, contact=contact)
        after = delivery.after_attempt(given, outcome, NOW, jitter)
        assert isinstance(after, Retry)
        assert NOW <= after.at <= NOW + delivery.LONGEST_RETRY
        assert after.contact in (contact, contact + 1)
