"""The plan of a stream: one by one, together, or later."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting import digest
from alerting.digest import ALONE, BUNDLED, GAP, HANDFUL, LATELY, LastDigest, Plan, Waiting
from tests.unit.conftest import NOW

ERRORS, CRITICAL = 1, 0


def after(seconds: float, worst: int = ERRORS) -> LastDigest:
    """A digest that was sent so many seconds ago."""
    return LastDigest(NOW - timedelta(seconds=seconds), worst)


@pytest.mark.parametrize(
    ("due", "lately", "plan"), [(5, 0, ALONE), (6, 0, BUNDLED), (1, 4, ALONE), (1, 5, BUNDLED)]
)
def test_a_handful_within_a_minute_goes_alone(due: int, lately: int, plan: Plan) -> None:
    assert digest.plan(Waiting({ERRORS: due}), lately, None, NOW) == plan


def test_the_next_digest_follows_after_a_gap() -> None:
    waiting = Waiting({ERRORS: 1})
    assert digest.plan(waiting, 0, after(29), NOW) == Plan(
        alone_below=ERRORS, until=NOW + timedelta(seconds=1)
    )
    assert digest.plan(waiting, 0, after(30), NOW) == BUNDLED
    assert digest.plan(waiting, 0, after(60), NOW) == ALONE


def test_what_is_worse_than_the_last_digests_does_not_wait() -> None:
    until = NOW + GAP - timedelta(seconds=5)
    few = digest.plan(Waiting({CRITICAL: HANDFUL, ERRORS: 9}), 0, after(5), NOW)
    assert few == Plan(alone_below=ERRORS, until=until)
    many = digest.plan(Waiting({CRITICAL: HANDFUL + 1, ERRORS: 9}), 0, after(5), NOW)
    assert many == Plan(bundled_below=ERRORS, until=until)


def test_what_a_rate_limit_held_back_goes_together() -> None:
    assert digest.plan(Waiting({ERRORS: 2}, throttled=True), 0, None, NOW) == BUNDLED
    assert digest.plan(Waiting({ERRORS: 1}, throttled=True), 0, None, NOW) == ALONE


@given(
    st.dictionaries(st.integers(0, 3), st.integers(1, 9), min_size=1),
    st.integers(0, 9),
    st.none() | st.builds(after, st.floats(0, 100), st.integers(0, 3)),
)
def test_no_notice_is_left_without_a_way(
    by_rank: dict[int, int], lately: int, last: LastDigest | None
) -> None:
    plan = digest.plan(Waiting(by_rank), lately, last, NOW)
    for rank in by_rank:
        goes = rank < max(plan.bundled_below, plan.alone_below)
        assert goes or (plan.until is not None and NOW < plan.until <= NOW + GAP)
    assert GAP < LATELY
