"""The progress of a run: its points, its pace, its estimated end, and when it counts as stuck."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat.checks import progress
from heartbeat.checks.progress import LEARNT, MOST_POINTS, Amount, Progress
from tests.unit.conftest import NOW

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def run(reports: Iterable[tuple[float, float]], total: float | None = 900) -> Progress:
    """A run that reports at these minutes that this much is done."""
    so_far: Progress | None = None
    for minute, done in reports:
        so_far = progress.reported(so_far, Amount(done, total), NOW + minute * MINUTE)
    assert so_far is not None
    return so_far


def after(moves: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The reports of a run whose moves take so many minutes and do so much."""
    minute = done = 0.0
    reports = [(minute, done)]
    for took, did in moves:
        minute, done = minute + took, done + did
        reports.append((minute, done))
    return reports


def steady(until: int, a_minute: float, total: float | None = 900) -> Progress:
    return run([(minute, minute * a_minute) for minute in range(until + 1)], total)


def end_of(so_far: Progress) -> float:
    """The minute of the estimated end."""
    estimate = progress.estimate(so_far)
    assert estimate is not None
    return (estimate.at - NOW) / MINUTE


def test_a_steady_run_ends_when_its_pace_says() -> None:
    so_far = steady(300, 1)
    assert (so_far.amount, so_far.amount.percent) == (Amount(300, 900), 33)
    assert end_of(so_far) == pytest.approx(900)
    assert progress.per_hour(so_far) == pytest.approx(60)


@given(st.lists(st.tuples(st.floats(0, 600), st.floats(0, 1e9)), min_size=1, max_size=60))
def test_a_run_keeps_a_dozen_points_with_the_first_and_the_last_in_order(
    reports: list[tuple[float, float]],
) -> None:
    so_far = run(reports, 1e9)
    times = [point.at for point in so_far.points]
    assert 1 <= len(times) <= MOST_POINTS
    assert times == sorted(times)
    assert so_far.moved_at <= so_far.reported_at
    estimate = progress.estimate(so_far)
    assert estimate is None or so_far.reported_at <= estimate.earliest <= estimate.at <= estimate.latest
    assert progress.from_json(progress.to_json(so_far)) == so_far


def test_the_points_of_a_long_run_are_spread_over_all_of_it() -> None:
    times = [point.at for point in steady(840, 1).points]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert max(gaps) <= 3 * HOUR
    assert len(times) == MOST_POINTS


@pytest.mark.parametrize("stall", [(100, 160), (230, 290)], ids=["long over", "just over"])
def test_a_stall_of_an_hour_moves_the_estimate_by_little_more_than_the_hour(stall: tuple[int, int]) -> None:
    begin, end = stall
    reports = [(m, m if m < begin else begin if m < end else m - 60) for m in range(301)]
    assert 945 <= end_of(run(reports)) <= 1100


STALLED = [(10 * k / 60, 40.0 * k) for k in range(5)]
"""A run that has done 160 in 40 seconds."""


@pytest.mark.parametrize("total", [1000, None])
@pytest.mark.parametrize(
    "since",
    [[(167, 200)], [(167, 230)], [(167, 160)], [(167, 200), (187, 210)], [(167, 200), (171, 216)]],
    ids=["one move", "a larger one", "none yet", "slower since", "only just as fast as before"],
)
def test_the_pace_from_before_a_stall_is_not_told_until_the_run_has_kept_it_again(
    since: list[tuple[float, float]], total: float | None
) -> None:
    so_far = run([*STALLED, *((second / 60, done) for second, done in since)], total)
    assert (progress.per_hour(so_far), progress.estimate(so_far)) == (None, None)


@given(
    st.lists(st.tuples(st.floats(0.1, 60), st.floats(1, 1000)), min_size=3, max_size=40),
    st.floats(0, 600),
)
def test_no_pace_is_told_that_is_far_above_that_of_the_later_half(
    moves: list[tuple[float, float]], still: float
) -> None:
    """Also with points left out, and however often it stalled."""
    so_far = run(after(moves), None)
    so_far = progress.reported(so_far, so_far.amount, so_far.reported_at + still * MINUTE)
    points = [*so_far.points, progress.Point(so_far.reported_at, so_far.amount)]
    half = (points[0].at.timestamp() + points[-1].at.timestamp()) / 2
    since = [point for point in points if point.at.timestamp() >= half]
    most = so_far.amount.done - max(p.amount.done for p in points if p.at.timestamp() <= half)
    hours = (since[-1].at.timestamp() - half) / 3600
    pace = progress.per_hour(so_far)
    assert pace is None or pace <= 2.001 * most / hours


def test_a_run_that_keeps_its_pace_again_after_a_stall_tells_it() -> None:
    since = [((167 + 10 * k) / 60, 160.0 + 40 * k) for k in range(12)]
    assert progress.per_hour(run([*STALLED, *since])) == pytest.approx(4 * 3600, rel=0.05)


def test_a_leap_is_no_pace() -> None:
    leapt = [(minute, minute if minute < 60 else minute + 500) for minute in range(121)]
    assert end_of(run(leapt, 2000)) == pytest.approx(1500, abs=15)


def test_work_in_bursts_has_the_pace_of_all_of_them() -> None:
    bursts = [(10 * batch + k / 10, 100 * batch + 10 * k) for batch in range(12) for k in range(10)]
    assert end_of(run(bursts, 2400)) == pytest.approx(240, rel=0.15)


def test_a_slower_pace_is_noticed_before_the_end() -> None:
    slowing = [(m, m if m < 300 else 300 + (m - 300) / 4) for m in range(601)]
    assert end_of(run(slowing)) == pytest.approx(600 + 525 * 4, rel=0.1)


def test_a_total_that_grows_is_taken_into_the_estimate() -> None:
    so_far = None
    for minute in range(301):
        so_far = progress.reported(so_far, Amount(minute, 600 + minute / 2), NOW + minute * MINUTE)
    assert so_far is not None
    assert end_of(so_far) == pytest.approx(1200, rel=0.02)


@pytest.mark.parametrize(
    "reports",
    [
        [(0, 10.0)],
        [(0, 1.0), (1, 2.0)],
        [(0, 1.0), (1, 2.0), (2, 3.0)],
        [(0, 100.0), (10, 100.0), (20, 100.0), (30, 100.0)],
        [(0, 0.0), (10, 300.0), (20, 301.0), (30, 302.0), (40, 303.0), (50, 600.0)],
        [(0, 300.0), (10, 600.0), (20, 900.0)],
    ],
    ids=["one report", "two", "further than they can tell", "no move", "no common pace", "all is done"],
)
def test_there_is_no_estimate_that_the_reports_do_not_bear(reports: list[tuple[float, float]]) -> None:
    assert progress.estimate(run(reports)) is None


def test_there_is_no_estimate_without_a_total() -> None:
    so_far = steady(60, 1, None)
    assert progress.estimate(so_far) is None
    assert progress.per_hour(so_far) == pytest.approx(60)
    assert progress.in_words(so_far.amount) == "60"


@pytest.mark.parametrize(
    ("until", "step", "about", "by"),
    [
        (100, HOUR, (18, 0), (18, 0)),
        (420, 30 * MINUTE, (18, 0), (18, 0)),
        (857, MINUTE, (18, 0), (18, 0)),
    ],
)
def test_an_estimate_is_as_exact_as_it_can_be(
    until: int, step: timedelta, about: tuple[int, int], by: tuple[int, int]
) -> None:
    estimate = progress.estimate(steady(until, 1))
    assert estimate is not None
    assert estimate.step == step
    assert abs(estimate.about - datetime(2024, 5, 3, *about, tzinfo=UTC)) <= step
    assert estimate.about <= estimate.by + step
    assert estimate.latest <= estimate.by <= datetime(2024, 5, 3, *by, tzinfo=UTC) + step


@pytest.mark.parametrize(("minute", "by"), [(0, 0), (1, 30), (15, 30), (30, 30), (31, 60)])
def test_what_is_promised_is_rounded_up(minute: int, by: int) -> None:
    at = NOW + minute * MINUTE
    estimate = progress.Estimate(at, at, at, 30 * MINUTE)
    assert estimate.by == NOW + by * MINUTE


def test_no_end_is_rounded_to_a_time_before_the_report_that_tells_it() -> None:
    almost = run([(0, 0.0), (20, 300.0), (40, 600.0), (59.5, 892.5)])
    estimate = progress.estimate(almost)
    assert estimate is not None
    assert estimate.at == NOW + 60 * MINUTE
    later = progress.reported(almost, Amount(897, 900), NOW + 59.8 * MINUTE)
    for so_far in (almost, later):
        estimate = progress.estimate(so_far)
        assert estimate is not None
        assert estimate.about >= so_far.reported_at
    end = NOW + 59 * MINUTE + timedelta(seconds=20)
    soon = progress.Estimate(end, end - timedelta(seconds=10), end, MINUTE)
    assert soon.about == NOW + 60 * MINUTE


def test_a_smaller_number_begins_anew_unless_it_was_overtaken() -> None:
    so_far = steady(300, 1)
    overtaken = progress.reported(so_far, Amount(299, 900), so_far.reported_at + timedelta(seconds=2))
    assert overtaken.amount.done == 300
    anew = progress.reported(so_far, Amount(10, 900), so_far.reported_at + MINUTE)
    assert anew.points == (progress.Point(NOW + 301 * MINUTE, Amount(10, 900)),)


def test_a_report_without_a_move_is_heard_and_moves_nothing() -> None:
    so_far = run([(0, 10), (5, 20), (9, 20)])
    assert (so_far.moved_at, so_far.reported_at) == (NOW + 5 * MINUTE, NOW + 9 * MINUTE)


def test_the_time_after_which_a_run_is_stuck_is_given_or_learnt_from_its_longest_pause() -> None:
    slow = run([(0, 1), (30, 2), (40, 3), (50, 4)])
    assert progress.stuck_after(slow, 5 * MINUTE) == 5 * MINUTE
    assert progress.stuck_after(slow, LEARNT) == 2 * HOUR
    assert progress.stuck_after(steady(60, 1), LEARNT) == 15 * MINUTE
    assert progress.stuck_after(run([(0, 1), (1, 2)]), LEARNT) == HOUR
    assert progress.stuck_after(None, LEARNT) == HOUR


@pytest.mark.parametrize(
    ("measurements", "amount"),
    [
        ({"done": 3.0, "total": 9.0, "rows": 1.0}, Amount(3, 9)),
        ({"done": 3.0}, Amount(3)),
        ({"done": 3.0, "total": 0.0}, Amount(3)),
        ({"done": 3.0, "total": float("inf")}, Amount(3)),
        ({"total": 9.0}, None),
        ({"done": -1.0, "total": 9.0}, None),
        ({"done": float("nan"), "total": 9.0}, None),
        ({}, None),
        (None, None),
    ],
)
def test_measurements_say_how_far_a_run_is(
    measurements: dict[str, float] | None, amount: Amount | None
) -> None:
    assert progress.amount_of(measurements) == amount


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (Amount(300, 900), "300 of 900 (33 %)"),
        (Amount(899.9, 900), "900 of 900 (99 %)"),
        (Amount(12_000, 10_000), "12,000 of 10,000 (100 %)"),
        (Amount(0.5, 2.25), "0.5 of 2.25 (22 %)"),
    ],
)
def test_an_amount_in_words(amount: Amount, words: str) -> None:
    assert progress.in_words(amount) == words


def test_a_step_of_the_clock_moves_all_times() -> None:
    shift: Callable[[datetime], datetime] = lambda at: at + HOUR  # noqa: E731  # a step, in one line
    so_far = progress.moved(steady(20, 1), shift)
    assert (so_far.points[0].at, so_far.moved_at, so_far.reported_at) == (
        NOW + HOUR,
        NOW + HOUR + 20 * MINUTE,
        NOW + HOUR + 20 * MINUTE,
    )
