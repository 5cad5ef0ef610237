"""The headway of the open runs of a check: the run that a report is about, and the runs that come to no end. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from alerting import times
from alerting.subject import MOVING
from heartbeat.checks import progress
from heartbeat.checks.check import Check, Ping, Run, Signal

OVERTAKEN: Final = timedelta(minutes=1)
"""The time after the end of a run in which a report without a run was overtaken by that end, and opens no new one."""

MOST_NUMBERS: Final = 50
"""The further numbers of a run that are kept, those of its last reports first: as many as a ping has."""


def run_of(check: Check, ping: Ping) -> Run | None:
    """Return the open run that a report is about: the one with its `rid`; without a `rid`, also the only one."""
    same = next((run for run in check.runs if run.rid == ping.rid), None)
    return check.runs[0] if same is None and ping.rid is None and len(check.runs) == 1 else same


def opens_run(check: Check, ping: Ping) -> bool:
    """Return True if a report without a run opens one: its job reports no start."""
    if run_of(check, ping) is not None or (ping.rid is None and check.runs):
        return False
    left = None if ping.amount is None else ping.amount.left
    ends = [at for at in (check.last_ok_at, check.last_fail_at) if at is not None]
    return left != 0 and ping.at - max(ends, default=check.armed_at - OVERTAKEN) >= OVERTAKEN


def reported(check: Check, ping: Ping) -> Check:
    """Return the check with what a ping reports of its run."""
    run = run_of(check, ping)
    if run is None or ping.amount is None:
        return check
    further = replace(run, progress=progress.reported(run.progress, ping.amount, ping.at))
    if ping.signal is Signal.PROGRESS:
        numbers = dict(islice({**ping.numbers, **run.numbers, **ping.numbers}.items(), MOST_NUMBERS))
        further = replace(further, numbers=numbers, misread=ping.misread)
    return replace(check, runs=tuple(further if other is run else other for other in check.runs))


def newest(check: Check) -> Run | None:
    """Return the open run that reported its progress last, None if none has."""
    runs = [(run.progress.reported_at, place) for place, run in enumerate(check.runs) if run.progress]
    return check.runs[max(runs)[1]] if runs else None


def stuck_at(check: Check) -> datetime | None:
    """Return when the first open run is stuck if it does not move."""
    ends = [at for run in check.runs if not run.overran and (at := run_stuck_at(check, run)) is not None]
    return min(ends, default=None)


def run_stuck_at(check: Check, run: Run) -> datetime | None:
    """Return when a run is stuck if it does not move. None if it never is: it has no limit, or reports no progress.

    A run that may go on until it is done has to report its progress.
    """
    setting = check.stuck_after if check.stuck_after is not None else progress.LEARNT
    if (check.stuck_after is None and not check.until_done) or not (run.progress or check.until_done):
        return None
    last = run.progress.moved_at if run.progress else run.started_at
    return last + progress.stuck_after(run.progress, setting)


def is_stuck(check: Check, run: Run, now: datetime) -> bool:
    at = run_stuck_at(check, run)
    return at is not None and at <= now


def stuck_why(check: Check, now: datetime) -> str:
    """Return why a check is stuck: "no progress for 15 min, at 300 of 900 (33 %)"."""
    runs = [run for run in check.runs if is_stuck(check, run, now)]
    run = min(runs, key=lambda run: run_stuck_at(check, run) or now)
    if run.progress is None:
        return f"no progress reported for {times.duration(now - run.started_at)}"
    still = times.duration(now - run.progress.moved_at)
    return f"no progress for {still}, at {progress.in_words(run.progress.amount)}"


def moving_why(check: Check) -> str:
    """Return why a check is stuck no longer: "moving again: 200 of 1,000 (20 %) done, about 3 a minute"."""
    run = newest(check)
    if run is None or run.progress is None:
        return f"{MOVING}: a run has just begun"
    told = [f"{progress.in_words(run.progress.amount)} done"]
    pace, estimate = progress.per_hour(run.progress), progress.estimate(run.progress)
    told += [progress.pace_in_words(pace)] if pace else []
    if estimate is not None:
        left = round((estimate.at - run.progress.reported_at) / estimate.step) * estimate.step
        told.append(f"about {times.duration(max(left, estimate.step))} to go")
    return f"{MOVING}: {', '.join(told)}"


def ends_by(check: Check, run: Run) -> datetime | None:
    """Return when a run exceeds the maximum run time, None without one.

    A run that may go on until it is done exceeds it already with a report whose estimate does so, even at its faster
    pace.
    """
    if check.max_runtime is None:
        return None
    limit = run.started_at + check.max_runtime
    if check.until_done and run.progress is not None:
        estimate = progress.estimate(run.progress)
        if estimate is not None and estimate.earliest > limit:
            return min(limit, run.progress.reported_at)
    return limit


def overrun(check: Check, now: datetime) -> Check:
    """Return the check with the runs marked that exceed the maximum run time."""
    runs = [replace(run, overran=run.overran or _is_over(check, run, now)) for run in check.runs]
    return replace(check, runs=tuple(runs))


def _is_over(check: Check, run: Run, now: datetime) -> bool:
    at = ends_by(check, run)
    return at is not None and at <= now


def waits_until(check: Check, run: Run) -> datetime | None:
    """Return until when the end of an open run is waited for, before its check is called silent."""
    ends = [at for at in (ends_by(check, run), run_stuck_at(check, run)) if at is not None]
    return min(ends) if check.until_done else ends_by(check, run)


def overrun_why(check: Check, now: datetime) -> str:
    """Return why a check has overrun: the time is over, or will not do."""
    limit = check.max_runtime or timedelta()
    for run in check.runs:
        estimate = progress.estimate(run.progress) if run.progress and check.until_done else None
        if (
            estimate is not None
            and run.started_at + limit > now
            and estimate.earliest > run.started_at + limit
        ):
            whole = times.duration(estimate.at - run.started_at)
            return f"will take about {whole} at its pace, its maximum is {times.duration(limit)}"
    return f"still running after its maximum run time of {times.duration(limit)}"
