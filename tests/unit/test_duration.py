"""Durations: what is written, what it means, and how it is said."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat import duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("0s", timedelta()),
        ("30s", timedelta(seconds=30)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("1w", timedelta(weeks=1)),
        ("1h30m", timedelta(minutes=90)),
        ("1w2d3h4m5s", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)),
        ("90m", timedelta(minutes=90)),
    ],
)
def test_a_duration_is_understood(text: str, length: timedelta) -> None:
    assert duration.parse(text) == length


@pytest.mark.parametrize(
    "text", ["", "15", "15x", "m", "1m1h", "1.5h", "-1m", "1 h", "1h ", "1H", "1h\n", "٣m", "9999999s"]
)
def test_other_text_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write for example 15m, 2h or 1d"):
        duration.parse(text)


@given(st.integers(0, 10**9))
def test_a_written_duration_is_understood(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert duration.parse(duration.written(length)) == length


@pytest.mark.parametrize(
    ("length", "text", "phrase"),
    [
        (timedelta(), "0s", "0 s"),
        (timedelta(seconds=90), "1m30s", "1 min 30 s"),
        (timedelta(minutes=15), "15m", "15 min"),
        (timedelta(days=1, hours=1), "1d1h", "1 day 1 h"),
        (timedelta(days=30), "30d", "30 days"),
    ],
)
def test_a_duration_is_written_for_machines_and_people(length: timedelta, text: str, phrase: str) -> None:
    assert (duration.written(length), duration.in_words(length)) == (text, phrase)
