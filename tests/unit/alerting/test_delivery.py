"""The verdict on an attempt to deliver, and the end of notices that are not true any more."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting import delivery
from alerting.delivery import Delivered, Expired, Retry, Tries
from alerting.escalation import Policy, Step
from alerting.incident import Incident, State
from alerting.notice import NoticeKind
from alerting.notifiers.contract import Accepted, Refused, Unreachable
from alerting.severity import Severity
from tests.unit.conftest import NOW

OPS = Policy("ops", (Step(("first",), timedelta(minutes=5)),))


def tries(**changes: object) -> Tries:
    fields = {
        "kind": NoticeKind.PAGE,
        "created_at": NOW,
        "attempts": 0,
        "contact_attempts": 0,
        "contact": 0,
        "contacts": 2,
    }
    return Tries(**(fields | changes))  # type: ignore[arg-type]  # the test names the fields


def test_an_accepted_page_is_delivered() -> None:
    assert delivery.after_attempt(tries(), Accepted(), NOW, 0) == Delivered()


def test_a_dead_contact_hands_over_to_the_next_at_once() -> None:
    verdict = delivery.after_attempt(tries(), Refused("gone"), NOW, 0)
    assert verdict == Retry(NOW, contact=1, contact_attempts=0)


def test_after_all_contacts_refused_the_round_begins_again_later() -> None:
    verdict = delivery.after_attempt(tries(contact=1, attempts=1), Refused("gone"), NOW, 0)
    assert isinstance(verdict, Retry)
    assert (verdict.contact, verdict.at) == (2, NOW + timedelta(seconds=10))


def test_a_contact_that_cannot_be_reached_is_tried_three_times_and_then_the_next() -> None:
    first = delivery.after_attempt(tries(), Unreachable("503"), NOW, 0)
    assert first == Retry(NOW + timedelta(seconds=5), 0, 1)
    second = delivery.after_attempt(tries(attempts=1, contact_attempts=1), Unreachable("503"), NOW, 0)
    assert second == Retry(NOW + timedelta(seconds=10), 0, 2)
    third = delivery.after_attempt(tries(attempts=2, contact_attempts=2), Unreachable("503"), NOW, 0)
    assert third == Retry(NOW, 1, 0)


def test_an_only_contact_is_tried_on_and_on() -> None:
    verdict = delivery.after_attempt(
        tries(contacts=1, attempts=50, contact_attempts=50), Unreachable("503"), NOW, 0
    )
    assert verdict == Retry(NOW + timedelta(minutes=5), 0, 51)


def test_retry_after_is_honoured_up_to_an_hour_where_there_is_no_other_contact() -> None:
    alone = tries(contacts=1)
    slow = Unreachable("429", timedelta(seconds=90), throttled=True)
    expected = Retry(NOW + timedelta(seconds=90), 0, 1, throttled=True)
    assert delivery.after_attempt(alone, slow, NOW, 0) == expected
    rude = Unreachable("429", timedelta(days=3), throttled=True)
    verdict = delivery.after_attempt(alone, rude, NOW, 0)
    assert isinstance(verdict, Retry)
    assert verdict.at == NOW + timedelta(hours=1)


def test_a_person_with_another_contact_does_not_wait_long_for_a_provider() -> None:
    short = Unreachable("429", timedelta(seconds=60), throttled=True)
    assert delivery.after_attempt(tries(), short, NOW, 0) == Retry(
        NOW + timedelta(seconds=60), 0, 1, throttled=True
    )
    long = Unreachable("429", timedelta(seconds=61), throttled=True)
    assert delivery.after_attempt(tries(), long, NOW, 0) == Retry(NOW, 1, 0)


@pytest.mark.parametrize("kind", [NoticeKind.RECOVERED, NoticeKind.ACKNOWLEDGED])
def test_news_of_the_past_is_given_up_after_a_day_but_a_page_never(kind: NoticeKind) -> None:
    later = NOW + timedelta(hours=24)
    assert delivery.after_attempt(tries(kind=kind), Unreachable("503"), later, 0) == Expired()
    assert isinstance(delivery.after_attempt(tries(), Unreachable("503"), later, 0), Retry)


@pytest.mark.parametrize("kind", [NoticeKind.UPDATE, NoticeKind.RECOVERED, NoticeKind.ACKNOWLEDGED])
def test_news_stays_on_its_contact_until_that_refuses_it(kind: NoticeKind) -> None:
    tired = tries(kind=kind, attempts=9, contact_attempts=9, contacts=2)
    verdict = delivery.after_attempt(tired, Unreachable("503"), NOW, 0)
    assert verdict == Retry(NOW + delivery.LONGEST_RETRY, 0, 10)
    assert delivery.after_attempt(tired, Refused("gone"), NOW, 0) == Expired()


@given(st.integers(0, 1000), st.floats(0, 1), st.integers(1, 5), st.integers(0, 100))
def test_a_page_that_was_not_accepted_always_has_a_next_attempt_within_bounds(
    attempts: int, jitter: float, contacts: int, contact: int
) -> None:
    for outcome in (Unreachable("no"), Refused("no")):
        attempted = tries(attempts=attempts, contact_attempts=attempts, contacts=contacts, contact=contact)
        verdict = delivery.after_attempt(attempted, outcome, NOW, jitter)
        assert isinstance(verdict, Retry)
        assert NOW <= verdict.at <= NOW + delivery.LONGEST_RETRY
        assert verdict.contact in (contact, contact + 1)


def an_incident(state: State, occurrence: int = 1) -> Incident:
    """An incident in this state."""
    return Incident(1, "job", "job", "silent", state, Severity.ERROR, occurrence, OPS, 1, NOW, next_at=NOW)


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        (NoticeKind.PAGE, {State.OPEN}),
        (NoticeKind.UPDATE, {State.OPEN, State.ACKNOWLEDGED, State.SNOOZED}),
        (NoticeKind.ACKNOWLEDGED, {State.ACKNOWLEDGED, State.SNOOZED}),
        (NoticeKind.RECOVERED, {State.RESOLVED}),
    ],
)
def test_a_notice_is_needed_while_it_is_true(kind: NoticeKind, needed: set[State]) -> None:
    assert {state for state in State if delivery.still_needed(kind, 1, an_incident(state))} == needed
    later = {state for state in State if delivery.still_needed(kind, 1, an_incident(state, 2))}
    assert later == needed & {State.RESOLVED}
