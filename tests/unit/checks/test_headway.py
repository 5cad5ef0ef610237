"""The headway of open runs: what reports change, runs that are stuck, and runs that may go on until they are done."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.severity import Severity
from heartbeat.checks import deadline, headway, life
from heartbeat.checks.blindness import Blind
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import (
    Change,
    Check,
    Cleared,
    Fault,
    Ping,
    Raised,
    Signal,
    State,
    Unheard,
    Verdict,
)
from heartbeat.checks.progress import LEARNT, Amount
from heartbeat.checks.schedule import Every
from tests.unit.conftest import NOW, a_check

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
A, B = "a" * 32, "b" * 32


def repair(**changes: Any) -> Check:
    """A daily job that has succeeded at `NOW`."""
    job = a_check(schedule=Every(DAY), grace=HOUR, **changes)
    return life.on_ping(job, Ping(Signal.SUCCESS, NOW)).check


def hear(
    job: Check,
    minute: float,
    signal: Signal = Signal.PROGRESS,
    done: float | None = None,
    total: float | None = 900,
    rid: str | None = None,
) -> Change:
    amount = None if done is None else Amount(done, total)
    return life.on_ping(job, Ping(signal, NOW + minute * MINUTE, rid, amount=amount))


def reports(job: Check, *pairs: tuple[float, float]) -> Check:
    for minute, done in pairs:
        job = hear(job, minute, done=done).check
    return job


def steady(job: Check, first: int, last: int, a_minute: float = 1.0) -> Check:
    return reports(job, *((minute, (minute - first) * a_minute) for minute in range(first, last + 1)))


def amounts(job: Check) -> list[float | None]:
    return [run.progress.amount.done if run.progress else None for run in job.runs]


def test_a_report_tells_how_far_the_open_run_is_and_changes_no_state() -> None:
    running = hear(repair(), 10, Signal.START).check
    change = hear(running, 20, done=300)
    assert (change.event, change.check.state, change.check.last_other_at) == (
        None,
        State.UP,
        NOW + 20 * MINUTE,
    )
    (run,) = change.check.runs
    assert (run.started_at, run.progress and run.progress.amount) == (NOW + 10 * MINUTE, Amount(300, 900))


@pytest.mark.parametrize("signal", [Signal.START, Signal.LOG])
def test_a_start_and_a_log_entry_can_tell_it_too(signal: Signal) -> None:
    running = hear(repair(), 10, Signal.START).check
    assert amounts(hear(running, 20, signal, done=300).check) == [300]


def test_a_report_without_a_start_opens_a_run() -> None:
    job = hear(repair(), 10, done=300).check
    assert [run.started_at for run in job.runs] == [NOW + 10 * MINUTE]
    assert hear(job, 30, Signal.SUCCESS).duration == 20 * MINUTE


def test_a_log_entry_without_a_run_opens_none() -> None:
    assert hear(repair(), 10, Signal.LOG, done=300).check.runs == ()


@pytest.mark.parametrize(("minute", "done"), [(0.5, 899.0), (30, 900.0)], ids=["just after", "all is done"])
def test_a_report_that_the_end_of_its_run_overtook_opens_none(minute: float, done: float) -> None:
    assert hear(repair(), minute, done=done).check.runs == ()


def test_reports_are_paired_with_their_runs_by_rid() -> None:
    job = hear(hear(repair(), 10, Signal.START, rid=A).check, 11, Signal.START, rid=B).check
    job = hear(hear(job, 20, done=1, rid=A).check, 21, done=2, rid=B).check
    assert amounts(job) == [1, 2]
    assert amounts(hear(job, 22, done=3).check) == [1, 2], "nobody can tell whose report this is"
    newest = headway.newest(job)
    assert newest is not None
    assert newest.rid == B


def test_a_report_without_a_rid_is_about_the_only_run() -> None:
    job = hear(hear(repair(), 10, Signal.START, rid=A).check, 20, done=1).check
    assert amounts(job) == [1]


def test_a_run_keeps_the_last_value_of_each_further_number_within_a_bound() -> None:
    job = reports(repair(), (0, 1))
    for number in range(60):
        numbers = {"rows": float(number), f"invented-{number}": 1.0}
        at = NOW + (2 + number) * MINUTE
        ping = Ping(
            Signal.PROGRESS,
            at,
            amount=Amount(number),
            numbers=numbers,
            misread="what" if number < 59 else None,
        )
        job = life.on_ping(job, ping).check
    (run,) = job.runs
    assert (len(run.numbers), run.numbers["rows"], run.misread) == (headway.MOST_NUMBERS, 59, None)
    assert {"invented-59", "invented-20"} <= run.numbers.keys()


def test_without_a_limit_no_run_is_ever_stuck() -> None:
    job = reports(repair(), (10, 1), (11, 2), (12, 3))
    assert deadline.of(job) == NOW + DAY + HOUR


def test_a_run_that_does_not_move_is_stuck() -> None:
    job = reports(repair(stuck_after=15 * MINUTE), (10, 1), (11, 300), (20, 300))
    assert deadline.of(job) == job.wake_at == NOW + 26 * MINUTE
    assert life.on_due(job, NOW + 25 * MINUTE).event is None
    change = life.on_due(job, NOW + 26 * MINUTE)
    assert change.event == Raised(Cause.STUCK, "no progress for 15 min, at 300 of 900 (33 %)")
    assert (change.check.state, change.check.cause) == (State.DOWN, Cause.STUCK)


def test_a_run_that_reports_no_progress_is_not_stuck() -> None:
    job = hear(repair(stuck_after=15 * MINUTE), 10, Signal.START).check
    assert deadline.of(job) == NOW + DAY + HOUR


def test_by_its_own_pace_a_run_is_stuck_after_four_times_its_longest_pause() -> None:
    job = reports(repair(stuck_after=LEARNT), (10, 1), (20, 2))
    assert deadline.of(job) == NOW + 80 * MINUTE, "too early to learn from"
    job = reports(repair(stuck_after=LEARNT), (10, 1), (20, 2), (40, 3))
    assert deadline.of(job) == NOW + 120 * MINUTE


def stuck() -> Check:
    job = reports(repair(stuck_after=15 * MINUTE), (10, 1), (11, 300))
    return life.on_due(job, NOW + 26 * MINUTE).check


def test_a_stuck_run_that_moves_is_stuck_no_longer_and_says_how_far_it_is() -> None:
    change = hear(stuck(), 40, done=301)
    assert change.event == Cleared("moving again: 301 of 900 (33 %) done")
    assert (change.check.state, change.check.cause) == (State.UP, None)
    assert deadline.of(change.check) == change.check.wake_at == NOW + 55 * MINUTE


def test_a_run_that_moves_again_says_its_pace_and_its_end_where_they_can_be_told() -> None:
    job = reports(repair(stuck_after=5 * MINUTE), *((minute, 3 * minute) for minute in range(10, 61)))
    down = life.on_due(job, NOW + 65 * MINUTE).check
    words = "moving again: 183 of 900 (20 %) done, about 3 a minute, about 4 h to go"
    assert hear(down, 65.5, done=183).event == Cleared(words)


def test_a_run_that_takes_the_place_of_a_stuck_one_has_just_begun() -> None:
    assert hear(stuck(), 40, Signal.START).event == Cleared("moving again: a run has just begun")


def test_a_report_that_nothing_moved_keeps_it_stuck() -> None:
    change = hear(stuck(), 40, done=300)
    assert (change.event, change.check.cause, change.check.wake_at) == (None, Cause.STUCK, None)


@pytest.mark.parametrize(("signal", "cause"), [(Signal.SUCCESS, None), (Signal.FAIL, Cause.FAILED)])
def test_the_end_of_a_stuck_run_ends_it(signal: Signal, cause: Cause | None) -> None:
    change = hear(stuck(), 40, signal)
    assert (change.check.cause, change.check.runs) == (cause, ())


def test_another_run_that_succeeds_does_not_page_again_for_the_stuck_one() -> None:
    job = hear(repair(stuck_after=15 * MINUTE), 10, done=1, rid=A).check
    job = hear(job, 12, Signal.START, rid=B).check
    down = life.on_due(job, NOW + 25 * MINUTE).check
    change = hear(down, 30, Signal.SUCCESS, rid=B)
    assert (change.check.state, change.check.runs) == (State.UP, ())


def test_a_job_that_was_never_well_is_new_again_once_it_moves() -> None:
    job = a_check(schedule=Every(DAY), stuck_after=15 * MINUTE)
    down = life.on_due(reports(job, (10, 1)), NOW + 25 * MINUTE).check
    assert hear(down, 30, done=2).check.state is State.NEW


def failed(**changes: Any) -> Check:
    """A job that failed in the fifth minute, and was started again in the tenth."""
    job = life.on_ping(repair(**changes), Ping(Signal.FAIL, NOW + 5 * MINUTE, exit_status=3)).check
    return hear(job, 10, Signal.START).check


FAILED = Fault(Raised(Cause.FAILED, "exit status 3"), NOW + 5 * MINUTE, NOW + 5 * MINUTE)


def test_a_run_is_stuck_also_while_its_check_is_down_for_a_failure() -> None:
    job = reports(failed(stuck_after=15 * MINUTE), (11, 300))
    assert (job.cause, deadline.of(job), job.wake_at) == (
        Cause.FAILED,
        NOW + 26 * MINUTE,
        NOW + 26 * MINUTE,
    )
    change = life.on_due(job, NOW + 26 * MINUTE)
    assert change.event == Raised(Cause.STUCK, "no progress for 15 min, at 300 of 900 (33 %)")
    assert (change.check.cause, change.check.fault) == (Cause.STUCK, FAILED)


def test_a_run_overruns_also_while_its_check_is_down_for_a_failure() -> None:
    job = failed(max_runtime=HOUR)
    assert job.wake_at == NOW + 70 * MINUTE
    change = life.on_due(job, NOW + 70 * MINUTE)
    why = "still running after its maximum run time of 1 h"
    assert (change.event, change.check.fault) == (Raised(Cause.OVERRUN, why), FAILED)


def stuck_after(fault: Verdict) -> Check:
    """A check that was down for the fault of a run, and is stuck in the next one."""
    job = repair(stuck_after=15 * MINUTE)
    job = life.on_ping(job, Ping(Signal.SUCCESS, NOW + 5 * MINUTE, verdict=fault)).check
    return life.on_due(reports(job, (10, 300)), NOW + 25 * MINUTE).check


def test_a_stuck_run_that_moves_makes_a_check_that_was_down_no_better_than_it_was() -> None:
    useless = Verdict(Cause.INEFFECTIVE, "processed was 0", Severity.WARNING, "0, 0, 12")
    job = stuck_after(useless)
    assert job.cause is Cause.STUCK
    change = hear(job, 40, done=301)
    assert change.event == Raised(Cause.INEFFECTIVE, "processed was 0", Severity.WARNING, "0, 0, 12")
    assert (change.check.cause, change.check.since) == (Cause.INEFFECTIVE, NOW + 5 * MINUTE)
    assert change.check.wake_at == NOW + 55 * MINUTE, "it may get stuck again"
    well = hear(change.check, 50, Signal.SUCCESS).check
    assert (well.state, well.fault) == (State.UP, None)


def test_a_check_that_a_release_before_has_called_down_goes_back_to_its_cause_too() -> None:
    job = replace(failed(stuck_after=15 * MINUTE), fault=None)
    job = life.on_due(reports(job, (11, 300)), NOW + 26 * MINUTE).check
    assert hear(job, 30, done=301).event == Raised(Cause.FAILED, "failed")


def test_a_failure_is_told_once_beside_a_run_that_stays_stuck() -> None:
    job = hear(repair(stuck_after=15 * MINUTE), 10, done=1, rid=A).check
    job = life.on_due(job, NOW + 25 * MINUTE).check
    job = hear(hear(job, 26, Signal.START, rid=B).check, 30, Signal.FAIL, rid=B).check
    assert (job.cause, job.runs, deadline.stuck_at(job)) == (Cause.FAILED, (), None)


def test_a_run_that_nobody_could_hear_is_not_stuck_while_its_check_is_down() -> None:
    job = reports(failed(stuck_after=15 * MINUTE), (11, 300))
    blind = Blind(NOW + 12 * MINUTE, NOW + 40 * MINUTE, "nothing could be stored", 1)
    change = life.on_due(job, NOW + 41 * MINUTE, [blind])
    assert isinstance(change.event, Unheard)
    assert (change.check.cause, change.check.runs) == (Cause.FAILED, ())
    assert change.check.wake_at == NOW + 40 * MINUTE + DAY + HOUR


UNTIL = {"max_runtime": 20 * HOUR, "until_done": True}


def test_a_run_may_go_on_until_it_is_done() -> None:
    job = steady(repair(**UNTIL), 1380, 1800, 0.9)
    assert (deadline.overrun_at(job), deadline.of(job)) == (
        NOW + 1380 * MINUTE + 20 * HOUR,
        NOW + 1800 * MINUTE + 15 * MINUTE,
    ), "the deadline of its success has passed meanwhile, and it is waited for"
    change = life.on_due(job, NOW + 1815 * MINUTE)
    assert change.event == Raised(Cause.STUCK, "no progress for 15 min, at 378 of 900 (42 %)")


def test_a_run_whose_estimate_exceeds_the_limit_overruns_at_once() -> None:
    slow = steady(repair(**UNTIL), 10, 120, 0.7)
    assert deadline.overrun_at(slow) == NOW + 120 * MINUTE
    change = life.on_due(slow, NOW + 120 * MINUTE)
    why = "will take about 21 h 25 min at its pace, its maximum is 20 h"
    assert change.event == Raised(Cause.OVERRUN, why)
    assert [run.overran for run in change.check.runs] == [True]


def test_a_run_in_time_by_its_estimate_does_not_overrun_before_the_limit() -> None:
    job = steady(repair(**UNTIL), 10, 120, 0.8)
    assert deadline.overrun_at(job) == NOW + 10 * MINUTE + 20 * HOUR


def test_a_run_that_should_report_its_progress_and_does_not_is_stuck() -> None:
    job = hear(repair(**UNTIL), 10, Signal.START).check
    assert deadline.of(job) == NOW + 70 * MINUTE
    change = life.on_due(job, NOW + 70 * MINUTE)
    assert change.event == Raised(Cause.STUCK, "no progress reported for 1 h")


def test_runs_that_begin_and_die_do_not_move_the_deadline_for_ever() -> None:
    job = repair(**UNTIL)
    for number in range(30):
        job = hear(job, 1430 + 50 * number, Signal.START, rid=f"{number:032x}").check
    assert (deadline.of(job) or NOW) == NOW + 1490 * MINUTE


PINGS = st.tuples(
    st.sampled_from(list(Signal)), st.floats(0, 300), st.sampled_from([None, A, B]), st.integers(0, 20)
)


@given(
    st.lists(PINGS, max_size=30),
    st.sampled_from([None, LEARNT, 15 * MINUTE]),
    st.booleans(),
    st.sampled_from([None, 2 * HOUR]),
)
def test_whatever_is_reported_a_check_whose_runs_are_followed_is_judged_at_its_deadline(
    pings: list[tuple[Signal, float, str | None, int]],
    stuck_after: timedelta | None,
    until_done: bool,
    max_runtime: timedelta | None,
) -> None:
    until_done = until_done and max_runtime is not None
    job = repair(stuck_after=stuck_after, until_done=until_done, max_runtime=max_runtime)
    at = 0.0
    for signal, pause, rid, done in pings:
        at += pause
        job = hear(job, at, signal, done=done, total=20, rid=rid).check
        if deadline.follows_runs(job):
            limit = deadline.of(job)
            assert limit is not None
            assert job.wake_at == limit
            assert isinstance(life.on_due(job, max(limit, NOW + at * MINUTE)).event, Raised)
        assert len(job.runs) <= life.MAX_OPEN_RUNS
