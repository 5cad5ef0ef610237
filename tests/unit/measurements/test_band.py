"""The band of usual values: few false marks on jobs that go on as before, and the mark where one does not."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from heartbeat.measurements import band
from heartbeat.measurements.band import Band, hour_of

MONDAY_3 = (0, 3)


def learnt(values: Sequence[float], alike: float = 0) -> Band:
    learnt = band.of([(MONDAY_3, value) for value in values], {}, MONDAY_3, alike)
    assert learnt is not None
    return learnt


def _poisson(rng: random.Random, mean: float) -> int:
    count, left = 0, rng.random()
    while left > math.exp(-mean):
        count, left = count + 1, left * rng.random()
    return count


def _autoregressive(rng: random.Random) -> Iterator[float]:
    value = 0.0
    while True:
        value = 0.5 * value + rng.gauss(0, 1)
        yield 100 + 10 * value


STATIONARY: dict[str, Callable[[random.Random], Iterator[float]]] = {
    "durations around a mean": lambda rng: iter(lambda: rng.gauss(100, 10), None),
    "durations that hardly vary": lambda rng: iter(lambda: rng.gauss(100, 1), None),
    "evenly spread": lambda rng: iter(lambda: rng.uniform(50, 100), None),
    "long tail": lambda rng: iter(lambda: rng.lognormvariate(3, 0.5), None),
    "very long tail": lambda rng: iter(lambda: rng.lognormvariate(3, 0.8), None),
    "waiting times": lambda rng: iter(lambda: rng.expovariate(0.01), None),
    "many rows": lambda rng: iter(lambda: float(_poisson(rng, 50)), None),
    "few rows": lambda rng: iter(lambda: float(_poisson(rng, 4)), None),
    "mostly no rows": lambda rng: iter(lambda: float(_poisson(rng, 0.5)), None),
    "the same always": lambda rng: iter(lambda: 7.0, None),
    "one of two values": lambda rng: iter(lambda: 7.0 if rng.random() < 0.9 else 8.0, None),
    "two kinds of runs": lambda rng: iter(lambda: rng.gauss(100 if rng.random() < 0.8 else 200, 5), None),
    "runs like the one before": _autoregressive,
}


@pytest.mark.parametrize("series", STATIONARY.values(), ids=STATIONARY.keys())
def test_fewer_than_one_in_200_runs_of_a_job_that_goes_on_as_before_is_marked(
    series: Callable[[random.Random], Iterator[float]],
) -> None:
    runs = marked = 0
    for seed in range(8):
        values = series(random.Random(seed))
        past = [next(values) for _ in range(band.RUNS)]
        for _ in range(200):
            value = next(values)
            marked += not learnt(past[-band.RUNS :]).holds(value)
            past.append(value)
            runs += 1
    assert marked < runs / 200


def test_a_run_that_processed_nothing_is_unusual() -> None:
    rng = random.Random(1)
    assert not learnt([rng.gauss(40_000, 4_000) for _ in range(30)]).holds(0)
    assert not learnt([rng.lognormvariate(8, 0.6) for _ in range(30)]).holds(0)


def test_the_second_run_that_processed_nothing_is_as_usual_as_the_first_was_not() -> None:
    """A band learns what it has seen: a rule is for what must never be."""
    assert learnt([40_000.0 + n for n in range(29)] + [0.0]).holds(0)


def test_a_run_that_takes_many_times_as_long_is_unusual() -> None:
    rng = random.Random(1)
    assert not learnt([rng.lognormvariate(3, 0.3) for _ in range(30)]).holds(200)


def test_a_single_odd_run_moves_the_band_no_further_than_itself() -> None:
    calm = [100.0 + n % 5 for n in range(29)]
    with_one = learnt([*calm, 1_000.0])
    assert with_one.middle == pytest.approx(102, abs=1)
    assert with_one.low == pytest.approx(learnt(calm).low, abs=1)


def test_there_is_no_band_before_twenty_runs() -> None:
    runs = [(MONDAY_3, 1.0)] * band.FEWEST
    assert band.of(runs[1:], {}, MONDAY_3) is None
    assert band.of(runs, {}, MONDAY_3) is not None


def test_only_the_last_thirty_runs_count() -> None:
    assert learnt([1.0] * 100 + [50.0 + n for n in range(30)]).middle == 64.5


def test_a_count_that_is_one_more_is_usual() -> None:
    assert learnt([3.0] * 30).holds(4)
    assert not learnt([3.0] * 30).holds(5)


def test_a_duration_within_a_second_is_usual() -> None:
    values = [0.2 + n / 1000 for n in range(30)]
    assert not learnt(values).holds(0.9)
    assert learnt(values, alike=1.0).holds(0.9)


def test_a_value_beyond_all_numbers_of_a_float_makes_no_error() -> None:
    assert learnt([10.0 ** (n * 10) for n in range(30)]).high == math.inf


def _weekly(weeks: int) -> dict[band.Hour, list[float]]:
    """Return a job that does 1,000 rows by day and 10 by night, of which each week has a little more."""
    hours = [(day, hour) for day in range(7) for hour in range(24)]
    return {
        hour: [(1_000 if 8 <= hour[1] < 18 else 10) * (1 + w / 100) for w in range(weeks)] for hour in hours
    }


def _last_day(before: band.Hour) -> list[tuple[band.Hour, float]]:
    weekly, (day, hour) = _weekly(5), before
    hours = [divmod(day * 24 + hour - back, 24) for back in range(30, 0, -1)]
    return [((day % 7, hour), weekly[day % 7, hour][-1]) for day, hour in hours]


def test_a_value_of_the_night_is_unusual_by_day_once_four_weeks_are_known() -> None:
    noon = (2, 12)
    known = band.of(_last_day(noon), _weekly(4), noon)
    assert known is not None
    assert known.weekly
    assert known.holds(1_050)
    assert not known.holds(10)
    too_short = band.of(_last_day(noon), _weekly(3), noon)
    assert too_short is not None
    assert not too_short.weekly
    assert too_short.holds(10)


def test_a_job_whose_level_has_changed_is_usual_again_after_its_last_runs() -> None:
    noon = (2, 12)
    doubled = [(hour, 2 * value) for hour, value in _last_day(noon)]
    known = band.of(doubled, _weekly(8), noon)
    assert known is not None
    assert known.holds(2_000)


def test_a_weekday_and_an_hour_are_those_of_the_clocks_of_the_job() -> None:
    sunday = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert hour_of(sunday, UTC) == (6, 23)
    assert hour_of(sunday, ZoneInfo("Europe/Berlin")) == (0, 0)
    assert hour_of(sunday + timedelta(hours=1), UTC) == (0, 0)
