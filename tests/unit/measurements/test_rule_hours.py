"""What a condition finds in hours of which only the lowest, middle and highest values are kept."""

from datetime import timedelta

import pytest

from heartbeat.checks import rule_grammar
from heartbeat.measurements import rule_hours
from heartbeat.measurements.history import Spread
from tests.unit.conftest import NOW


def broken(text: str, *spreads: Spread) -> list[int]:
    """Return the numbers of the hours that break a rule."""
    hours = [(NOW + timedelta(hours=number), spread) for number, spread in enumerate(spreads)]
    found = rule_hours.findings(rule_grammar.parse(text), hours)
    return [number for number, (_, finding) in enumerate(found) if not finding.kept]


def flat(*middles: float, around: float = 0, count: int = 6) -> list[Spread]:
    return [Spread(count, middle - around, middle, middle + around) for middle in middles]


def test_a_limit_is_broken_by_the_lowest_or_the_highest_value() -> None:
    hours = flat(10, 20, 10, around=5)
    assert broken("rows > 5", *hours) == [0, 2]
    assert broken("rows < 25", *hours) == [1]


def test_a_median_is_that_of_the_values_before_the_hour() -> None:
    hours = [*flat(10, 10, 10), Spread(6, 10, 10, 31), *flat(10)]
    assert broken("rows < 3x median of 12 runs", *hours) == [3]
    assert broken("rows > 0.5x median of 12 runs", *flat(10, 10), Spread(6, 4, 10, 10)) == [2]


@pytest.mark.parametrize(("count", "number"), [(1, 5), (2, 3), (6, 1)])
def test_a_median_needs_as_many_runs_as_in_the_ring(count: int, number: int) -> None:
    quiet = flat(*[10] * number, count=count)
    assert broken("rows < 3x median of 30 runs", *quiet, *flat(90)) == [number]
    assert broken("rows < 3x median of 30 runs", *quiet[1:], *flat(90)) == []


def test_a_trend_and_an_estimate_follow_the_middles() -> None:
    assert broken("rows falls over 3 runs", *flat(9, 8, 7, 7, 7, 6, around=3)) == [4]
    assert broken("rows eta < 10h", *flat(9, 8, 7, 7, 7, 7)) == [3, 4, 5]


def test_nothing_is_found_of_bodies() -> None:
    assert broken('body has "ok"', *flat(1, 2)) == []


def test_the_method_is_told() -> None:
    told = [rule_hours.method(rule_grammar.parse(text)) for text in ("rows > 0", "rows rises over 3 runs")]
    assert told == ["by the lowest and highest value of each hour", "by the median of each hour"]
