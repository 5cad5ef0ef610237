"""After some failures in a row, one page at a time probes a contact."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerting import breaker
from alerting.breaker import FAILURES, FIRST_WAIT, HEALTHY, LONGEST_WAIT, Broken, Channel
from alerting.notice import NoticeKind
from alerting.notifiers.contract import Accepted, Outcome, Refused, Unreachable
from alerting.person import Contact
from tests.unit.conftest import NOW

LOST = Unreachable("connection refused")


def failed(times: int, broken: Broken = HEALTHY) -> Broken:
    for _ in range(times):
        broken = breaker.after(broken, LOST, NOW)
    return broken


def test_a_few_failures_hold_nothing() -> None:
    assert failed(FAILURES - 1).probe_at is None
    assert failed(FAILURES).probe_at == NOW + FIRST_WAIT


def test_failures_of_what_was_under_way_already_do_not_lengthen_the_wait() -> None:
    assert failed(FAILURES + 20).probe_at == NOW + FIRST_WAIT


def test_each_failed_probe_doubles_the_wait_up_to_a_minute() -> None:
    state, waits = failed(FAILURES), []
    for _ in range(6):
        state = breaker.after(breaker.begun(state, NOW), LOST, NOW)
        waits.append(state.wait.seconds)
    assert waits == [10, 20, 40, 60, 60, 60]
    assert state.wait == LONGEST_WAIT


@pytest.mark.parametrize("outcome", [Accepted(), Refused("404"), Unreachable("429", throttled=True)])
def test_any_answer_ends_it(outcome: Outcome) -> None:
    assert breaker.after(failed(FAILURES), outcome, NOW) == HEALTHY


ONLY, OTHER = Contact("pager", "only"), Contact("mail", "other")


def test_a_page_waits_for_a_broken_contact_only_if_it_can_go_nowhere_else() -> None:
    """The contacts of a person for warnings may be fewer than those for what is critical."""
    down = {breaker.key(ONLY): failed(FAILURES)}
    pages = [
        (1, NoticeKind.PAGE, (ONLY,), ONLY),
        (2, NoticeKind.PAGE, (ONLY, OTHER), ONLY),
        (3, NoticeKind.PAGE, (ONLY,), ONLY),
        (4, NoticeKind.UPDATE, (ONLY, OTHER), ONLY),
        (5, NoticeKind.PAGE, (OTHER,), OTHER),
    ]
    assert breaker.held(pages, down, NOW) == {
        1: NOW + FIRST_WAIT,
        3: NOW + LONGEST_WAIT,
        4: NOW + LONGEST_WAIT,
    }
    assert list(breaker.held(pages, down, NOW + FIRST_WAIT)) == [3, 4], "the first one probes"


def test_a_probe_without_an_outcome_is_followed_by_another_one_after_its_lease() -> None:
    state = breaker.begun(failed(FAILURES), NOW)
    assert state.probe_at == NOW + timedelta(seconds=30)
    assert breaker.begun(failed(1), NOW) == failed(1)


def channel_of(*contacts: str, outcome: Outcome = LOST) -> Channel:
    """A channel after an outcome at each of these contacts, one after the other."""
    channel = breaker.NOTHING_FAILS
    for address in contacts:
        channel = breaker.channel_after(channel, Contact("sms", address), outcome, NOW)
    return channel


def test_a_channel_is_broken_once_several_contacts_have_failed_in_a_row() -> None:
    assert not channel_of("1", "2", "3", "4").is_broken, "four failures"
    assert channel_of("1", "2", "3", "4", "5").is_broken
    assert not channel_of(*"11111111111").is_broken, "one contact alone"
    assert not channel_of(*"1212121212").is_broken
    assert channel_of(*"11112223").is_broken


def test_an_answer_mends_a_channel() -> None:
    broken = channel_of("1", "2", "3", "4", "5")
    for answer in (Accepted(), Refused("no such number"), Unreachable("slow down", throttled=True)):
        assert breaker.channel_after(broken, Contact("sms", "9"), answer, NOW) == breaker.NOTHING_FAILS


SMS, MAIL = Contact("sms", "1"), Contact("email", "a@example.com")


@pytest.mark.parametrize(
    ("ways", "present", "broken", "expected"),
    [
        ((SMS, MAIL), 0, {"sms"}, 1),
        ((SMS, MAIL), 2, {"sms"}, 3),
        ((MAIL, SMS), 1, {"sms"}, 2),
        ((SMS, Contact("sms", "2"), MAIL), 0, {"sms"}, 2),
        ((SMS, MAIL), 1, {"sms"}, None),
        ((SMS,), 0, {"sms"}, None),
        ((SMS, MAIL), 0, {"sms", "email"}, None),
        ((SMS, MAIL), 0, set(), None),
    ],
)
def test_a_page_goes_past_a_broken_channel_to_the_next_that_works(
    ways: tuple[Contact, ...], present: int, broken: set[str], expected: int | None
) -> None:
    channels = dict.fromkeys(broken, channel_of("1", "2", "3", "4", "5"))
    passed = breaker.passed_over([(7, ways, present)], channels, NOW)
    assert passed == ({} if expected is None else {7: expected})


def test_one_page_at_a_time_probes_a_broken_channel() -> None:
    channel = channel_of("1", "2", "3", "4", "5")
    pages = [(number, (SMS, MAIL), 0) for number in range(4)]
    at = channel.broken.probe_at
    assert at is not None
    assert breaker.passed_over(pages, {"sms": channel}, at) == {1: 1, 2: 1, 3: 1}
    probing = replace(channel, broken=breaker.begun(channel.broken, at))
    assert breaker.passed_over(pages, {"sms": probing}, at) == {0: 1, 1: 1, 2: 1, 3: 1}
    failed = breaker.channel_after(probing, SMS, LOST, at)
    assert failed.broken.probe_at is not None
    assert failed.broken.probe_at > at
