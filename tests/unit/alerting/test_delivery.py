"""The verdict on an attempt to deliver, and the end of notices that are not true any more."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting import delivery
from alerting.delivery import Delivered, Expired, Onward, Retry, Tries
from alerting.escalation import Policy, Step
from alerting.incident import Incident, State
from alerting.notice import NoticeKind
from alerting.notifiers.contract import Accepted, Refused, Unreachable
from alerting.person import Contact
from alerting.severity import Severity
from tests.unit.conftest import NOW

WAYS = (Contact("pager", "first"), Contact("pager", "second"))
OPS = Policy("ops", (Step(("first",), timedelta(minutes=5)),))


def tries(**changes: object) -> Tries:
    fields = {
        "kind": NoticeKind.PAGE,
        "created_at": NOW,
        "attempts": 0,
        "contact_attempts": 0,
        "contact": 0,
        "ways": WAYS,
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
        tries(ways=WAYS[:1], attempts=50, contact_attempts=50), Unreachable("503"), NOW, 0
    )
    assert verdict == Retry(NOW + timedelta(minutes=5), 0, 51)


def test_retry_after_is_honoured_up_to_an_hour_where_there_is_no_other_contact() -> None:
    alone = tries(ways=WAYS[:1])
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
    tired = tries(kind=kind, attempts=9, contact_attempts=9)
    verdict = delivery.after_attempt(tired, Unreachable("503"), NOW, 0)
    assert verdict == Retry(NOW + delivery.LONGEST_RETRY, 0, 10)
    assert delivery.after_attempt(tired, Refused("gone"), NOW, 0) == Expired()


@given(st.integers(0, 1000), st.floats(0, 1), st.integers(1, 5), st.integers(0, 100))
def test_a_page_that_was_not_accepted_always_has_a_next_attempt_within_bounds(
    attempts: int, jitter: float, contacts: int, contact: int
) -> None:
    for outcome in (Unreachable("no"), Refused("no")):
        attempted = tries(
            attempts=attempts, contact_attempts=attempts, ways=WAYS[:1] * contacts, contact=contact
        )
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


MINUTE = timedelta(minutes=1)
STEPPED = (WAYS[0], WAYS[1], Contact("voice", "third", after=5 * MINUTE))
"""The second contact is for the failure of the first; the third has a time of its own."""


def test_an_accepted_page_moves_on_at_the_time_of_the_next_contact_that_has_one() -> None:
    taken = delivery.after_attempt(tries(ways=STEPPED), Accepted(), NOW + MINUTE, 0)
    assert taken == Delivered(NOW + 5 * MINUTE)
    last = tries(ways=STEPPED, contact=2)
    assert delivery.after_attempt(last, Accepted(), NOW + MINUTE, 0) == Delivered()


def test_an_accepted_page_waits_for_its_receipt_or_the_next_contact_whichever_is_earlier() -> None:
    soon = delivery.after_attempt(tries(ways=STEPPED), Accepted(), NOW, 0, receipt_within=MINUTE)
    assert soon == Delivered(NOW + MINUTE, NOW + MINUTE)
    late = delivery.after_attempt(tries(ways=STEPPED), Accepted(), NOW, 0, receipt_within=9 * MINUTE)
    assert late == Delivered(NOW + 5 * MINUTE, NOW + 9 * MINUTE)


@pytest.mark.parametrize("kind", [NoticeKind.UPDATE, NoticeKind.RECOVERED, NoticeKind.ACKNOWLEDGED])
def test_only_a_page_moves_on(kind: NoticeKind) -> None:
    taken = delivery.after_attempt(tries(kind=kind, ways=STEPPED), Accepted(), NOW, 0, MINUTE)
    assert taken == Delivered()


def test_a_contact_that_fails_does_not_take_the_time_of_the_next() -> None:
    urgent = (WAYS[0], Contact("voice", "second", after=timedelta(seconds=7)))
    verdict = delivery.after_attempt(
        tries(ways=urgent, attempts=1, contact_attempts=1), Unreachable("503"), NOW, 0
    )
    assert verdict == Retry(NOW + timedelta(seconds=7), contact=1, contact_attempts=0)


def test_an_unanswered_page_skips_the_contacts_without_a_time() -> None:
    page = tries(ways=STEPPED)
    assert delivery.onward(page, None, NOW + 5 * MINUTE) == Onward(2)
    assert delivery.onward(page, None, NOW + 4 * MINUTE) == Delivered(NOW + 5 * MINUTE)


def test_a_page_without_a_receipt_goes_to_the_very_next_contact() -> None:
    page, due = tries(ways=STEPPED), NOW + MINUTE
    assert delivery.onward(page, due, due) == Onward(1, receipt_missing=True)
    assert delivery.onward(page, due, NOW) == Delivered(due, due)


def test_a_page_without_a_receipt_ends_at_the_last_contact_and_does_not_begin_again() -> None:
    """The policy pages again in any case; each page would go round for ever."""
    page = tries(ways=STEPPED, contact=2)
    assert delivery.onward(page, NOW, NOW) == Onward(None, receipt_missing=True)


@given(st.integers(0, 30), st.integers(1, 5), st.lists(st.integers(0, 90), min_size=5, max_size=5))
def test_a_page_moves_on_only_to_later_contacts_of_the_list(
    contact: int, contacts: int, minutes: list[int]
) -> None:
    ways = tuple(Contact("pager", str(n), after=minutes[n] * MINUTE if n else None) for n in range(contacts))
    where = delivery.onward(tries(ways=ways, contact=contact), None, NOW + 100 * MINUTE)
    if isinstance(where, Onward):
        assert where.contact is not None
        assert where.contact % contacts > contact % contacts
