"""A step is a difference between the clock and the time that has passed."""

from datetime import timedelta

import pytest

from heartbeat.clock_reading import ABSENCE, CALM, LONG, Reading, Witness, step_between
from tests.unit.conftest import NOW

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
FIRST = Reading(NOW, 100.0, "this start")


def later(
    seconds: float, step: timedelta = timedelta(), boot: str = "this start", error: float = 0.0
) -> Reading:
    at = NOW + timedelta(seconds=seconds) + step
    return Reading(at, 100.0 + seconds, boot, timedelta(seconds=error))


@pytest.mark.parametrize("length", [SECOND, -SECOND, HOUR, -365 * 24 * HOUR])
def test_a_step_is_noticed_with_its_length(length: timedelta) -> None:
    step = step_between(FIRST, later(1, length), NOW)
    assert step is not None
    assert (step.length, step.before, step.began) == (length, NOW + SECOND, NOW + length)


@pytest.mark.parametrize("reading", [later(3600), later(1, 0.4 * SECOND), later(1, SECOND, error=0.6)])
def test_drift_and_a_slow_answer_are_no_step(reading: Reading) -> None:
    assert step_between(FIRST, reading, NOW) is None


def test_after_another_start_only_a_step_back_can_be_noticed() -> None:
    assert step_between(FIRST, later(-60, HOUR, boot="another"), NOW) is None
    step = step_between(FIRST, later(-60, -HOUR, boot="another"), NOW)
    assert step is not None
    assert step.length == -HOUR - timedelta(seconds=60)


def test_what_is_known_moves_with_the_clock_and_begins_again_with_the_machine() -> None:
    witness = Witness(FIRST, NOW - HOUR)
    moved, _ = witness.seen(later(1, HOUR))
    assert moved.known_since == NOW
    restarted, _ = witness.seen(later(-60, HOUR, boot="another"))
    assert restarted.known_since == restarted.reading.at


@pytest.mark.parametrize(
    ("reading", "calm"),
    [
        (later(1), True),
        (later(1, LONG - SECOND), True),
        (later(1, LONG), False),
        (later(1, -LONG), False),
        (later(-60, ABSENCE, boot="another"), True),
        (later(-60, ABSENCE + HOUR, boot="another"), False),
    ],
)
def test_a_clock_is_calm_unless_it_was_set_by_far_or_was_away_for_long(reading: Reading, calm: bool) -> None:
    witness, _ = Witness(FIRST, NOW).seen(reading)
    assert witness.calm(reading.elapsed) == calm
    assert witness.calm(reading.elapsed + CALM)
