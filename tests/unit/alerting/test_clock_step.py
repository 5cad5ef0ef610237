"""What has happened and what is waited for keep their distance from now when the clock is set."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.clock_step import Step
from tests.unit.conftest import NOW

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
YEAR = timedelta(days=365)
LOOKED = timedelta(seconds=1)
"""The time between two looks at the clock."""
lengths = st.timedeltas(-YEAR, YEAR).filter(lambda length: abs(length) > SECOND)
ages = st.timedeltas(timedelta(), YEAR)


def step_of(length: timedelta, known_since: datetime = NOW - 2 * YEAR) -> Step:
    """A step just before `NOW`, as the old clock would show it."""
    return Step(NOW, NOW + length, NOW + length - LOOKED, known_since)


@given(lengths, ages)
def test_a_fact_keeps_its_age_or_looks_younger_and_is_never_in_the_future(
    length: timedelta, age: timedelta
) -> None:
    step = step_of(length)
    age_now = step.after - step.fact(NOW - age)
    assert timedelta() <= age_now <= age
    assert age - age_now <= abs(length), "by the length of the step at most"
    if step.back and NOW - age > step.after:
        assert age_now == age


@given(lengths, ages)
def test_a_wait_is_never_longer_than_its_rest(length: timedelta, rest: timedelta) -> None:
    step = step_of(length)
    assert step.wait(NOW + rest, NOW - HOUR) - step.after <= rest


@pytest.mark.parametrize("length", [HOUR, -HOUR])
def test_a_quiet_keeps_its_rest(length: timedelta) -> None:
    step = step_of(length)
    assert step.quiet(NOW + HOUR, NOW - 10 * MINUTE) - step.after == HOUR
    since_the_step = step.after - LOOKED / 2
    assert step.quiet(step.after + HOUR, since_the_step) == step.after + HOUR


def test_what_nobody_has_watched_stays_after_a_step_back_unless_it_lies_in_the_future() -> None:
    step = step_of(-HOUR, known_since=NOW - MINUTE)
    before = NOW - 3 * HOUR
    assert step.fact(before) == before
    assert step.quiet(NOW + HOUR, before) == NOW + HOUR
    assert step.fact(NOW - 2 * MINUTE) == NOW - 2 * MINUTE - HOUR


def test_an_attempt_comes_no_later() -> None:
    assert step_of(-HOUR).attempt(NOW + MINUTE) == NOW - HOUR + MINUTE
    assert step_of(HOUR).attempt(NOW + MINUTE) == NOW + MINUTE


def test_what_lies_nowhere_stays_nowhere() -> None:
    assert step_of(HOUR).fact(None) is None
    assert step_of(HOUR).wait(None, NOW) is None
