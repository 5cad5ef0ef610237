"""The strip of the coming 14 days on the screen of a rotation: its shifts, its gaps, its days."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from alerting import coverage
from alerting.coverage import Gap, Lack
from alerting.rotation import Layer, Length, Rotation, Window
from heartbeat.http.console.on_call import coverage_strip
from tests.unit.conftest import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NAMES = {"anna": "Anna", "ben": "Ben"}
BEGINS = (NOW - DAY).replace(hour=9, tzinfo=None)
DAILY = Rotation("infra", "UTC", (Layer(("anna", "ben"), Length.parse("1d"), BEGINS),))


def test_each_shift_is_a_band_and_together_they_are_the_whole_time() -> None:
    strip = coverage_strip.of("ops", DAILY, [], NAMES, NOW)
    assert {band.kind for band in strip.bands} == {"sure"}
    assert len(strip.bands) == 15
    assert strip.bands[0].x == 0
    assert all(
        left.x + left.width == pytest.approx(right.x, abs=0.02) for left, right in pairwise(strip.bands)
    )
    assert strip.bands[-1].x + strip.bands[-1].width == pytest.approx(coverage_strip.WIDTH, abs=0.02)
    assert strip.bands[0].words == "now until Fri 03 May 09:00 UTC: Anna"
    assert strip.bands[1].words == "Fri 03 May 09:00 to Sat 04 May 09:00 UTC: Ben"
    assert strip.words == "Coverage of ops over the coming 14 days: no gap"
    assert strip.last == "Fri 17 May"


def test_a_gap_is_a_band_of_its_own_within_a_shift_and_says_why() -> None:
    gaps = [
        Gap("ops", NOW, NOW + HOUR, Lack.UNPROVEN, ("Anna",)),
        Gap("ops", NOW + 13 * DAY, None, Lack.NO_CONTACT, ("Ben",)),
    ]
    strip = coverage_strip.of("ops", DAILY, gaps, NAMES, NOW)
    first, second = strip.bands[:2]
    assert (first.kind, first.width) == ("unproven", 1)
    assert first.words == "now until Fri 03 May 04:00 UTC: Anna (nobody on call has a proven contact)"
    assert second.kind == "sure"
    assert [band.kind for band in strip.bands[-2:]] == ["nobody", "nobody"], "it goes on to the end"
    assert strip.words == "Coverage of ops over the coming 14 days: 2 gaps, the first 03 May 03:00 UTC"


def test_hours_of_nobody_are_named_as_such() -> None:
    office = Rotation(
        "office", "UTC", (Layer(("anna",), Length.parse("1d"), BEGINS, (Window(opens=9 * HOUR),)),)
    )
    gap = Gap("ops", NOW, NOW + 6 * HOUR, Lack.NOBODY)
    band = coverage_strip.of("ops", office, [gap], NAMES, NOW).bands[0]
    assert (band.kind, band.words) == ("nobody", "now until Fri 03 May 09:00 UTC: nobody")


@pytest.mark.parametrize(
    ("zone", "now", "first", "length"),
    [
        ("UTC", NOW, 21, 24),
        ("Europe/Berlin", datetime(2024, 3, 30, 21, tzinfo=UTC), 2, 23),
        ("Europe/Berlin", datetime(2024, 10, 26, 20, tzinfo=UTC), 2, 25),
    ],
)
def test_days_begin_at_midnight_of_the_rotation(
    zone: str, now: datetime, first: float, length: float
) -> None:
    """The day on which the clock goes forward has 23 hours, and the one on which it goes back 25."""
    strip = coverage_strip.of("ops", Rotation("infra", zone, DAILY.layers), [], NAMES, now)
    assert len(strip.midnights) == 14
    assert (strip.midnights[0], strip.midnights[1] - strip.midnights[0]) == (first, length)
    assert max(strip.midnights) < coverage_strip.WIDTH == coverage.AHEAD / HOUR
