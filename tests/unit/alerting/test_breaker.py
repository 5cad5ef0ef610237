"""After some failures in a row, one page at a time probes a contact."""

from datetime import timedelta

import pytest

from alerting import breaker
from alerting.breaker import FAILURES, FIRST_WAIT, HEALTHY, LONGEST_WAIT, Broken
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
