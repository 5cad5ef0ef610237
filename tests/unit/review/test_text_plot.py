"""A check around an incident in characters: its states, its numbers, and the time that they cover."""

from datetime import timedelta

import pytest

from heartbeat.checks.cause import Cause
from heartbeat.checks.check import State
from heartbeat.checks.finished_run import FinishedRun
from heartbeat.checks.history import Transition
from heartbeat.review import text_plot
from heartbeat.review.text_plot import Span
from tests.unit.conftest import NOW

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DAY = Span(NOW - 4 * HOUR, HOUR, 8)


def change(hours: float, state: State) -> Transition:
    cause = Cause.SILENT if state is State.DOWN else None
    return Transition(1, NOW + hours * HOUR, state, cause, "")


def run(hours: float, **values: float) -> FinishedRun:
    return FinishedRun(NOW + hours * HOUR, values, failed=False)


def drawn(row: str) -> str:
    """Return the drawing of a row, without its name."""
    return row[text_plot.LONGEST_NAME + 1 :]


def test_the_first_row_says_what_time_a_plot_covers() -> None:
    first, *_ = text_plot.rows(DAY, [], [], {})
    assert first.strip() == "from 02 May 2024 23:00 UTC, 1 h each"


def test_the_worst_state_of_a_column_is_drawn() -> None:
    changes = [
        change(0.2, State.DOWN),
        change(-3, State.UP),
        change(1.1, State.UP),
        change(1.2, State.PAUSED),
    ]
    _, states = text_plot.rows(DAY, changes, [], {})
    assert drawn(states) == " ···██=="


def test_a_state_from_before_the_plot_is_drawn_from_its_first_column() -> None:
    _, states = text_plot.rows(DAY, [change(-99, State.UP), change(2, State.UNKNOWN)], [], {})
    assert drawn(states) == "······??"


def test_each_number_has_a_row_with_its_extent() -> None:
    runs = [run(-3.5, rows=800, duration=60), run(-2.5, rows=400, duration=120), run(2, rows=0, duration=1)]
    _, _, duration, rows = text_plot.rows(DAY, [], runs, {})
    assert drawn(duration) == "▅█    ▁   1 s to 2 min"
    assert drawn(rows) == "█▅    ▁   0 to 800"


def test_hours_count_for_the_time_before_the_kept_runs() -> None:
    hours = {"rows": [(NOW - 3.5 * HOUR, 10.0), (NOW + 2.5 * HOUR, 999.0)]}
    _, _, rows = text_plot.rows(DAY, [], [run(-1, rows=20)], hours)
    assert drawn(rows) == "▅  █      10 to 20"


def test_sizes_of_bodies_and_exit_statuses_are_no_numbers_of_a_job() -> None:
    assert len(list(text_plot.rows(DAY, [], [run(0, body_size=3, exit_status=1)], {}))) == 2


@pytest.mark.parametrize("values", [(-1.7e308, 1.7e308), (0.0, 0.0), (5.0, 5.0), (-3.0, -1.0)])
def test_any_numbers_can_be_drawn(values: tuple[float, float]) -> None:
    runs = [run(-2, rows=values[0], duration=1e300), run(-1, rows=values[1])]
    assert len(list(text_plot.rows(DAY, [], runs, {}))) == 4


@pytest.mark.parametrize(
    ("took", "period", "width"),
    [
        (10 * MINUTE, MINUTE, MINUTE),
        (5 * HOUR, timedelta(days=1), 6 * HOUR),
        (timedelta(days=400), None, timedelta(days=30)),
        (timedelta(), timedelta(days=365), timedelta(days=100)),
    ],
)
def test_a_plot_shows_runs_before_the_incident_in_columns_of_a_round_width(
    took: timedelta, period: timedelta | None, width: timedelta
) -> None:
    span = text_plot.span_of(NOW, NOW + took, period, NOW + took)
    assert span.width == width
    assert span.start <= NOW - max(took, 12 * (period or timedelta()))
    assert span.count <= text_plot.COLUMNS
    assert span.column(NOW + took) < span.count
