"""What blindness excuses, and what it does not."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from heartbeat.checks import blindness, life
from heartbeat.checks.blindness import Beat, Blind, Seen, Why
from heartbeat.checks.blindness import Unheard as Unheard_
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Ping, Raised, Signal, State, Tolerance, Unheard
from heartbeat.checks.schedule import Cron, Every
from heartbeat.clock_reading import Reading
from tests.unit.conftest import NOW, a_check

SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
NIGHTLY = Cron("0 3 * * *", "UTC")


def blind(since: datetime, until: datetime) -> list[Blind]:
    return [Blind(since, until, "it was stopped", id=7)]


def heard(check: Check, at: datetime) -> Check:
    return life.on_ping(check, Ping(Signal.SUCCESS, at)).check


def a_job(period: timedelta = HOUR, grace: timedelta = 5 * MINUTE, **changes: Any) -> Check:
    """A job that was heard at `NOW`."""
    return heard(a_check(schedule=Every(period), grace=grace, **changes), NOW)


def test_a_check_that_could_not_be_heard_when_it_was_due_is_unknown_and_pages_nobody() -> None:
    sight = NOW + HOUR + 10 * MINUTE
    change = life.on_due(a_job(), sight, blind(NOW + HOUR - MINUTE, sight))
    assert (change.check.state, change.check.cause) == (State.UNKNOWN, None)
    assert change.event == Unheard(7, "could not be heard: it was stopped")


def test_an_unknown_check_must_speak_by_its_next_run_after_sight_has_returned() -> None:
    sight = NOW + HOUR + 10 * MINUTE
    spans = blind(NOW + HOUR - MINUTE, sight)
    unknown = life.on_due(a_job(), sight, spans).check
    bound = sight + HOUR + 5 * MINUTE
    assert unknown.wake_at == bound
    assert life.on_due(unknown, bound - SECOND, spans).event is None
    change = life.on_due(unknown, bound, spans)
    assert (change.check.state, change.check.cause) == (State.DOWN, Cause.SILENT)


@pytest.mark.parametrize(
    ("grace", "patience"),
    [(SECOND, MINUTE), (4 * MINUTE, 4 * MINUTE), (2 * HOUR, 15 * MINUTE)],
)
def test_a_check_has_its_grace_to_speak_but_at_least_a_minute_and_at_most_a_quarter_of_an_hour(
    grace: timedelta, patience: timedelta
) -> None:
    assert blindness.bound(grace, NOW) == NOW + patience


def test_a_check_that_runs_each_second_has_a_minute_to_come_back() -> None:
    sight = NOW + 10 * MINUTE
    unknown = life.on_due(a_job(SECOND, SECOND), sight, blind(NOW, sight)).check
    assert unknown.wake_at == sight + MINUTE


def test_an_unknown_check_is_up_with_its_next_success() -> None:
    sight = NOW + 2 * HOUR
    unknown = life.on_due(a_job(), sight, blind(NOW, sight)).check
    change = life.on_ping(unknown, Ping(Signal.SUCCESS, sight + SECOND))
    assert (change.check.state, change.event) == (State.UP, None)


def test_an_unknown_check_that_fails_is_down_and_one_that_tolerates_it_is_known_again() -> None:
    sight = NOW + 2 * HOUR
    failure = Ping(Signal.FAIL, sight + SECOND)
    for tolerance, state in ((Tolerance(), State.DOWN), (Tolerance(failures=3), State.UP)):
        unknown = life.on_due(a_job(alert_after=tolerance), sight, blind(NOW, sight)).check
        assert life.on_ping(unknown, failure).check.state is state


def test_a_deadline_before_the_blindness_stands() -> None:
    silent = NOW + HOUR + 5 * MINUTE
    later = silent + DAY
    change = life.on_due(a_job(), later, blind(silent + SECOND, later - HOUR))
    assert isinstance(change.event, Raised)


def test_a_check_that_was_due_while_only_the_checker_was_dead_gets_no_amnesty() -> None:
    change = life.on_due(a_job(), NOW + DAY, blind(NOW + 10 * MINUTE, NOW + 12 * MINUTE))
    assert isinstance(change.event, Raised)


def test_a_check_that_had_time_to_speak_after_sight_returned_is_judged_at_once() -> None:
    """The checker was dead for longer than the process that takes pings."""
    sight = NOW + HOUR + MINUTE
    change = life.on_due(a_job(), sight + 3 * HOUR, blind(NOW + HOUR - MINUTE, sight))
    assert isinstance(change.event, Raised)


def test_a_short_blindness_long_after_a_run_was_due_only_extends_its_deadline() -> None:
    """A restart at half past three does not hide for a day that the job of three o'clock is dead."""
    three = NOW + DAY
    nightly = heard(a_check(schedule=NIGHTLY, grace=HOUR), NOW + 20 * SECOND)
    restart = blind(three + 59 * MINUTE, three + 59 * MINUTE + 2 * SECOND)
    deadline, bound = three + HOUR, three + 74 * MINUTE + 2 * SECOND
    change = life.on_due(nightly, deadline, restart)
    assert (change.event, change.check.wake_at) == (None, bound)
    assert isinstance(life.on_due(change.check, bound, restart).event, Raised)


def test_a_blindness_when_a_nightly_job_usually_pings_excuses_it_until_the_next_night() -> None:
    three = NOW + DAY
    nightly = heard(a_check(schedule=NIGHTLY, grace=HOUR), NOW + 20 * SECOND)
    spans = blind(three - MINUTE, three + MINUTE)
    change = life.on_due(nightly, three + HOUR, spans)
    assert (change.check.state, change.check.wake_at) == (State.UNKNOWN, three + DAY + HOUR)


def test_short_gaps_without_end_hide_a_dead_job_only_once() -> None:
    gaps = [
        Blind(at, at + 2 * SECOND, "it is slow", n)
        for n in range(600)
        for at in [NOW + timedelta(seconds=50 * n)]
    ]
    job = a_job()
    down = None
    while down is None:
        assert job.wake_at is not None
        change = life.on_due(job, job.wake_at, gaps)
        down = job.wake_at if isinstance(change.event, Raised) else None
        job = change.check
    assert down <= NOW + 2 * HOUR + 30 * MINUTE


def test_a_long_blindness_excuses_a_check_again() -> None:
    sight = NOW + 2 * HOUR
    first = life.on_due(a_job(), sight, blind(NOW + MINUTE, sight)).check
    assert first.wake_at is not None
    spans = [*blind(NOW + MINUTE, sight), Blind(sight + MINUTE, sight + 90 * MINUTE, "again", 8)]
    change = life.on_due(first, sight + 90 * MINUTE, spans)
    assert (change.check.state, change.event) == (
        State.UNKNOWN,
        Unheard(8, "could not be heard: again"),
    )


def test_missed_runs_that_could_not_be_heard_are_not_counted() -> None:
    sight = NOW + HOUR + 10 * MINUTE
    job = a_job(alert_after=Tolerance(missed=3))
    change = life.on_due(job, sight, blind(NOW + HOUR - MINUTE, sight))
    assert (change.check.state, change.check.missed) == (State.UNKNOWN, 0)


def test_the_end_of_a_run_may_have_come_unheard() -> None:
    started = life.on_ping(a_job(max_runtime=10 * MINUTE), Ping(Signal.START, NOW + MINUTE)).check
    sight = NOW + 20 * MINUTE
    change = life.on_due(started, sight, blind(NOW + 2 * MINUTE, sight))
    assert (change.check.state, change.check.runs) == (State.UNKNOWN, ())


def test_a_failed_check_stays_down_and_its_next_deadline_moves() -> None:
    failed = life.on_ping(a_job(), Ping(Signal.FAIL, NOW)).check
    sight = NOW + HOUR + 10 * MINUTE
    change = life.on_due(failed, sight, blind(NOW + HOUR - MINUTE, sight))
    assert (change.check.state, change.check.cause) == (State.DOWN, Cause.FAILED)
    assert change.check.wake_at == sight + HOUR + 5 * MINUTE


def test_a_new_check_is_excused_as_well() -> None:
    sight = NOW + HOUR
    change = life.on_due(a_check(), sight, blind(NOW + MINUTE, sight))
    assert change.check.state is State.UNKNOWN


# --- What is noticed.


def reading(seconds: float, boot: str = "this start", at: datetime | None = None) -> Reading:
    return Reading(at or NOW + timedelta(seconds=seconds), 1_000.0 + seconds, boot)


def test_a_gap_in_the_beats_of_all_processes_is_blindness() -> None:
    beats = [Beat("a", reading(0)), Beat("b", reading(-40))]
    span = blindness.noticed(beats, reading(60), Seen())
    assert span == Blind(NOW, NOW + MINUTE, Why.STOOD_STILL)


def test_a_process_that_beats_on_sees_for_all() -> None:
    assert blindness.noticed([Beat("a", reading(0)), Beat("b", reading(59))], reading(60), Seen()) is None
    assert blindness.noticed([], reading(60), Seen(first=True)) is None


@pytest.mark.parametrize(
    ("stopped", "seen", "why"),
    [
        (True, Seen(first=True), Why.STOPPED),
        (False, Seen(first=True), Why.ENDED),
        (False, Seen(), Why.STOOD_STILL),
        (False, Seen(fault="disk full"), "nothing could be stored (disk full)"),
        (True, Seen(first=True, fault="away"), "nothing could be stored (away)"),
    ],
)
def test_the_reason_is_told_as_far_as_it_is_known(stopped: bool, seen: Seen, why: str) -> None:
    span = blindness.noticed([Beat("a", reading(0), stopped)], reading(60), seen)
    assert span is not None
    assert span.why == why


def test_a_short_restart_is_noticed_and_a_short_pause_is_not() -> None:
    assert blindness.noticed([Beat("a", reading(0))], reading(2), Seen(first=True)) is not None
    assert blindness.noticed([Beat("a", reading(0))], reading(2), Seen()) is None


def test_a_clock_that_is_set_is_no_blindness_where_the_machine_has_counted_on() -> None:
    for by in (HOUR, -HOUR):
        now = reading(1, at=NOW + SECOND + by)
        assert blindness.noticed([Beat("a", reading(0))], now, Seen()) is None
    stepped = reading(60, at=NOW + MINUTE + HOUR)
    span = blindness.noticed([Beat("a", reading(0))], stepped, Seen())
    assert span == Blind(NOW + HOUR, NOW + HOUR + MINUTE, Why.STOOD_STILL)


def test_after_another_start_of_the_machine_the_clock_tells_the_gap() -> None:
    later = replace(reading(0, "another start", NOW + HOUR), elapsed=5.0)
    span = blindness.noticed([Beat("a", reading(0))], later, Seen(first=True))
    assert span == Blind(NOW, NOW + HOUR, Why.ENDED)


def test_refused_pings_are_blindness_while_the_process_beats() -> None:
    seen = Seen(refused=True, since=NOW)
    span = blindness.noticed([Beat("a", reading(0))], reading(1), seen)
    assert span == Blind(NOW, NOW + SECOND, Why.REFUSED)
    assert blindness.continues(span, replace(span, began_at=NOW + SECOND, ended_at=NOW + 2 * SECOND))
    assert not blindness.continues(span, replace(span, began_at=NOW + MINUTE, ended_at=NOW + HOUR))


# --- What is told.


def unheard(*names: str, down: int = 0) -> Unheard_:
    return Unheard_(names, len(names) - down, down, NOW)


def test_a_report_says_from_when_to_when_why_and_which_were_not_heard_since() -> None:
    span = Blind(NOW + 2 * MINUTE, NOW + 17 * MINUTE, Why.STOPPED, checks=47)
    report = blindness.report([span], unheard("Backup", "Report", down=1), NOW + HOUR)
    assert report.title == "heartbeat could not hear pings for 15 min"
    assert report.lines == (
        "From 03:02 UTC to 03:17 UTC, because heartbeat was stopped.",
        "47 checks were due then and not heard, so nobody was paged then.",
        "Not heard since: Backup and Report.",
        "1 check is unknown; a next run that is silent too pages.",
        "1 check is down by now, and pages as silent.",
    )


def test_a_report_says_that_all_is_well_if_it_is() -> None:
    span = Blind(NOW, NOW + MINUTE, Why.ENDED, checks=3)
    assert blindness.report([span], unheard(), NOW + HOUR).lines[1:] == (
        "3 checks were due then and not heard, so nobody was paged then. All were heard since.",
    )
    none = blindness.report([replace(span, checks=0)], unheard(), NOW + HOUR)
    assert none.lines[1:] == ("No check missed its deadline meanwhile.",)


def test_short_blindnesses_are_told_together() -> None:
    spans = [Blind(NOW, NOW + MINUTE, Why.AWAY, checks=1), Blind(NOW + HOUR, NOW + 61 * MINUTE, Why.AWAY)]
    report = blindness.report(spans, unheard("Backup"), NOW + 2 * HOUR)
    assert report.title == "heartbeat could not hear pings for 2 min"
    assert report.lines[0] == "From 03:00 UTC to 04:01 UTC, 2 times, because nothing could be stored."


def test_a_blindness_within_a_minute_is_told_in_seconds() -> None:
    span = Blind(NOW + 20 * SECOND, NOW + 28 * SECOND, Why.AWAY, checks=1)
    told = blindness.report([span], unheard(), NOW + HOUR).lines[0]
    assert told == "For 8 s at 03:00 UTC, because nothing could be stored."


@pytest.mark.parametrize(
    ("begun", "ended", "told"),
    [
        (NOW - DAY, NOW + 5 * MINUTE, "From 02 May 03:00 UTC to 03 May 03:05 UTC, because"),
        (NOW - DAY, NOW - 23 * HOUR, "From 02 May 03:00 UTC to 04:00 UTC, because"),
        (NOW - 4 * HOUR, NOW, "From 02 May 23:00 UTC to 03 May 03:00 UTC, because"),
        (NOW - DAY, NOW, "From 02 May 03:00 UTC to 03 May 03:00 UTC, because"),
    ],
)
def test_a_blindness_over_midnight_names_both_days(begun: datetime, ended: datetime, told: str) -> None:
    lines = blindness.report([Blind(begun, ended, Why.ENDED)], unheard(), NOW + HOUR).lines
    assert lines[0].startswith(told)


def test_names_beyond_a_screen_are_counted() -> None:
    span = Blind(NOW, NOW + HOUR, Why.STOPPED, checks=1_000)
    names = [f"job {n}" for n in range(blindness.NAMED)]
    many = replace(unheard(*names), unknown=1_000)
    assert blindness.report([span], many, NOW + HOUR).lines[2].endswith("job 19 and 980 more.")


@pytest.mark.parametrize(
    ("checks", "length", "told"), [(0, 20 * SECOND, False), (1, SECOND, True), (0, HOUR, True)]
)
def test_a_short_blindness_that_cost_nothing_is_told_to_nobody(
    checks: int, length: timedelta, told: bool
) -> None:
    assert blindness.is_worth_telling([Blind(NOW, NOW + length, "", checks=checks)]) is told
