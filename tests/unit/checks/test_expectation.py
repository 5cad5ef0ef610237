"""What is expected of runs: read, written, stored and in words."""

from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat.checks import expectation
from heartbeat.checks.expectation import MOST_RUNS, NOTHING, Expectation, RunLimit
from heartbeat.checks.time_of_day import Window

HOUR = timedelta(hours=1)
limits = st.builds(
    RunLimit, st.integers(1, MOST_RUNS), st.integers(1, 31 * 86_400).map(lambda s: timedelta(seconds=s))
)


@given(limits)
def test_a_limit_of_runs_is_read_as_it_was_written(limit: RunLimit) -> None:
    assert RunLimit.parse(limit.written) == limit


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("3", "'3' is no limit of runs; write for example 3 per 1h."),
        ("3 in 1h", "'3 in 1h' is no limit of runs; write for example 3 per 1h."),
        ("3 per hour", "'hour' is not a duration; write for example 15m, 2h or 1d."),
        ("0 per 1h", "'0 per 1h' is out of range; write 1 to 100 runs."),
        ("3 per 0s", "'3 per 0s' is out of range; write a time of 1s to 31d."),
    ],
)
def test_other_text_is_no_limit_of_runs(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as raised:
        RunLimit.parse(text)
    assert str(raised.value) == problem


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (NOTHING, ""),
        (Expectation(finish_by=time(6), timezone="Europe/London"), "to finish by 06:00"),
        (
            Expectation(RunLimit(1, HOUR), timedelta(seconds=30), True, time(6), Window(time(1), time(3))),
            "to finish by 06:00, only between 01:00 and 03:00, one at a time, at most 1 run in 1 h, each at least 30 s",
        ),
        (Expectation(at_most=RunLimit(3, HOUR)), "at most 3 runs in 1 h"),
    ],
)
def test_an_expectation_is_stored_and_said(expected: Expectation, words: str) -> None:
    assert expectation.from_json(expectation.to_json(expected)) == expected
    assert expectation.in_words(expected) == words


def test_nothing_expected_is_stored_as_nothing() -> None:
    assert expectation.to_json(NOTHING) == {}
