"""Runs that break the expectation of their check, and those that make it well again."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat.checks import deadline, life
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import (
    AT_ONCE,
    NONE_COUNTED,
    Check,
    Cleared,
    Ping,
    Raised,
    Run,
    Signal,
    State,
    Tolerance,
    Verdict,
)
from heartbeat.checks.expectation import Expectation, RunLimit
from heartbeat.checks.schedule import Cron, Every
from heartbeat.checks.time_of_day import Window
from tests.unit.conftest import a_check

NIGHT = datetime(2026, 5, 4, 1, 30, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SUCCESS, START, FAIL, LOG = Signal.SUCCESS, Signal.START, Signal.FAIL, Signal.LOG
A, B, C = "a" * 32, "b" * 32, "c" * 32


def nightly(expectation: Expectation, **fields: object) -> Check:
    """A check that runs each night at 01:30 UTC, and was well in the night before."""
    planned = {"schedule": Cron("30 1 * * *", "UTC"), "grace": 10 * MINUTE}
    check = a_check("nightly-backup", expectation=expectation, **{**planned, **fields})
    check = life.rearmed(check, NIGHT - DAY - HOUR)
    return life.on_ping(check, Ping(SUCCESS, NIGHT - DAY)).check


def hear(check: Check, signal: Signal, at: datetime, rid: str | None = None) -> tuple[Check, object]:
    change = life.on_ping(check, Ping(signal, at, rid))
    return change.check, change.event


def test_a_run_that_ends_too_soon_turns_a_check_down_until_one_is_long_enough() -> None:
    job = nightly(Expectation(min_runtime=30 * SECOND))
    job, _ = hear(job, START, NIGHT)
    job, event = hear(job, SUCCESS, NIGHT + 2 * SECOND)
    assert event == Raised(Cause.TOO_SHORT, "took 2 s instead of at least 30 s")
    assert (job.state, job.last_ok_at) == (State.DOWN, NIGHT - DAY)
    assert deadline.due_at(job) == NIGHT + DAY, "its next run is expected all the same"
    job, _ = hear(job, START, NIGHT + HOUR)
    job, event = hear(job, SUCCESS, NIGHT + HOUR + 30 * SECOND)
    assert isinstance(event, Cleared)


def test_a_run_whose_start_was_not_heard_has_no_length() -> None:
    _, event = hear(nightly(Expectation(min_runtime=30 * SECOND)), SUCCESS, NIGHT)
    assert event is None


def test_a_run_that_fails_at_once_has_failed() -> None:
    job, _ = hear(nightly(Expectation(min_runtime=30 * SECOND)), START, NIGHT)
    _, event = hear(job, FAIL, NIGHT + SECOND)
    assert event == Raised(Cause.FAILED, "reported failure")


def test_a_start_while_another_run_is_open_turns_a_check_down_until_the_last_of_them_has_ended_well() -> None:
    job = nightly(Expectation(one_at_a_time=True))
    job, event = hear(job, START, NIGHT, A)
    assert event is None
    job, event = hear(job, START, NIGHT + 25 * MINUTE, B)
    assert event == Raised(Cause.OVERLAP, "started while another run, begun 25 min before, had not ended")
    job, event = hear(job, SUCCESS, NIGHT + HOUR, A)
    assert event == Raised(Cause.OVERLAP, "ended while another run, begun 35 min before, had not ended")
    job, event = hear(job, SUCCESS, NIGHT + 2 * HOUR, B)
    assert isinstance(event, Cleared)
    assert job.runs == ()


def test_a_run_that_never_ends_is_told_once_and_then_followed_no_longer() -> None:
    job, _ = hear(nightly(Expectation(one_at_a_time=True)), START, NIGHT, A)
    job, event = hear(job, START, NIGHT + HOUR, B)
    assert isinstance(event, Raised)
    job, event = hear(job, SUCCESS, NIGHT + 2 * HOUR, B)
    assert isinstance(event, Raised)
    job, event = hear(job, START, NIGHT + 3 * HOUR, C)
    assert event is None
    job, event = hear(job, SUCCESS, NIGHT + 4 * HOUR, C)
    assert isinstance(event, Cleared)


@pytest.mark.parametrize(
    ("rid", "after", "overlaps"), [(A, HOUR, False), (None, 29 * SECOND, False), (None, 30 * SECOND, True)]
)
def test_a_start_that_a_client_sends_again_is_the_same_run(
    rid: str | None, after: timedelta, overlaps: bool
) -> None:
    job, _ = hear(nightly(Expectation(one_at_a_time=True, at_most=RunLimit(1, 2 * HOUR))), START, NIGHT, rid)
    job, event = hear(job, START, NIGHT + after, rid)
    assert isinstance(event, Raised) is overlaps


def test_runs_may_overlap_unless_the_check_says_otherwise() -> None:
    job, _ = hear(nightly(Expectation()), START, NIGHT, A)
    job, event = hear(job, START, NIGHT + MINUTE, B)
    assert event is None
    job, _ = hear(job, SUCCESS, NIGHT + HOUR, B)
    assert [run.rid for run in job.runs] == [A]


def test_one_run_too_many_turns_a_check_down_until_a_run_comes_within_the_limit() -> None:
    job = nightly(Expectation(at_most=RunLimit(3, HOUR)))
    for minute in (0, 10, 20):
        job, event = hear(job, SUCCESS, NIGHT + minute * MINUTE)
        assert event is None
    job, event = hear(job, SUCCESS, NIGHT + 30 * MINUTE)
    assert event == Raised(Cause.TOO_OFTEN, "ran 4 times in 1 h instead of at most 3")
    job, event = hear(job, SUCCESS, NIGHT + 59 * MINUTE)
    assert isinstance(event, Raised), "still too many"
    job, event = hear(job, SUCCESS, NIGHT + 3 * HOUR)
    assert isinstance(event, Cleared)
    assert len(job.recent_runs.began) <= 4


def test_a_run_counts_once_and_from_its_start() -> None:
    job = nightly(Expectation(at_most=RunLimit(1, HOUR)))
    job, _ = hear(job, START, NIGHT, A)
    job, event = hear(job, SUCCESS, NIGHT + 40 * MINUTE, A)
    assert event is None
    job, event = hear(job, START, NIGHT + 59 * MINUTE, B)
    assert event == Raised(Cause.TOO_OFTEN, "ran 2 times in 1 h instead of at most 1"), "told at its start"
    job, event = hear(job, SUCCESS, NIGHT + 62 * MINUTE, B)
    assert isinstance(event, Cleared), "the hour is over"


@pytest.mark.parametrize("rid", [None, A])
def test_an_end_that_a_client_sends_again_is_the_same_run(rid: str | None) -> None:
    job = nightly(Expectation(at_most=RunLimit(1, 20 * HOUR)))
    job, _ = hear(job, START, NIGHT, rid)
    job, _ = hear(job, SUCCESS, NIGHT + HOUR, rid)
    job, event = hear(job, SUCCESS, NIGHT + HOUR + 10 * SECOND, rid)
    assert event is None


@given(st.integers(1, 20), st.floats(1, 3600), st.integers(2, 60))
def test_a_flood_of_runs_is_noticed_however_fast_it_comes(
    runs: int, period: float, times_too_often: int
) -> None:
    limit = RunLimit(runs, period * SECOND)
    job, step = nightly(Expectation(at_most=limit)), limit.period / (runs * times_too_often + 1)
    events = []
    for number in range(2 * runs * times_too_often + 2):
        job, event = hear(job, SUCCESS, NIGHT + number * step)
        events.append(event)
        assert len(job.recent_runs.began) <= runs + 1
    assert any(isinstance(event, Raised) for event in events)


@given(st.lists(st.floats(31, 7200), max_size=30), st.integers(1, 5))
def test_as_many_runs_as_are_allowed_never_turn_a_check_down(gaps: list[float], runs: int) -> None:
    job, at = nightly(Expectation(at_most=RunLimit(runs, HOUR))), NIGHT
    heard: list[datetime] = []
    for gap in gaps:
        at += gap * SECOND
        if sum(at - HOUR < before for before in heard) < runs:
            heard.append(at)
            job, event = hear(job, SUCCESS, at)
            assert event is None


WINDOW = Expectation(window=Window(time(1), time(3)), timezone="UTC")


def test_a_run_outside_of_its_window_turns_a_check_down_until_one_falls_into_it() -> None:
    job, event = hear(nightly(WINDOW), SUCCESS, NIGHT + 10 * HOUR)
    assert event == Raised(Cause.WRONG_TIME, "ran outside 01:00 to 03:00 UTC")
    job, event = hear(job, SUCCESS, NIGHT + 11 * HOUR)
    assert isinstance(event, Raised)
    job, event = hear(job, SUCCESS, NIGHT + DAY)
    assert isinstance(event, Cleared)


def test_a_start_outside_of_its_window_is_told_at_once() -> None:
    job, event = hear(nightly(WINDOW), START, NIGHT + 10 * HOUR)
    assert event == Raised(Cause.WRONG_TIME, "started outside 01:00 to 03:00 UTC")
    job, event = hear(job, START, NIGHT + 11 * HOUR)
    assert event is None, "it is down for that already"
    assert deadline.due_at(job) == NIGHT, "the run of the night is still missing"


def test_a_run_that_lasts_beyond_its_window_is_told_at_its_end() -> None:
    job, event = hear(nightly(WINDOW), START, NIGHT)
    assert event is None
    job, event = hear(job, SUCCESS, NIGHT + 2 * HOUR)
    assert event == Raised(Cause.WRONG_TIME, "ended outside 01:00 to 03:00 UTC")


@pytest.mark.parametrize("signal", [FAIL, None])
def test_a_check_that_is_down_for_something_else_is_repaired_at_any_time(signal: Signal | None) -> None:
    expected = replace(WINDOW, at_most=RunLimit(1, 20 * HOUR), one_at_a_time=True)
    job, _ = hear(nightly(expected), START, NIGHT, A)
    job = hear(job, FAIL, NIGHT, B)[0] if signal else life.on_due(job, NIGHT + HOUR).check
    assert job.cause is (Cause.FAILED if signal else Cause.SILENT)
    job, event = hear(job, START, NIGHT + 8 * HOUR, C)
    assert event is None
    job, event = hear(job, SUCCESS, NIGHT + 9 * HOUR, C)
    assert isinstance(event, Cleared)


def test_a_repair_is_no_repair_if_it_ends_at_once() -> None:
    job, _ = hear(nightly(Expectation(min_runtime=MINUTE)), FAIL, NIGHT)
    job, _ = hear(job, START, NIGHT + HOUR)
    job, event = hear(job, SUCCESS, NIGHT + HOUR + SECOND)
    assert event == Raised(Cause.TOO_SHORT, "took 1 s instead of at least 1 min")


def test_a_paused_check_is_not_judged_and_counts_anew_when_it_resumes() -> None:
    job, _ = hear(nightly(Expectation(at_most=RunLimit(1, 20 * HOUR))), SUCCESS, NIGHT)
    job = life.paused(job, NIGHT + HOUR, "anna").check
    job, event = hear(job, START, NIGHT + 2 * HOUR)
    assert event is None
    job = life.resumed(job, NIGHT + 3 * HOUR).check
    assert job.recent_runs == NONE_COUNTED


def test_the_verdict_of_a_rule_comes_first() -> None:
    job, _ = hear(nightly(Expectation(min_runtime=MINUTE)), START, NIGHT)
    verdict = Verdict(Cause.INEFFECTIVE, "processed 0")
    change = life.on_ping(job, Ping(SUCCESS, NIGHT + SECOND, verdict=verdict))
    assert change.event == Raised(Cause.INEFFECTIVE, "processed 0")


def test_a_check_whose_runs_are_not_counted_any_more_forgets_them() -> None:
    job, _ = hear(nightly(Expectation(at_most=RunLimit(1, HOUR))), SUCCESS, NIGHT)
    job = life.redefined(job, NIGHT, expectation=Expectation())
    assert hear(job, SUCCESS, NIGHT + MINUTE)[0].recent_runs == NONE_COUNTED


BY_SIX = Expectation(finish_by=time(6), timezone="UTC")


def test_a_run_must_have_succeeded_by_its_time_of_day() -> None:
    job = nightly(BY_SIX, grace=12 * HOUR)
    six = NIGHT.replace(hour=6, minute=0)
    assert (deadline.of(job), job.wake_at) == (six, six)
    change = life.on_due(job, six)
    assert change.event == Raised(Cause.UNFINISHED, "not finished by 06:00 UTC")
    assert (change.check.wake_at, deadline.due_at(change.check)) == (None, None)
    job, event = hear(change.check, SUCCESS, six + MINUTE)
    assert isinstance(event, Cleared)
    assert deadline.of(job) == six + DAY


def test_a_run_that_is_under_way_does_not_move_its_time_of_day() -> None:
    job, _ = hear(nightly(BY_SIX, max_runtime=20 * HOUR), START, NIGHT)
    assert deadline.of(job) == NIGHT.replace(hour=6, minute=0)


def test_silence_is_told_before_the_time_of_day_comes() -> None:
    assert life.on_due(nightly(BY_SIX), NIGHT.replace(hour=7)).event == Raised(
        Cause.SILENT, "was not heard in time"
    )


def test_a_failure_that_is_tolerated_is_no_success() -> None:
    job, _ = hear(nightly(BY_SIX, alert_after=Tolerance(failures=3)), FAIL, NIGHT)
    assert deadline.of(job) == NIGHT.replace(hour=6, minute=0)


def test_a_check_that_tolerates_missed_runs_tolerates_unfinished_ones() -> None:
    job = nightly(BY_SIX, alert_after=Tolerance(missed=2))
    assert deadline.unfinished_at(job) == NIGHT.replace(hour=6, minute=0) + DAY


def test_a_run_of_the_evening_must_finish_by_the_next_morning() -> None:
    job = nightly(BY_SIX, schedule=Cron("0 22 * * *", "UTC"))
    assert deadline.unfinished_at(job) == (NIGHT - DAY).replace(hour=6, minute=0) + DAY


def test_a_new_time_of_day_also_applies_to_the_current_run() -> None:
    job = nightly(Expectation(), grace=12 * HOUR)
    assert life.redefined(job, NIGHT, expectation=BY_SIX).wake_at == NIGHT.replace(hour=6, minute=0)


expectations = st.builds(
    Expectation,
    at_most=st.none() | st.builds(RunLimit, st.integers(1, 3), st.sampled_from([MINUTE, HOUR, DAY])),
    min_runtime=st.none() | st.sampled_from([SECOND, MINUTE, HOUR]),
    one_at_a_time=st.booleans(),
    finish_by=st.none() | st.times().map(lambda at: at.replace(second=0, microsecond=0, tzinfo=None)),
    window=st.none() | st.just(Window(time(22), time(4))),
    timezone=st.sampled_from(["UTC", "Europe/London", "America/Santiago"]),
)
steps = st.lists(
    st.tuples(st.sampled_from(list(Signal)), st.floats(0, 40), st.sampled_from([None, A, B])), max_size=20
)
schedules = st.sampled_from(
    [
        Cron("30 1 * * *", "Europe/London"),
        Cron("15 0 * * *", "America/Santiago"),
        Cron("*/30 * * * *", "UTC"),
        Every(HOUR),
    ]
)
CHANGES = st.sampled_from(
    [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 9, 5, tzinfo=UTC)]
)


@given(expectations, steps, schedules, st.sampled_from([AT_ONCE, Tolerance(2, 2)]), CHANGES)
def test_wake_at_is_never_later_than_the_true_deadline_and_the_memory_is_bounded(
    expected: Expectation,
    pings: list[tuple[Signal, float, str | None]],
    planned: Cron | Every,
    tolerance: Tolerance,
    at: datetime,
) -> None:
    job = life.rearmed(
        a_check(schedule=planned, grace=HOUR, expectation=expected, alert_after=tolerance, max_runtime=HOUR),
        at,
    )
    for signal, hours, rid in pings:
        at += hours * HOUR
        while job.wake_at is not None and job.wake_at <= at:
            job = life.on_due(job, job.wake_at).check
        job, _ = hear(job, signal, at, rid)
        limit = deadline.of(job)
        assert (job.wake_at is None) == (limit is None)
        assert job.wake_at is None or limit is None or job.wake_at <= limit
        assert (limit is None) == (job.cause is not None and not job.cause.expects)
        assert len(job.recent_runs.began) <= (expected.at_most.runs + 1 if expected.at_most else 0)


@given(expectations, schedules, CHANGES, st.floats(0, 72))
def test_a_success_never_makes_the_deadline_earlier(
    expected: Expectation, planned: Cron | Every, at: datetime, hours: float
) -> None:
    job = life.rearmed(a_check(schedule=planned, grace=HOUR, expectation=expected), at)
    job = replace(job, state=State.UP, last_ok_at=at)
    later = replace(job, last_ok_at=at + hours * HOUR)
    before, after = deadline.of(job), deadline.of(later)
    assert before is not None
    assert after is not None
    assert after >= before


@given(expectations, steps, schedules, CHANGES)
def test_the_plain_lane_may_take_the_successes_of_a_plain_check(
    expected: Expectation, pings: list[tuple[Signal, float, str | None]], planned: Cron | Every, at: datetime
) -> None:
    job = life.rearmed(a_check(schedule=planned, grace=30 * DAY, expectation=expected), at)
    job = replace(job, state=State.UP)
    if job.plain:
        change = life.on_ping(job, Ping(SUCCESS, at + HOUR))
        assert change.event is None
        assert change.check == replace(job, last_ok_at=at + HOUR, wake_at=change.check.wake_at)


def test_an_open_run_survives_its_check_having_no_limit() -> None:
    job = nightly(Expectation(one_at_a_time=True), runs=())
    job, _ = hear(job, START, NIGHT, A)
    assert job.runs == (Run(A, NIGHT),)


def test_a_run_that_breaks_several_expectations_goes_on_being_down_for_the_first() -> None:
    job = nightly(replace(WINDOW, min_runtime=MINUTE))
    job, event = hear(job, START, NIGHT + 10 * HOUR)
    assert event == Raised(Cause.WRONG_TIME, "started outside 01:00 to 03:00 UTC")
    job, event = hear(job, SUCCESS, NIGHT + 10 * HOUR + SECOND)
    assert event == Raised(Cause.WRONG_TIME, "started outside 01:00 to 03:00 UTC")


def test_pings_that_could_not_be_heard_in_time_are_not_judged_by_their_times() -> None:
    expected = replace(WINDOW, min_runtime=MINUTE, at_most=RunLimit(1, DAY), one_at_a_time=True)
    job = replace(nightly(expected), state=State.UNKNOWN)
    job, event = hear(job, START, NIGHT + 9 * HOUR)
    assert event is None
    job, event = hear(job, SUCCESS, NIGHT + 9 * HOUR + SECOND)
    assert not isinstance(event, Raised)
    assert job.state is State.UP
