"""A check keeps the time that it had left when the clock is set, and what a wrong clock has judged is judged again."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from alerting.clock_step import Step
from heartbeat.checks import deadline, life, spread
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Cleared, Ping, Raised, Signal, State, Tolerance, Verdict
from heartbeat.checks.expectation import Expectation, RunLimit
from heartbeat.checks.retiming import MISJUDGED, retimed
from heartbeat.checks.schedule import Cron
from heartbeat.checks.time_of_day import Window
from tests.unit.conftest import NOW, a_check

MINUTE, HOUR, DAY, YEAR = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=365)
LENGTHS = [sign * length for length in (timedelta(seconds=2), MINUTE, HOUR, YEAR) for sign in (1, -1)]


def step_of(length: timedelta) -> Step:
    return Step(NOW, NOW + length, NOW + length, NOW - 2 * YEAR)


def heard(signal: Signal = Signal.SUCCESS, **changes: Any) -> Check:
    """A check that was heard three and a half minutes ago."""
    watched = replace(a_check(**changes), since=NOW - 2 * HOUR, armed_at=NOW - 2 * HOUR)
    return life.on_ping(watched, Ping(signal, NOW - 3.5 * MINUTE)).check


@pytest.mark.parametrize("length", LENGTHS)
def test_a_check_keeps_the_time_that_it_has_left(length: timedelta) -> None:
    one, step = heard(), step_of(length)
    change = retimed(one, step)
    left = deadline.of(change.check)
    assert left is not None
    assert left - step.after == timedelta(minutes=2.5)
    assert change.check.wake_at == left
    assert change.event is None


@pytest.mark.parametrize("length", LENGTHS)
def test_an_open_run_keeps_the_time_that_it_has_left(length: timedelta) -> None:
    one, step = heard(Signal.START, max_runtime=HOUR), step_of(length)
    left = deadline.overrun_at(retimed(one, step).check)
    assert left is not None
    assert left - step.after == timedelta(minutes=56.5)


def test_a_silence_that_a_clock_ahead_has_seen_is_over() -> None:
    misjudged = life.on_due(heard(), NOW + HOUR).check
    assert misjudged.state is State.DOWN
    change = retimed(misjudged, Step(NOW + HOUR, NOW, NOW, NOW + HOUR))
    assert change.event == Cleared(MISJUDGED)
    assert (change.check.state, change.check.cause) == (State.UP, None)
    assert deadline.of(change.check) == NOW + timedelta(minutes=2.5)


def test_an_overrun_that_a_clock_ahead_has_seen_is_over() -> None:
    misjudged = life.on_due(heard(Signal.START, max_runtime=10 * MINUTE), NOW + HOUR).check
    misjudged = replace(misjudged, last_ok_at=NOW - 3.5 * MINUTE)
    change = retimed(misjudged, Step(NOW + HOUR, NOW, NOW, NOW + HOUR))
    assert change.event == Cleared(MISJUDGED)
    assert [run.overran for run in change.check.runs] == [False]


@pytest.mark.parametrize("length", LENGTHS)
def test_what_is_silent_stays_silent(length: timedelta) -> None:
    silent = life.on_due(replace(heard(), last_ok_at=NOW - 7 * MINUTE), NOW - timedelta(seconds=10)).check
    assert silent.cause is Cause.SILENT
    change = retimed(silent, step_of(length))
    assert (change.event, change.check.state) == (None, State.DOWN)


def test_what_failed_before_it_was_called_silent_stays_down() -> None:
    failed = life.on_due(heard(Signal.FAIL), NOW + HOUR).check
    assert failed.cause is Cause.SILENT
    change = retimed(failed, Step(NOW + HOUR, NOW, NOW, NOW + HOUR))
    assert (change.event, change.check.fault) == (None, failed.fault)


def test_a_run_that_did_no_work_before_silence_keeps_its_check_down() -> None:
    useless = Ping(Signal.SUCCESS, NOW - 3 * MINUTE, verdict=Verdict(Cause.INEFFECTIVE, "processed was 0"))
    silent = life.on_due(life.on_ping(heard(), useless).check, NOW + HOUR).check
    assert silent.cause is Cause.SILENT
    change = retimed(silent, Step(NOW + HOUR, NOW, NOW, NOW + HOUR))
    assert (change.event, change.check.state) == (None, State.DOWN)


def test_a_fault_keeps_its_age() -> None:
    change = retimed(heard(Signal.FAIL), step_of(HOUR))
    assert change.check.fault is not None
    assert change.check.fault.since == change.check.since == NOW + HOUR - 3.5 * MINUTE


def test_runs_that_a_clock_ahead_has_counted_as_missed_are_not() -> None:
    counted = life.on_due(heard(alert_after=Tolerance(missed=30)), NOW + HOUR).check
    assert counted.missed > 5
    assert retimed(counted, Step(NOW + HOUR, NOW, NOW, NOW + HOUR)).check.missed == 0


def test_a_paused_check_stays_paused() -> None:
    paused = life.paused(heard(), NOW, "somebody").check
    change = retimed(paused, step_of(HOUR))
    assert (change.event, change.check.state, change.check.wake_at) == (None, State.PAUSED, None)


@pytest.mark.parametrize("length", LENGTHS)
def test_runs_that_are_counted_keep_their_distance(length: timedelta) -> None:
    one = heard(expectation=Expectation(at_most=RunLimit(1, HOUR)))
    change = retimed(one, step_of(length))
    assert change.check.recent_runs.began == (NOW + length - 3.5 * MINUTE,)
    again = life.on_ping(change.check, Ping(Signal.SUCCESS, NOW + length))
    assert again.event == Raised(Cause.TOO_OFTEN, "ran 2 times in 1 h instead of at most 1")


def test_a_run_that_a_clock_ahead_has_called_unfinished_is_not() -> None:
    by_four = Expectation(finish_by=time(4), timezone="UTC")
    job = heard(schedule=Cron("10 3 * * *", "UTC"), grace=12 * HOUR, expectation=by_four)
    misjudged = life.on_due(job, NOW + HOUR).check
    assert misjudged.cause is Cause.UNFINISHED
    change = retimed(misjudged, Step(NOW + HOUR, NOW, NOW, NOW + HOUR))
    assert change.event == Cleared(MISJUDGED)
    assert change.check.wake_at == NOW + HOUR


@pytest.mark.parametrize("signal", [Signal.START, Signal.SUCCESS])
def test_a_run_that_a_clock_ahead_has_called_outside_of_its_window_is_within(signal: Signal) -> None:
    window = Expectation(window=Window(time(2), time(3)), timezone="UTC")
    job = life.rearmed(a_check(schedule=Cron("30 2 * * *", "UTC"), expectation=window), NOW - HOUR)
    misjudged = life.on_ping(job, Ping(signal, NOW + 4 * HOUR)).check
    assert misjudged.cause is Cause.WRONG_TIME
    change = retimed(misjudged, Step(NOW + 5 * HOUR, NOW, NOW, NOW - DAY))
    assert change.event == Cleared(MISJUDGED)
    ok = NOW - HOUR if signal is Signal.SUCCESS else None
    state = State.UP if signal is Signal.SUCCESS else State.NEW
    assert (change.check.state, change.check.last_ok_at) == (state, ok)
    assert change.check.wake_at is not None


def test_a_run_outside_of_its_window_by_the_right_clock_stays_so() -> None:
    window = Expectation(window=Window(time(2), time(3)), timezone="UTC")
    job = life.rearmed(a_check(schedule=Cron("30 2 * * *", "UTC"), expectation=window), NOW - HOUR)
    outside = life.on_ping(job, Ping(Signal.SUCCESS, NOW + 4 * HOUR)).check
    change = retimed(outside, Step(NOW + 5 * HOUR, NOW + 5 * HOUR + MINUTE, NOW + 5 * HOUR, NOW - DAY))
    assert (change.event, change.check.cause) == (None, Cause.WRONG_TIME)


def test_a_check_that_is_expected_a_little_later_than_others_stays_so() -> None:
    later = life.rearmed(a_check(), NOW, 200)
    assert later.armed_at == NOW + timedelta(seconds=2)
    nobody_set_it = Step(NOW, NOW, NOW)
    assert retimed(later, nobody_set_it).check == later
    assert retimed(replace(later, armed_at=NOW + timedelta(days=1)), nobody_set_it).check.armed_at == (
        NOW + spread.LONGEST
    )
