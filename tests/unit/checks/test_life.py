"""The change that a ping, a silence or a person makes to a check."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.severity import Severity
from heartbeat.checks import deadline, life
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import (
    Check,
    Cleared,
    Ping,
    Raised,
    Run,
    Signal,
    State,
    Tolerance,
    Tolerated,
    Verdict,
)
from heartbeat.checks.schedule import Cron, Every, OnCalendar
from tests.unit.conftest import NOW, a_check

MINUTE = timedelta(minutes=1)


def at_minute(minutes: float) -> datetime:
    return NOW + minutes * MINUTE


def ping(signal: Signal, minutes: float, rid: str | None = None, exit_status: int | None = None) -> Ping:
    return Ping(signal, at_minute(minutes), rid, exit_status)


def heard(job: Check, *pings: Ping) -> Check:
    for next_ping in pings:
        job = life.on_ping(job, next_ping).check
    return job


UP = heard(a_check(), ping(Signal.SUCCESS, 0))
LIMITED = heard(a_check(max_runtime=10 * MINUTE), ping(Signal.SUCCESS, 0))


def test_a_check_that_was_never_heard_turns_down_one_grace_after_its_first_due_time() -> None:
    assert deadline.of(a_check()) == at_minute(6)
    change = life.on_due(a_check(), at_minute(6))
    assert (change.check.state, change.check.cause, change.check.since) == (
        State.DOWN,
        Cause.SILENT,
        at_minute(6),
    )
    assert change.event == Raised(Cause.SILENT, "was never heard")


def test_before_the_deadline_only_wake_at_moves() -> None:
    job = a_check(wake_at=NOW)
    change = life.on_due(job, at_minute(6) - timedelta(microseconds=1))
    assert (change.check.state, change.event, change.check.wake_at) == (State.NEW, None, at_minute(6))


@pytest.mark.parametrize(
    ("minutes", "state"), [(0, State.UP), (5, State.UP), (5.01, State.LATE), (5.99, State.LATE)]
)
def test_a_check_is_late_between_its_due_time_and_its_deadline(minutes: float, state: State) -> None:
    assert deadline.status(UP, at_minute(minutes)) is state


def test_a_ping_shortly_before_its_slot_counts_for_that_slot() -> None:
    daily = a_check(schedule=Cron("0 3 * * *", "UTC"))
    early = heard(daily, Ping(Signal.SUCCESS, datetime(2024, 5, 4, 2, 59, 50, tzinfo=UTC)))
    assert deadline.due_at(early) == datetime(2024, 5, 5, 3, 0, tzinfo=UTC)


def test_a_success_clears_a_down_check() -> None:
    down = life.on_due(UP, at_minute(10)).check
    change = life.on_ping(down, ping(Signal.SUCCESS, 12))
    assert (change.check.state, change.check.cause, change.event) == (State.UP, None, Cleared("heard again"))
    assert change.check.wake_at == at_minute(18)


@pytest.mark.parametrize("signal", [Signal.START, Signal.LOG])
@pytest.mark.parametrize("state", [State.NEW, State.UP, State.DOWN, State.PAUSED])
def test_start_and_log_never_change_the_state(signal: Signal, state: State) -> None:
    job = {
        State.NEW: a_check(),
        State.UP: UP,
        State.DOWN: life.on_due(UP, at_minute(10)).check,
        State.PAUSED: life.paused(UP, at_minute(1), "somebody").check,
    }[state]
    change = life.on_ping(job, ping(signal, 11))
    assert (change.check.state, change.check.cause, change.event) == (job.state, job.cause, None)
    assert change.check.last_heard_at == at_minute(11)


@pytest.mark.parametrize(("status", "why"), [(None, "reported failure"), (3, "exit status 3")])
def test_failure_turns_down_at_once(status: int | None, why: str) -> None:
    change = life.on_ping(UP, ping(Signal.FAIL, 2, exit_status=status))
    assert change.event == Raised(Cause.FAILED, why)
    assert change.check.cause is Cause.FAILED


def test_a_job_that_failed_and_then_falls_silent_has_another_cause() -> None:
    failed = heard(UP, ping(Signal.FAIL, 2))
    assert failed.wake_at == at_minute(8)
    change = life.on_due(failed, at_minute(8))
    assert isinstance(change.event, Raised)
    assert change.event.cause is Cause.SILENT
    assert change.check.wake_at is None


def test_a_silent_job_that_then_says_it_failed_has_another_cause() -> None:
    silent = life.on_due(UP, at_minute(10)).check
    assert heard(silent, ping(Signal.FAIL, 12)).cause is Cause.FAILED


def test_a_run_past_its_maximum_overruns() -> None:
    running = heard(LIMITED, ping(Signal.START, 1))
    assert deadline.of(running) == at_minute(11)
    change = life.on_due(running, at_minute(11))
    assert change.event == Raised(Cause.OVERRUN, "still running after its maximum run time of 10 min")


def test_the_end_of_a_run_in_time_gives_its_duration_and_no_overrun() -> None:
    running = heard(LIMITED, ping(Signal.START, 1, "a" * 32))
    change = life.on_ping(running, ping(Signal.SUCCESS, 4, "a" * 32))
    assert (change.duration, change.check.runs, change.check.state) == (3 * MINUTE, (), State.UP)


def test_an_end_without_its_start_has_no_duration() -> None:
    assert life.on_ping(LIMITED, ping(Signal.SUCCESS, 4, "b" * 32)).duration is None


def test_several_runs_are_open_at_once_and_each_overruns_by_itself() -> None:
    running = heard(LIMITED, ping(Signal.START, 1, "a" * 32), ping(Signal.START, 3, "b" * 32))
    assert deadline.of(running) == at_minute(11)
    one_left = heard(running, ping(Signal.SUCCESS, 5, "a" * 32))
    assert deadline.overrun_at(one_left) == at_minute(13)


def test_a_run_under_way_in_time_is_not_called_silent() -> None:
    # Due at minute 5, deadline at minute 6; the run that began at minute 4 may take until minute 14.
    running = heard(LIMITED, ping(Signal.START, 4))
    assert deadline.silent_at(running) == at_minute(14)


def test_a_job_that_keeps_starting_and_never_ends_turns_down() -> None:
    restarting = heard(LIMITED, *(ping(Signal.START, minute, f"{minute:032x}") for minute in range(1, 7)))
    assert deadline.of(restarting) == at_minute(11)
    restarted = heard(LIMITED, ping(Signal.START, 1), ping(Signal.START, 9))
    assert deadline.of(restarted) == at_minute(11), "a second start of the same run sets no limit back"


def test_a_reported_overrun_is_dropped_with_the_next_success() -> None:
    overran = life.on_due(heard(LIMITED, ping(Signal.START, 1, "a" * 32)), at_minute(11)).check
    assert overran.runs == (Run("a" * 32, at_minute(1), overran=True),)
    well = heard(overran, ping(Signal.SUCCESS, 20))
    assert (well.state, well.runs, well.wake_at) == (State.UP, (), at_minute(26))


def test_open_runs_are_bounded_and_those_nearest_their_limit_are_kept() -> None:
    many = heard(
        LIMITED, *(ping(Signal.START, 1 + n / 100, f"{n:032x}") for n in range(life.MAX_OPEN_RUNS + 5))
    )
    assert len(many.runs) == life.MAX_OPEN_RUNS
    assert deadline.overrun_at(many) == at_minute(11)
    unlimited = heard(
        UP, *(ping(Signal.START, 1 + n / 100, f"{n:032x}") for n in range(life.MAX_OPEN_RUNS + 5))
    )
    assert unlimited.runs[-1].rid == f"{life.MAX_OPEN_RUNS + 4:032x}"


def test_a_paused_check_expects_nothing_until_it_is_resumed() -> None:
    paused = life.paused(UP, at_minute(1), "Ann").check
    assert (paused.state, deadline.of(paused), paused.wake_at) == (State.PAUSED, None, None)
    resumed = life.resumed(paused, at_minute(100)).check
    assert (resumed.state, deadline.of(resumed)) == (State.NEW, at_minute(106))


def test_pausing_a_down_check_clears_it_and_names_the_person() -> None:
    down = life.on_due(UP, at_minute(10)).check
    assert life.paused(down, at_minute(11), "Ann").event == Cleared("paused by Ann")


@pytest.mark.parametrize(("signal", "state"), [(Signal.SUCCESS, State.UP), (Signal.FAIL, State.DOWN)])
def test_success_and_failure_un_pause(signal: Signal, state: State) -> None:
    paused = life.paused(UP, at_minute(1), "Ann").check
    assert heard(paused, ping(signal, 50)).state is state


@pytest.mark.parametrize("signal", [Signal.SUCCESS, Signal.FAIL])
def test_no_ping_un_pauses_a_check_with_manual_resume(signal: Signal) -> None:
    paused = life.paused(a_check(manual_resume=True), at_minute(1), "Ann").check
    change = life.on_ping(paused, ping(signal, 50))
    assert (change.check.state, change.event, change.check.wake_at) == (State.PAUSED, None, None)


def test_a_new_schedule_is_expected_from_now_on() -> None:
    daily = heard(a_check(schedule=Every(timedelta(days=1))), ping(Signal.SUCCESS, 0))
    hourly = life.redefined(daily, at_minute(600), schedule=Every(timedelta(hours=1)))
    assert (hourly.state, deadline.of(hourly)) == (State.UP, at_minute(661))
    assert hourly.wake_at == at_minute(661)


def test_a_new_grace_alone_moves_only_the_deadline() -> None:
    assert deadline.of(life.redefined(UP, at_minute(1), grace=3 * MINUTE)) == at_minute(8)


def test_a_new_schedule_leaves_a_down_check_down() -> None:
    down = life.on_due(UP, at_minute(10)).check
    assert life.redefined(down, at_minute(11), schedule=Every(timedelta(hours=1))).state is State.DOWN


TOLERANT = heard(a_check(alert_after=Tolerance(failures=3, missed=2)), ping(Signal.SUCCESS, 0))


def test_failures_are_tolerated_until_there_are_enough_in_a_row() -> None:
    once = life.on_ping(TOLERANT, ping(Signal.FAIL, 1, exit_status=3))
    assert (once.check.state, once.check.cause, once.check.failures) == (State.UP, None, 1)
    assert once.event == Tolerated(Cause.FAILED, "exit status 3, failure 1 of 3")
    twice = life.on_ping(once.check, ping(Signal.FAIL, 2))
    assert twice.event == Tolerated(Cause.FAILED, "reported failure, failure 2 of 3")
    third = life.on_ping(twice.check, ping(Signal.FAIL, 3, exit_status=3))
    assert third.event == Raised(Cause.FAILED, "exit status 3, 3 failures in a row")
    assert (third.check.state, third.check.cause) == (State.DOWN, Cause.FAILED)


def test_a_success_resets_the_count_of_failures() -> None:
    job = heard(TOLERANT, ping(Signal.FAIL, 1), ping(Signal.FAIL, 2), ping(Signal.SUCCESS, 3))
    assert job.failures == 0
    assert heard(job, ping(Signal.FAIL, 4), ping(Signal.FAIL, 5)).state is State.UP


def test_a_tolerated_failure_counts_for_the_schedule() -> None:
    assert deadline.due_at(heard(TOLERANT, ping(Signal.FAIL, 1))) == at_minute(6)


def test_the_second_missed_run_turns_a_check_down_that_tolerates_one() -> None:
    # Due at minutes 5 and 10, with a grace of one minute.
    assert (TOLERANT.wake_at, deadline.of(TOLERANT)) == (at_minute(6), at_minute(11))
    first = life.on_due(TOLERANT, at_minute(6))
    assert first.event == Tolerated(Cause.SILENT, "missed 1 of 2")
    assert (first.check.state, first.check.missed, first.check.wake_at) == (State.UP, 1, at_minute(11))
    assert deadline.status(first.check, at_minute(6)) is State.LATE
    second = life.on_due(first.check, at_minute(11))
    assert second.event == Raised(Cause.SILENT, "missed 2 runs in a row")
    assert heard(second.check, ping(Signal.SUCCESS, 12)).missed == 0


def test_a_missed_run_is_reported_once() -> None:
    missed = life.on_due(TOLERANT, at_minute(6)).check
    again = life.on_due(missed, at_minute(7))
    assert (again.event, again.check.wake_at) == (None, at_minute(11))


@pytest.mark.parametrize("signal", [Signal.SUCCESS, Signal.FAIL])
def test_a_ping_resets_the_count_of_missed_runs(signal: Signal) -> None:
    job = heard(life.on_due(TOLERANT, at_minute(6)).check, ping(signal, 8))
    assert (job.missed, deadline.of(job)) == (0, at_minute(19))


def test_slots_of_a_cron_line_are_counted_with_their_gaps() -> None:
    workdays = a_check(schedule=Cron("0 3 * * 1-5", "UTC"), alert_after=Tolerance(missed=3))
    thursday = heard(workdays, Ping(Signal.SUCCESS, datetime(2024, 5, 9, 3, 0, tzinfo=UTC)))
    assert deadline.of(thursday) == datetime(2024, 5, 14, 3, 1, tzinfo=UTC)


def test_a_schedule_that_ends_before_the_tolerance_is_not_waited_for() -> None:
    once_more = a_check(schedule=OnCalendar("2024-05-05 03:00", "UTC"), alert_after=Tolerance(missed=2))
    assert deadline.of(once_more) == datetime(2024, 5, 5, 3, 1, tzinfo=UTC)


def test_after_an_outage_misses_are_counted_at_once_and_enough_of_them_turn_it_down() -> None:
    job = heard(a_check(alert_after=Tolerance(missed=4)), ping(Signal.SUCCESS, 0))
    assert life.on_due(job, at_minute(16)).event == Tolerated(Cause.SILENT, "missed 3 of 4")
    assert life.on_due(job, at_minute(60)).event == Raised(Cause.SILENT, "missed 4 runs in a row")


def test_an_overrun_is_not_tolerated() -> None:
    job = heard(a_check(max_runtime=2 * MINUTE, alert_after=Tolerance(5, 5)), ping(Signal.START, 1))
    assert isinstance(life.on_due(job, at_minute(3)).event, Raised)


def test_a_check_that_is_down_tolerates_no_failure() -> None:
    silent = life.on_due(TOLERANT, at_minute(11)).check
    failed = life.on_ping(silent, ping(Signal.FAIL, 12))
    assert (failed.check.cause, failed.event) == (Cause.FAILED, Raised(Cause.FAILED, "reported failure"))


def test_a_tolerated_failure_ends_a_pause_and_the_check_is_expected_again() -> None:
    paused = life.paused(heard(TOLERANT, ping(Signal.FAIL, 1)), at_minute(2), "Ann").check
    assert (paused.failures, paused.missed) == (0, 0)
    job = heard(paused, ping(Signal.FAIL, 50))
    assert (job.state, job.failures, deadline.of(job)) == (State.NEW, 1, at_minute(61))


def test_a_check_that_stays_paused_counts_no_failure() -> None:
    job = a_check(manual_resume=True, alert_after=Tolerance(failures=2))
    paused = heard(life.paused(job, at_minute(1), "Ann").check, ping(Signal.FAIL, 2))
    resumed = life.resumed(paused, at_minute(3)).check
    assert (paused.failures, heard(resumed, ping(Signal.FAIL, 4)).state) == (0, State.NEW)


def test_a_lower_tolerance_turns_a_check_down_that_has_failed_often_enough() -> None:
    job = heard(TOLERANT, ping(Signal.FAIL, 1), ping(Signal.FAIL, 2))
    stricter = life.redefined(job, at_minute(3), alert_after=Tolerance(failures=2))
    assert stricter.wake_at == at_minute(2)
    assert life.on_due(stricter, at_minute(3)).event == Raised(Cause.FAILED, "2 failures in a row")
    laxer = life.redefined(job, at_minute(3), alert_after=Tolerance(failures=9))
    assert life.on_due(laxer, at_minute(3)).event is None


def test_a_lower_tolerance_turns_a_check_down_that_has_missed_enough_runs() -> None:
    missed = life.on_due(TOLERANT, at_minute(6)).check
    stricter = life.redefined(missed, at_minute(7), alert_after=Tolerance(missed=1))
    assert stricter.wake_at == at_minute(6)
    assert isinstance(life.on_due(stricter, at_minute(7)).event, Raised)
    laxer = life.redefined(missed, at_minute(7), alert_after=Tolerance(missed=3))
    assert (laxer.wake_at, laxer.missed) == (at_minute(11), 1)


def test_a_new_schedule_forgets_missed_runs_and_keeps_failures() -> None:
    job = life.on_due(heard(TOLERANT, ping(Signal.FAIL, 0)), at_minute(6)).check
    hourly = life.redefined(job, at_minute(7), schedule=Every(timedelta(hours=1)))
    assert (hourly.missed, hourly.failures, hourly.wake_at) == (0, 1, at_minute(68))


BAD = Verdict(Cause.INEFFECTIVE, "processed was 0, not > 0")


def bad(minutes: float, verdict: Verdict = BAD, rid: str | None = None) -> Ping:
    return Ping(Signal.SUCCESS, at_minute(minutes), rid, verdict=verdict)


def test_a_success_with_a_verdict_turns_a_check_down_for_its_cause() -> None:
    change = life.on_ping(UP, bad(2))
    assert change.event == Raised(Cause.INEFFECTIVE, "processed was 0, not > 0")
    job = change.check
    assert (job.state, job.cause, job.since) == (State.DOWN, Cause.INEFFECTIVE, at_minute(2))
    assert (job.last_ok_at, job.last_fail_at) == (NOW, at_minute(2))


def test_a_success_without_a_verdict_clears_one() -> None:
    change = life.on_ping(heard(UP, bad(2)), ping(Signal.SUCCESS, 3))
    assert (change.check.state, change.event) == (State.UP, Cleared("heard again"))


def test_an_ineffective_check_is_still_expected_and_falls_silent() -> None:
    job = heard(UP, bad(2))
    assert (deadline.due_at(job), job.wake_at) == (at_minute(7), at_minute(8))
    change = life.on_due(job, at_minute(8))
    assert isinstance(change.event, Raised)
    assert (change.event.cause, change.check.wake_at) == (Cause.SILENT, None)


def test_a_verdict_may_have_a_severity_of_its_own() -> None:
    change = life.on_ping(UP, bad(2, Verdict(Cause.INEFFECTIVE, "slow", Severity.WARNING)))
    assert change.event == Raised(Cause.INEFFECTIVE, "slow", Severity.WARNING)


def test_each_further_run_with_a_verdict_is_reported_and_the_check_is_down_since_the_first() -> None:
    job = heard(UP, bad(2))
    change = life.on_ping(job, bad(5, Verdict(Cause.INEFFECTIVE, "processed was 1, not > 9")))
    assert change.event == Raised(Cause.INEFFECTIVE, "processed was 1, not > 9")
    assert (change.check.since, change.check.last_fail_at) == (at_minute(2), at_minute(5))


def test_a_run_with_a_verdict_ends_like_any_other() -> None:
    running = heard(LIMITED, ping(Signal.START, 1, "a" * 32))
    change = life.on_ping(running, bad(4, rid="a" * 32))
    assert (change.duration, change.check.runs) == (3 * MINUTE, ())


def test_a_run_with_a_verdict_ends_the_failures_in_a_row() -> None:
    assert heard(TOLERANT, ping(Signal.FAIL, 1), bad(2)).failures == 0


def test_a_run_with_a_verdict_ends_a_pause_unless_only_a_person_may() -> None:
    paused = life.paused(UP, at_minute(1), "Ann").check
    job = heard(paused, bad(9))
    assert (job.state, job.armed_at) == (State.DOWN, at_minute(9))
    kept = heard(replace(paused, manual_resume=True), bad(9))
    assert (kept.state, kept.last_ok_at, kept.last_fail_at) == (State.PAUSED, NOW, at_minute(9))


@pytest.mark.parametrize("signal", [Signal.FAIL, Signal.START, Signal.LOG])
def test_only_a_success_is_judged(signal: Signal) -> None:
    assert heard(UP, Ping(signal, at_minute(2), verdict=BAD)) == heard(UP, ping(signal, 2))


@pytest.mark.parametrize("cause", list(Cause))
def test_a_check_that_is_down_is_due_again_only_if_its_job_goes_on_running(cause: Cause) -> None:
    job = replace(UP, state=State.DOWN, cause=cause)
    assert (deadline.due_at(job) is not None) is cause.expects


def test_times_only_move_forward() -> None:
    job = heard(UP, ping(Signal.SUCCESS, 3), ping(Signal.SUCCESS, 2))
    assert job.last_ok_at == at_minute(3)


SIGNALS = st.sampled_from(list(Signal))


@given(
    st.lists(
        st.tuples(
            SIGNALS,
            st.floats(0, 20),
            st.sampled_from([None, "a" * 32, "b" * 32]),
            st.sampled_from([None, BAD]),
        ),
        max_size=20,
    ),
    st.sampled_from([None, 3 * MINUTE, 30 * MINUTE]),
    st.builds(Tolerance, st.integers(1, 3), st.integers(1, 3)),
)
def test_wake_at_is_never_later_than_the_true_deadline_and_no_armed_check_is_without_one(
    steps: list[tuple[Signal, float, str | None, Verdict | None]],
    max_runtime: timedelta | None,
    tolerance: Tolerance,
) -> None:
    job, minutes = a_check(max_runtime=max_runtime, alert_after=tolerance), 0.0
    for signal, more, rid, verdict in steps:
        minutes += more
        while job.wake_at is not None and job.wake_at <= at_minute(minutes):
            job = life.on_due(job, job.wake_at).check
        job = heard(job, replace(ping(signal, minutes, rid), verdict=verdict))
        limit = deadline.of(job)
        assert (job.wake_at is None) == (limit is None)
        assert job.wake_at is None or limit is None or job.wake_at <= limit
        assert (limit is None) == (job.cause is not None and not job.cause.expects)


QUIET = st.sampled_from([Signal.SUCCESS, Signal.START, Signal.LOG])


@given(
    st.lists(st.tuples(QUIET, st.floats(0.1, 4)), max_size=30),
    st.sampled_from([None, 3 * MINUTE]),
    st.integers(1, 3),
)
def test_without_a_success_every_check_is_down_within_its_due_time_grace_and_longest_run(
    steps: list[tuple[Signal, float]], max_runtime: timedelta | None, missed: int
) -> None:
    job, minutes, last = a_check(max_runtime=max_runtime, alert_after=Tolerance(missed=missed)), 0.0, 0.0
    for signal, more in steps:
        minutes += more
        while (limit := deadline.of(job)) is not None and limit <= at_minute(minutes):
            job = life.on_due(job, limit).check
        job = heard(job, ping(signal, minutes))
        if signal is Signal.SUCCESS:
            last = minutes
    bound = at_minute(last) + (5 * missed + 1) * MINUTE + (max_runtime or timedelta())
    while (limit := deadline.of(job)) is not None and limit <= bound:
        job = life.on_due(job, limit).check
    assert job.state is State.DOWN
