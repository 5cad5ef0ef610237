"""Pings that come again after a blindness: facts of the past, which make nobody well now who has died since."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heartbeat.checks import life, replay
from heartbeat.checks.blindness import Blind
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Change, Check, Cleared, Ping, Raised, Signal, State
from heartbeat.checks.schedule import Cron, Every
from tests.unit.conftest import NOW, a_check

SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
GRACE = 5 * MINUTE
DUE = NOW + HOUR
BLIND = Blind(DUE - MINUTE, DUE + 15 * MINUTE, "it was stopped", id=7)
SIGHT = BLIND.ended_at


def a_job(**changes: Any) -> Check:
    """An hourly job that was heard at `NOW`."""
    definition: dict[str, Any] = {"schedule": Every(HOUR), "grace": GRACE} | changes
    check = a_check(**definition)
    return life.on_ping(check, Ping(Signal.SUCCESS, NOW)).check


def unknown(**changes: Any) -> Check:
    """The same after the blindness in which it was due."""
    check = life.on_due(a_job(**changes), SIGHT, [BLIND]).check
    assert check.state is State.UNKNOWN
    return check


def again(
    check: Check, at: datetime = DUE, now: datetime = SIGHT + MINUTE, signal: Signal = Signal.SUCCESS
) -> Change:
    return replay.on_ping(check, Ping(signal, at), BLIND, now)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-29T02:00:00Z", datetime(2026, 11, 29, 2, tzinfo=UTC)),
        ("2026-11-29 02:00:00Z", datetime(2026, 11, 29, 2, tzinfo=UTC)),
        ("2026-11-29T03:00:00+01:00", datetime(2026, 11, 29, 2, tzinfo=UTC)),
        ("2026-11-29T03:00:00 01:00", datetime(2026, 11, 29, 2, tzinfo=UTC)),
        ("20261129T020000Z", datetime(2026, 11, 29, 2, tzinfo=UTC)),
        ("1795917600", datetime(2026, 11, 29, 2, tzinfo=UTC)),
        ("1795917600.5", datetime(2026, 11, 29, 2, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_a_ping_names_its_time_with_a_zone_or_in_seconds(text: str, at: datetime) -> None:
    assert replay.read(text) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-29T02:00:00",
        "2026-11-29",
        "0001-01-01T00:00:00+14:00",
        "9" * 11,
        "1e9",
        "nan",
        "٣" * 10,
    ],
)
def test_a_time_without_a_zone_or_out_of_reach_is_none(text: str) -> None:
    assert replay.read(text) is None


def test_a_ping_counts_for_its_own_time_only_in_a_blindness_that_is_not_long_ago() -> None:
    assert replay.refusal(DUE, SIGHT, BLIND) is None
    assert replay.refusal(DUE, SIGHT + replay.LATEST, BLIND) is None
    for refused, why in (
        (replay.refusal(DUE, SIGHT, None), "when heartbeat could hear pings"),
        (replay.refusal(DUE, SIGHT + replay.LATEST + SECOND, BLIND), "more than 7 days ago"),
        (replay.refusal(SIGHT + SECOND, SIGHT, BLIND), "in the future"),
    ):
        assert refused is not None
        assert why in refused
        assert refused.endswith("UTC, " + why + ", so the ping counts from its arrival.")


def test_an_unknown_check_whose_last_run_is_heard_later_is_up_and_keeps_its_bound() -> None:
    check = unknown()
    change = again(check)
    assert (change.check.state, change.check.last_ok_at, change.event) == (State.UP, DUE, None)
    assert change.check.wake_at == check.wake_at == SIGHT + HOUR + GRACE
    silent = life.on_due(change.check, SIGHT + HOUR + GRACE, [BLIND])
    assert silent.check.cause is Cause.SILENT


def test_a_run_before_the_last_one_leaves_the_check_unknown() -> None:
    """A job that runs each minute, blind for a quarter of an hour: its first run says nothing of the last one."""
    alive = life.on_ping(a_job(schedule=Every(MINUTE)), Ping(Signal.SUCCESS, DUE - MINUTE)).check
    check = life.on_due(alive, SIGHT, [BLIND]).check
    assert check.state is State.UNKNOWN
    early = again(check, DUE)
    assert (early.check.state, early.check.last_ok_at, early.check.since) == (State.UNKNOWN, DUE, check.since)
    late = again(early.check, SIGHT - MINUTE)
    assert (late.check.state, late.check.last_ok_at) == (State.UP, SIGHT - MINUTE)


def test_a_job_that_has_died_since_does_not_look_alive() -> None:
    check = unknown()
    assert check.wake_at is not None
    silent = life.on_due(check, check.wake_at, [BLIND]).check
    change = again(silent, now=check.wake_at + MINUTE)
    assert (change.check.state, change.check.cause, change.event) == (State.DOWN, Cause.SILENT, None)
    assert change.check.last_ok_at == DUE


def test_a_check_that_was_paged_too_early_is_well_again() -> None:
    """The blindness touched only the end of its window, so it was judged; its ping comes after that."""
    nightly = a_job(schedule=Cron("0 3 * * *", "UTC"), grace=HOUR)
    three = NOW + DAY
    blind = Blind(three + 30 * MINUTE, three + 40 * MINUTE, "it was stopped")
    at = three + 31 * MINUTE
    now = three + 2 * HOUR
    silent = life.on_due(nightly, now, [blind]).check
    assert silent.cause is Cause.SILENT
    change = replay.on_ping(silent, Ping(Signal.SUCCESS, at), blind, now + MINUTE)
    assert (change.check.state, change.check.since) == (State.UP, now + MINUTE)
    assert isinstance(change.event, Cleared)


def test_a_failure_that_is_heard_later_pages_now() -> None:
    change = again(unknown(), signal=Signal.FAIL)
    assert isinstance(change.event, Raised)
    assert (change.check.cause, change.check.last_fail_at) == (Cause.FAILED, DUE)
    assert change.check.since == SIGHT + MINUTE


@pytest.mark.parametrize("signal", [Signal.SUCCESS, Signal.FAIL])
def test_what_was_heard_since_counts_more(signal: Signal) -> None:
    heard = life.on_ping(unknown(), Ping(Signal.SUCCESS, SIGHT + SECOND)).check
    change = again(heard, signal=signal)
    assert (change.check.state, change.check.last_ok_at, change.event) == (State.UP, SIGHT + SECOND, None)
    failed = life.on_ping(unknown(), Ping(Signal.FAIL, SIGHT + SECOND)).check
    assert again(failed, signal=signal).check.cause is Cause.FAILED


def test_a_ping_of_the_past_ends_no_pause_and_says_nothing_of_a_check_that_started_over() -> None:
    paused = life.paused(a_job(), SIGHT, "anna").check
    assert again(paused, signal=Signal.FAIL).check.state is State.PAUSED
    anew = life.rearmed(a_job(), SIGHT)
    change = again(replace(anew, last_ok_at=None), signal=Signal.FAIL)
    assert (change.check.state, change.event) == (State.NEW, None)


def test_a_start_is_followed_unless_its_run_must_have_ended() -> None:
    for limit, followed in ((HOUR, True), (10 * MINUTE, False), (None, True)):
        change = again(unknown(max_runtime=limit), signal=Signal.START)
        assert bool(change.check.runs) is followed
        assert change.check.state is State.UNKNOWN
    ended = again(again(unknown(max_runtime=HOUR), signal=Signal.START).check, DUE + 10 * MINUTE)
    assert (ended.duration, ended.check.runs) == (10 * MINUTE, ())


def test_log_entries_and_progress_of_the_past_change_no_state() -> None:
    for signal in (Signal.LOG, Signal.PROGRESS):
        change = again(unknown(), signal=signal)
        assert (change.check.state, change.check.last_other_at) == (State.UNKNOWN, DUE)
        assert change.check.runs == ()
