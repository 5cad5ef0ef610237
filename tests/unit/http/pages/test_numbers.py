"""The rows of numbers on a check's screen."""

from collections.abc import Mapping
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from heartbeat.checks.finished_run import FinishedRun
from heartbeat.http.pages import numbers
from heartbeat.measurements.history import Day, Spread
from tests.unit.conftest import NOW


def runs(*values: Mapping[str, float]) -> list[FinishedRun]:
    return [
        FinishedRun(NOW + timedelta(minutes=minute), numbers_, failed=False)
        for minute, numbers_ in enumerate(values)
    ]


def test_each_number_has_its_last_value_its_extremes_and_a_line() -> None:
    first, second = numbers.of(
        runs(
            {"rows": 4, "duration": 3.0}, {"left": 9000}, {"rows": 2}, {"rows": 3, "left": 0, "body_size": 2}
        )
    )
    assert (first.name, first.last, first.lowest, first.median, first.highest) == ("rows", "3", "2", "3", "4")
    assert first.at == NOW + timedelta(minutes=3)
    assert first.line == "M0 1L80 23L120 12"
    assert first.words == "3 values from 2 to 4, the last 3"
    assert (second.name, second.line) == ("left", "M40 1L120 23")


def test_equal_values_are_a_level_line_and_a_single_one_is_a_dash() -> None:
    (level,) = numbers.of(runs({"a": 5}, {"a": 5}))
    assert (level.line, level.words) == ("M0 12L120 12", "2 values, all 5")
    assert [numbers.of(runs({"a": 5}))[0].line, numbers.of(runs({}, {"a": 5}))[0].line] == [
        "M0 12L3 12",
        "M117 12L120 12",
    ]


def test_without_reported_numbers_there_are_no_rows() -> None:
    assert numbers.of([]) == []
    assert numbers.of(runs({"duration": 1.5, "exit_status": 0, "body_size": 12})) == []


def test_the_table_by_day_has_reported_numbers_first_and_the_newest_day_on_top() -> None:
    def a_day(value: float) -> Day:
        spread = Spread(2, value, value, value + 1)
        return Day(spread, {3: spread})

    days = {NOW.date() - timedelta(days=age): a_day(age) for age in (1, 0)}
    history = {"duration": days, "rows": days, "gone": days}
    rows = numbers.by_day(history, ["rows", "unknown"])
    assert [(row.day.day, row.name, row.count, row.lowest, row.highest) for row in rows] == [
        (3, "rows", 2, "0", "1"),
        (3, "duration", 2, "0", "1"),
        (2, "rows", 2, "1", "2"),
        (2, "duration", 2, "1", "2"),
    ]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_every_line_stays_in_its_drawing(values: list[float]) -> None:
    (row,) = numbers.of(runs(*({"a": value} for value in values)))
    points = [point.split(" ") for point in row.line.removeprefix("M").split("L")]
    assert all(0 <= float(x) <= numbers.WIDTH and 0 <= float(y) <= numbers.HEIGHT for x, y in points)
