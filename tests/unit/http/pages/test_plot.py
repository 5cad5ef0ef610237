"""Durations of runs, drawn and in words."""

from datetime import UTC, datetime, timedelta

import pytest

from heartbeat.checks.check import Signal
from heartbeat.http.pages import plot
from heartbeat.http.pages.run_strip import EndedRun

NOW = datetime(2026, 5, 3, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def runs(*minutes: float | None, fails: tuple[int, ...] = ()) -> list[EndedRun]:
    """Runs, oldest first, that took so long; None was not timed."""
    return [
        EndedRun(
            n,
            NOW + n * MINUTE,
            Signal.FAIL if n in fails else Signal.SUCCESS,
            None if took is None else took * MINUTE,
        )
        for n, took in enumerate(minutes, 1)
    ]


def test_without_durations_nothing_is_drawn() -> None:
    assert plot.of([], None) is None
    assert plot.of(runs(None, None), MINUTE) is None


def test_bars_are_in_order_to_scale_and_on_the_right() -> None:
    drawn = plot.of(runs(1, None, 2, 4)[::-1], None)
    assert drawn is not None
    assert [bar.took for bar in drawn.bars] == [MINUTE, 2 * MINUTE, 4 * MINUTE]
    assert [bar.height for bar in drawn.bars] == [25, 50, 100]
    assert [bar.y for bar in drawn.bars] == [75, 50, 0]
    assert drawn.top == 4 * MINUTE
    last = drawn.bars[-1]
    assert last.x == plot.WIDTH - plot.WIDTH / plot.FEWEST
    assert last.x + last.width <= plot.WIDTH
    assert drawn.limit_y is None


def test_no_more_runs_are_drawn_than_fit() -> None:
    drawn = plot.of(runs(*range(1, 100)), None)
    assert drawn is not None
    assert len(drawn.bars) == plot.RUNS
    assert drawn.bars[0].x == 0
    assert drawn.bars[-1].took == 99 * MINUTE


@pytest.mark.parametrize(("limit", "y"), [(2, 50.0), (4, 0.0), (8, 0.0), (12, 0.0), (13, None)])
def test_the_limit_is_a_line_unless_it_is_far_away(limit: float, y: float | None) -> None:
    drawn = plot.of(runs(1, 4), limit * MINUTE)
    assert drawn is not None
    assert drawn.limit_y == y
    assert f"The maximum is {limit} min" in drawn.words


def test_each_bar_shows_the_result_of_its_run() -> None:
    drawn = plot.of(runs(1, 3, 2, 5, fails=(3, 4)), 2 * MINUTE)
    assert drawn is not None
    assert [bar.kind for bar in drawn.bars] == ["ok", "over", "failed", "failed"]


def test_runs_of_no_length_can_be_seen() -> None:
    drawn = plot.of(runs(0, 0), None)
    assert drawn is not None
    assert [bar.height for bar in drawn.bars] == [1, 1]


@pytest.mark.parametrize(
    ("minutes", "limit", "sentence"),
    [
        ((3,), None, "The only timed run took 3 min."),
        ((3, 3, 3), None, "Each of the last 3 timed runs took 3 min."),
        (
            (1, 2, 9, 4),
            3,
            "The last 4 timed runs took 1 min to 9 min, with a median of 3 min; the newest took 4 min. "
            "The maximum is 3 min: 2 took longer.",
        ),
        ((1, 1), 3, "Each of the last 2 timed runs took 1 min. The maximum is 3 min: none took longer."),
    ],
)
def test_the_caption_says_the_same_as_the_drawing(
    minutes: tuple[float, ...], limit: float | None, sentence: str
) -> None:
    drawn = plot.of(runs(*minutes), None if limit is None else limit * MINUTE)
    assert drawn is not None
    assert drawn.words == sentence


def test_a_run_below_the_shortest_time_is_marked() -> None:
    drawn = plot.of(runs(1, 2), None, MINUTE * 1.5)
    assert drawn is not None
    assert [bar.kind for bar in drawn.bars] == ["short", "ok"]
