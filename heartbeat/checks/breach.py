"""A run that breaks the expectation of its check: too many, too short, two at once, at the wrong time of day. Pure.

A start and a success are judged; a failure says itself that its run was no good. While a check is down for another
reason, its count, its overlap and its window are not judged: a repair is welcome at any time.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from alerting import times
from heartbeat import duration
from heartbeat.checks import time_of_day
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import NONE_COUNTED, Check, Ping, RecentRuns, Run, Signal, State, Verdict
from heartbeat.checks.expectation import RunLimit

REPEATED: Final = timedelta(seconds=30)
"""A start without `rid` this soon after another is the same one, sent again by a client that got no answer."""


def of_start(check: Check, ping: Ping) -> Verdict | None:
    """Return what a start breaks. `check` is the check before it, with the run counted."""
    if check.state not in (State.NEW, State.UP) or is_repeated(check, ping):
        return None
    return (
        _overlap_at_start(check, ping) or _too_often(check, ping.at) or _wrong_time(check, ping.at, "started")
    )


def of_success(check: Check, ping: Ping, run: Run | None) -> Verdict | None:
    """Return what a run that reports success breaks. `check` is the check before it, with the run counted.

    `run` is the one that has ended, None if its start was not heard.
    """
    verdicts = (
        _too_short(check, ping, run),
        _overlap_at_end(check, ping, run),
        _too_often(check, ping.at),
        _wrong_time(check, run.started_at, "started") if run else None,
        _wrong_time(check, ping.at, "ended" if run else "ran"),
    )
    broken = [verdict for verdict in verdicts if verdict and _is_judged(check, verdict.cause)]
    # What it is down for already is told on: a run that breaks more does not page for each in turn.
    return next(
        (verdict for verdict in broken if verdict.cause is check.cause), broken[0] if broken else None
    )


def counted(check: Check, ping: Ping) -> Check:
    """Return the check with the run of a start counted, or that of an end whose start was not heard.

    Only as many runs are kept as their limit needs.
    """
    limit = check.expectation.at_most
    if limit is None:
        return check if check.recent_runs is NONE_COUNTED else replace(check, recent_runs=NONE_COUNTED)
    recent, starts = check.recent_runs, ping.signal not in (Signal.SUCCESS, Signal.FAIL)
    is_open = any(run.rid == ping.rid for run in check.runs)
    if is_open and not starts:
        return replace(check, recent_runs=RecentRuns(recent.began, ping.at))
    if is_repeated(check, ping) if starts else _is_echo(recent, ping, limit):
        return check
    began = (*recent.began[-limit.runs :], ping.at)
    return replace(check, recent_runs=RecentRuns(began, recent.ended_at if starts else ping.at))


def still_open(check: Check, ended: Run) -> tuple[Run, ...]:
    """Return the open runs after one of them has ended.

    Where there must be one at a time, those that began before it are followed no longer: they have been told, and may
    have died without a word.
    """
    alone = check.expectation.one_at_a_time
    return tuple(
        run for run in check.runs if run is not ended and not (alone and run.started_at <= ended.started_at)
    )


def is_repeated(check: Check, ping: Ping) -> bool:
    """Return whether a start is that of an open run, sent again."""
    return any(
        run.rid == ping.rid and (ping.rid is not None or ping.at - run.started_at < REPEATED)
        for run in check.runs
    )


def is_in_window(check: Check, at: datetime) -> bool:
    """Return whether a run may begin or end at this moment. It may at any time if the check has no window."""
    window = check.expectation.window
    return window is None or time_of_day.is_within(window, at, check.expectation.zone)


def _is_judged(check: Check, cause: Cause) -> bool:
    if check.state is State.DOWN:
        return check.cause is cause or cause is Cause.TOO_SHORT
    # Pings that could not be heard come late: their times say nothing about the run.
    return check.state is not State.UNKNOWN and (check.state is not State.PAUSED or cause is Cause.TOO_SHORT)


def _is_echo(recent: RecentRuns, ping: Ping, limit: RunLimit) -> bool:
    """Return whether an end is probably the last one, sent again. A flood of runs exceeds its limit all the same."""
    soon = min(REPEATED, limit.period / (2 * (limit.runs + 1)))
    return recent.ended_at is not None and ping.at - recent.ended_at < soon


def _too_short(check: Check, ping: Ping, run: Run | None) -> Verdict | None:
    least = check.expectation.min_runtime
    if run is None or least is None or ping.at - run.started_at >= least:
        return None
    lasted = times.duration(max(ping.at - run.started_at, timedelta()))
    return Verdict(Cause.TOO_SHORT, f"took {lasted} instead of at least {duration.in_words(least)}")


def _overlap_at_start(check: Check, ping: Ping) -> Verdict | None:
    if not check.expectation.one_at_a_time or not check.runs:
        return None
    return _overlap("started", max(run.started_at for run in check.runs), ping.at)


def _overlap_at_end(check: Check, ping: Ping, run: Run | None) -> Verdict | None:
    others = [other.started_at for other in check.runs if other is not run]
    if run is None or not check.expectation.one_at_a_time or not others:
        return None
    return _overlap("ended", max(others), ping.at)


def _overlap(did: str, other: datetime, at: datetime) -> Verdict:
    age = times.duration(max(at - other, timedelta()))
    return Verdict(Cause.OVERLAP, f"{did} while another run, begun {age} before, had not ended")


def _too_often(check: Check, at: datetime) -> Verdict | None:
    limit = check.expectation.at_most
    if limit is None:
        return None
    runs = sum(at - limit.period < began <= at for began in check.recent_runs.began)
    if runs <= limit.runs:
        return None
    return Verdict(
        Cause.TOO_OFTEN,
        f"ran {runs} times in {duration.in_words(limit.period)} instead of at most {limit.runs}",
    )


def _wrong_time(check: Check, at: datetime, did: str) -> Verdict | None:
    window = check.expectation.window
    if window is None or is_in_window(check, at):
        return None
    hours = f"{time_of_day.written(window.opens)} to {time_of_day.written(window.closes)}"
    return Verdict(Cause.WRONG_TIME, f"{did} outside {hours} {check.expectation.timezone}")
