"""The history of a number: each hour and day has its lowest, middle and highest value, in bounded space."""

from datetime import date, timedelta
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from heartbeat.measurements import history
from heartbeat.measurements.history import OF_DAY, OF_HOUR, Day, Sample, Spread
from tests.unit.conftest import NOW

MIDNIGHT = NOW.replace(hour=0)


def minutely(*values: float, begin: int = 0) -> list[tuple[object, float]]:
    return [(MIDNIGHT + timedelta(minutes=begin + minute), value) for minute, value in enumerate(values)]


def day(*values: float, begin: int = 0, before: Day | None = None) -> Day:
    added = history.added(before, minutely(*values, begin=begin))  # type: ignore[arg-type]  # they are times
    assert added is not None
    return added


def test_an_hour_and_a_day_have_their_extremes_and_their_median() -> None:
    whole = day(5, 1, 9, begin=58)
    assert whole.whole == Spread(3, 1, 5, 9)
    assert whole.hours == {0: Spread(2, 1, 3, 5), 1: Spread(1, 9, 9, 9)}


def test_values_that_come_in_parts_make_the_same_day() -> None:
    values = [float(n * n % 17) for n in range(150)]
    parts = day(*values[70:], begin=70, before=day(*values[:70]))
    assert parts == day(*values)
    assert history.added(parts, []) == parts
    assert history.added(None, []) is None


def test_a_value_that_comes_after_its_hour_counts_but_moves_no_median() -> None:
    late = day(3, begin=59, before=day(1, 2, begin=60))
    assert late.hours == {0: Spread(1, 3, 3, 3), 1: Spread(2, 1, 1.5, 2)}
    assert late.whole == Spread(3, 1, 2, 3)
    later = day(-5, begin=58, before=late)
    assert later.hours[0] == Spread(2, -5, 3, 3)
    assert day(4, begin=62, before=later).hours[1] == Spread(3, 1, 2, 4)


def test_a_day_that_is_over_still_takes_extremes() -> None:
    over = Day(Spread(2, 1, 2, 3), {0: Spread(2, 1, 2, 3)})
    for begin in (0, 60):
        late = day(9, begin=begin, before=over)
        assert late.whole == Spread(3, 1, 2, 9)
    assert day(9, before=over).hours == {0: Spread(3, 1, 2, 9)}


def test_the_hours_of_days_come_oldest_first() -> None:
    yesterday, today = MIDNIGHT.date() - timedelta(days=1), MIDNIGHT.date()
    hours = list(history.hours({today: day(1, begin=180), yesterday: day(2, 4, begin=119)}))
    begin = MIDNIGHT - timedelta(days=1)
    assert hours == [
        (begin + timedelta(hours=1), Spread(1, 2, 2, 2)),
        (begin + timedelta(hours=2), Spread(1, 4, 4, 4)),
        (MIDNIGHT + timedelta(hours=3), Spread(1, 1, 1, 1)),
    ]


def test_medians_are_finite_and_exact_for_few_values() -> None:
    largest = 1.7e308
    assert day(largest, largest).whole.middle == largest
    assert day(largest, -largest).whole.middle == 0
    assert day(*range(OF_HOUR)).hours[0].middle == median(range(OF_HOUR))


def test_days_are_those_of_utc() -> None:
    assert history.day_of(MIDNIGHT - timedelta(seconds=1)) == date(2024, 5, 2)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=700))
def test_the_space_of_a_day_is_bounded_and_its_median_is_that_of_an_even_sample(values: list[float]) -> None:
    spaced = [(MIDNIGHT + timedelta(minutes=2 * n), value) for n, value in enumerate(values)]
    whole = history.added(None, spaced)
    assert whole is not None
    assert whole.sample is not None
    assert len(whole.sample.values) <= OF_DAY
    assert len(whole.of_hour.values) <= OF_HOUR
    assert whole.sample.values == tuple(values[:: whole.sample.stride])
    assert whole.whole.count == len(values)
    assert (whole.whole.low, whole.whole.high) == (min(values), max(values))
    assert whole.whole.low <= whole.whole.middle <= whole.whole.high
    if len(values) <= OF_DAY:
        assert abs(whole.whole.middle - median(values)) < 1e-6


def test_a_sample_of_many_values_is_even() -> None:
    sample = Sample()
    for n in range(1000):
        sample = sample.taken(n, n, 8)
    assert sample == Sample(tuple(float(n) for n in range(0, 1000, sample.stride)), 128)
