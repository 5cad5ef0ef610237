"""Maintenance windows: what they are about, when, and until when a page waits."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.incident import Hold
from heartbeat.checks import maintenance
from heartbeat.checks.maintenance import Phase, WindowDefinition
from tests.unit.conftest import NOW

HOUR = timedelta(hours=1)
LABELS = {"host": "a", "region": "eu"}


def window(begins: float, ends: float, title: str = "move", **match: str) -> WindowDefinition:
    """A window from so many hours after `NOW` to so many."""
    return WindowDefinition(title, "", match or {"host": "a"}, NOW + begins * HOUR, NOW + ends * HOUR)


def test_a_window_is_about_checks_with_all_of_its_labels() -> None:
    assert maintenance.fits(window(0, 1, host="a", region="eu"), LABELS)
    assert not maintenance.fits(window(0, 1, host="a", region="us"), LABELS)
    assert not maintenance.fits(window(0, 1, team="shop"), LABELS)


def test_a_window_begins_and_ends_at_its_instants() -> None:
    phases = [maintenance.phase(window(begins, begins + 1), NOW) for begins in (1, 0.001, 0, -0.999, -1, -2)]
    upcoming, active, past = Phase.UPCOMING, Phase.ACTIVE, Phase.PAST
    assert phases == [upcoming, upcoming, active, active, past, past]


@pytest.mark.parametrize(
    ("windows", "until"),
    [
        ([], None),
        ([window(1, 2)], None),
        ([window(-2, 0)], None),
        ([window(-1, 1, team="shop")], None),
        ([window(-1, 1)], 1),
        ([window(-1, 1), window(0.5, 3)], 3),
        ([window(0.5, 3), window(-1, 1)], 3),
        ([window(-1, 1), window(1, 3)], 3),
        ([window(-1, 1), window(1.5, 3)], 1),
        ([window(-1, 4), window(0.5, 3)], 4),
        ([window(-1, 1), window(0.5, 3, team="shop")], 1),
    ],
)
def test_a_page_waits_for_the_end_of_windows_that_follow_each_other(
    windows: list[WindowDefinition], until: float | None
) -> None:
    held = maintenance.hold(windows, LABELS, NOW)
    assert (held and held.until) == (None if until is None else NOW + until * HOUR)


def test_a_hold_names_the_window_that_ends_it() -> None:
    held = maintenance.hold([window(-1, 1, "first"), window(1, 2, "second")], LABELS, NOW)
    assert held == Hold(NOW + 2 * HOUR, "maintenance second")


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 5)), max_size=6), st.data())
def test_nothing_is_held_for_longer_than_there_are_windows(spans: Any, data: st.DataObject) -> None:
    windows = [window(begins, begins + lasts) for begins, lasts in spans]
    held = maintenance.hold(data.draw(st.permutations(windows)), LABELS, NOW)
    at = NOW
    while covering := [window.ends_at for window in windows if window.starts_at <= at < window.ends_at]:
        at = max(covering)
    assert (held.until if held else NOW) == at


@pytest.mark.parametrize(
    ("begins", "ends", "sentence"),
    [
        (1, 1, "ends_at: must be after starts_at."),
        (-3, -1, "ends_at: must be after now."),
        (0, 24 * 30 + 1, "ends_at: must be at most 30 days after starts_at."),
        (0, 24 * 30, None),
        (-1, 1, None),
    ],
)
def test_a_window_has_an_end_that_is_not_too_far(begins: float, ends: float, sentence: str | None) -> None:
    assert maintenance.fault(window(begins, ends), NOW) == sentence
