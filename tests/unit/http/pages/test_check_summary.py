"""The first sentence of the screen of a check, word for word."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from heartbeat.checks import life
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Ping, Raised, Signal, State, Tolerance, Tolerated
from heartbeat.checks.expectation import Expectation
from heartbeat.checks.progress import Amount
from heartbeat.checks.schedule import Cron, Every
from heartbeat.http.pages import check_summary
from tests.unit.conftest import NOW, a_check
from tests.unit.http.pages.conftest import plain

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DAILY: dict[str, Any] = {"schedule": Cron("0 3 * * *", "UTC"), "grace": 15 * MINUTE}
TOLERANT = a_check(alert_after=Tolerance(failures=3, missed=2))


def heard(job: Check, at: datetime, signal: Signal = Signal.SUCCESS, status: int | None = None) -> Check:
    """Return the check after a ping."""
    return life.on_ping(job, Ping(signal, at, exit_status=status)).check


def test_a_new_check_says_when_it_is_first_due() -> None:
    job = a_check(**DAILY)
    assert plain(check_summary.of(job, "", NOW + HOUR), NOW) == (
        "Not heard yet; first due 04 May 03:00 UTC, in 23 h."
    )


def test_a_resumed_check_says_when_it_is_next_due() -> None:
    job = life.resumed(life.paused(heard(a_check(), NOW), NOW, "admin").check, NOW).check
    assert plain(check_summary.of(job, "", NOW + MINUTE), NOW) == (
        "Last heard 03:00 UTC (1 min ago); next due 03:05 UTC, in 4 min."
    )


def test_a_check_that_is_up_says_when_it_was_heard_and_is_due() -> None:
    job = heard(a_check(**DAILY), NOW)
    assert plain(check_summary.of(job, "", NOW + HOUR), NOW) == (
        "Last heard 03:00 UTC (1 h ago); next due 04 May 03:00 UTC, in 23 h."
    )


def test_a_late_check_says_when_it_will_be_silent() -> None:
    job = heard(a_check(), NOW)
    assert plain(check_summary.of(job, "", NOW + 5.5 * MINUTE), NOW) == (
        "Late: due 03:05 UTC (30 s ago). It is down at 03:06 UTC if it stays silent."
    )


def test_a_late_check_whose_run_reports_its_progress_waits_for_its_end() -> None:
    job = heard(a_check(until_done=True, max_runtime=20 * HOUR), NOW)
    job = life.on_ping(job, Ping(Signal.PROGRESS, NOW + 4 * MINUTE, amount=Amount(1, 9))).check
    assert plain(check_summary.of(job, "", NOW + 10 * MINUTE), NOW) == (
        "Late: due 03:05 UTC (5 min ago). It is down at 04:04 UTC unless its run moves or ends."
    )


def test_a_stuck_check_says_how_far_it_is() -> None:
    job = heard(a_check(schedule=Every(HOUR), stuck_after=15 * MINUTE), NOW)
    job = life.on_ping(job, Ping(Signal.PROGRESS, NOW + 4 * MINUTE, amount=Amount(1, 9))).check
    change = life.on_due(job, NOW + 19 * MINUTE)
    assert isinstance(change.event, Raised)
    assert plain(check_summary.of(change.check, change.event.why, NOW + 20 * MINUTE), NOW) == (
        "Stuck since 03:19 UTC: no progress for 15 min, at 1 of 9 (11 %)."
    )


def test_a_check_that_has_missed_a_run_says_how_many_it_may_miss() -> None:
    job = life.on_due(heard(TOLERANT, NOW), NOW + 6 * MINUTE).check
    assert plain(check_summary.of(job, "missed 1 of 2", NOW + 7 * MINUTE), NOW) == (
        "Late: due 03:05 UTC (2 min ago), missed 1 of 2. It is down at 03:11 UTC if it stays silent."
    )
    assert check_summary.tolerated(job) == "missed 1 of 2"


def test_a_check_that_has_failed_says_that_nobody_is_paged_yet() -> None:
    change = life.on_ping(TOLERANT, Ping(Signal.FAIL, NOW, exit_status=3))
    assert isinstance(change.event, Tolerated)
    assert plain(check_summary.of(change.check, change.event.why, NOW), NOW) == (
        "Failed at 03:00 UTC: exit status 3, failure 1 of 3. Nobody is paged yet; next due 03:05 UTC, in 5 min."
    )
    assert check_summary.tolerated(change.check) == "failed once, down after 3"
    assert check_summary.tolerated(heard(change.check, NOW, Signal.FAIL)) == "failed 2 times, down after 3"
    assert check_summary.tolerated(heard(change.check, NOW)) == ""


def test_a_silent_check_says_its_start_the_expected_time_and_the_next() -> None:
    london = heard(a_check(schedule=Cron("0 4 * * *", "Europe/London"), grace=15 * MINUTE), NOW)
    now = NOW + timedelta(days=1) + 16 * MINUTE
    down = life.on_due(london, now).check
    assert down.state is State.DOWN
    assert plain(check_summary.of(down, "was not heard in time", now), now) == (
        "Silent since 03:16 UTC, expected 03:00 UTC (04:00 Europe/London); last heard 03 May 03:00 UTC "
        "(24 h ago); next due 05 May 03:00 UTC (04:00 Europe/London), in 23 h 44 min."
    )


def test_a_silent_check_that_was_never_heard_says_so() -> None:
    now = NOW + 6 * MINUTE
    assert plain(check_summary.of(life.on_due(a_check(), now).check, "was never heard", now), now) == (
        "Silent since 03:06 UTC, expected 03:05 UTC; never heard."
    )


def test_a_failed_check_says_how() -> None:
    job = heard(a_check(), NOW, Signal.FAIL, 3)
    assert plain(check_summary.of(job, "exit status 3", NOW), NOW) == (
        "Failed at 03:00 UTC: exit status 3; next due 03:05 UTC, in 5 min."
    )


def test_a_check_that_overran_says_its_limit() -> None:
    job = life.on_due(heard(a_check(max_runtime=4 * MINUTE), NOW, Signal.START), NOW + 4 * MINUTE).check
    assert job.cause is Cause.OVERRUN
    assert plain(check_summary.of(job, "", NOW), NOW) == (
        "Overran at 03:04 UTC: still running after its maximum run time of 4 min."
    )


def test_an_unfinished_check_says_when_it_began_or_was_last_heard() -> None:
    by_six = Expectation(finish_by=time(6), timezone="UTC")
    job = heard(a_check(schedule=Cron("30 1 * * *", "UTC"), grace=12 * HOUR, expectation=by_six), NOW)
    six = NOW + 27 * HOUR
    silent = life.on_due(job, six).check
    assert plain(check_summary.of(silent, "not finished by 06:00 UTC", six), six) == (
        "Unfinished since 06:00 UTC: not finished by 06:00 UTC; last heard 03 May 03:00 UTC (27 h ago)."
    )
    running = life.on_due(heard(job, NOW + 24 * HOUR, Signal.START), six).check
    assert plain(check_summary.of(running, "not finished by 06:00 UTC", six), six) == (
        "Unfinished since 06:00 UTC: not finished by 06:00 UTC; started 03:00 UTC (3 h ago)."
    )


def test_a_late_check_says_by_which_time_of_day_it_must_have_succeeded() -> None:
    by_four = Expectation(finish_by=time(4), timezone="UTC")
    job = heard(a_check(schedule=Cron("10 3 * * *", "UTC"), grace=12 * HOUR, expectation=by_four), NOW)
    now = NOW + 30 * MINUTE
    assert plain(check_summary.of(job, "", now), now) == (
        "Late: due 03:10 UTC (20 min ago). It is down at 04:00 UTC unless it succeeds."
    )


def test_a_run_that_broke_an_expectation_says_which() -> None:
    job = heard(a_check(expectation=Expectation(min_runtime=MINUTE / 2)), NOW, Signal.START)
    job = heard(job, NOW + timedelta(seconds=2))
    assert plain(check_summary.of(job, "took 2 s instead of at least 30 s", NOW), NOW) == (
        "Ended too soon at 03:00 UTC: took 2 s instead of at least 30 s; next due 03:05 UTC, in 5 min."
    )


def test_a_paused_check_says_how_it_resumes() -> None:
    job = life.paused(a_check(), NOW, "admin").check
    assert plain(check_summary.of(job, "", NOW), NOW) == (
        "Paused since 03:00 UTC. It resumes with its next ping, or by hand."
    )
    manual = replace(job, manual_resume=True)
    assert plain(check_summary.of(manual, "", NOW), NOW) == (
        "Paused since 03:00 UTC. It resumes only by hand."
    )
