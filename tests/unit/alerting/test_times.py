"""Times and durations, as people say them."""

from datetime import UTC, datetime, timedelta

import pytest

from alerting import times

NOW = datetime(2024, 5, 3, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (0.0001, "1 ms"),
        (0.25, "250 ms"),
        (0.9999, "1 s"),
        (1, "1 s"),
        (45, "45 s"),
        (60, "1 min"),
        (12 * 60 + 59, "12 min"),
        (3600, "1 h"),
        (16_680, "4 h 38 min"),
        (86_400, "24 h"),
        (87_240, "24 h"),
        (172_800, "2 days"),
    ],
)
def test_durations_have_at_most_two_units(seconds: float, words: str) -> None:
    assert times.duration(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.9, "just now"), (1, "1 s ago"), (86_400, "24 h ago")])
def test_an_age_ends_with_ago(seconds: float, words: str) -> None:
    assert times.ago(NOW - timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("at", "timezone", "text"),
    [
        (NOW, "Europe/London", "04:00"),
        (NOW - timedelta(hours=4), "UTC", "02 May 23:00"),
        (NOW - timedelta(hours=4), "Europe/London", "00:00"),
        (NOW + timedelta(days=365), "UTC", "03 May 2025 03:00"),
        (NOW, "Nowhere/City", "03:00"),
    ],
)
def test_an_instant_is_told_in_the_readers_zone_with_another_day(
    at: datetime, timezone: str, text: str
) -> None:
    assert times.instant(at, NOW, timezone) == text


def test_a_zone_is_named_as_clocks_name_it_then() -> None:
    assert times.zone_name(NOW, "Europe/London") == "BST"
    assert times.zone_name(NOW - timedelta(days=90), "Europe/London") == "GMT"


def test_counts_and_names_are_phrases() -> None:
    assert [times.count(number, "job") for number in (0, 1, 2)] == ["0 jobs", "1 job", "2 jobs"]
    assert [times.names(names) for names in (["Ann"], ["Ann", "Bob"], ["Ann", "Bob", "Cem"])] == [
        "Ann",
        "Ann and Bob",
        "Ann, Bob and Cem",
    ]


def test_a_readers_clock_tells_instants_with_zone_and_age() -> None:
    clock = times.Clock(NOW, "Europe/London")
    assert clock.at(NOW) == "04:00 BST"
    assert clock.aged(NOW - timedelta(minutes=8)) == "03:52 BST (8 min ago)"
