"""Checks after a step of the clock: their times move, and what was judged by a wrong clock is judged again. Pure."""

from dataclasses import replace
from datetime import datetime

from alerting.clock_step import Step
from heartbeat.checks import breach, deadline, headway, life, progress, spread
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Change, Check, Cleared, Fault, RecentRuns, Run, State

MISJUDGED = "judged while the clock was wrong"


def retimed(check: Check, step: Step) -> Change:
    """Return the check after a step. It is no longer down if its deadline has not come by the clock as it is set."""
    moved = replace(
        check,
        since=step.fact(check.since),
        armed_at=step.fact(check.armed_at, spread.LONGEST),
        last_ok_at=step.fact(check.last_ok_at),
        last_fail_at=step.fact(check.last_fail_at),
        last_other_at=step.fact(check.last_other_at),
        recent_runs=_moved_count(check.recent_runs, step),
        fault=check.fault and _moved_fault(check.fault, step),
        runs=tuple(_moved(run, step) for run in check.runs),
    )
    if check.fault is None and check.cause in (Cause.SILENT, Cause.OVERRUN, Cause.STUCK, Cause.UNFINISHED):
        watched = _as_it_was(moved, step.after)
        if watched.failures < watched.alert_after.failures and _is_in_time(watched, step.after):
            return Change(life.redefined(watched, step.after), Cleared(MISJUDGED))
    if check.cause is Cause.WRONG_TIME and breach.is_in_window(moved, moved.since):
        return Change(life.redefined(_well(moved, step.after), step.after), Cleared(MISJUDGED))
    return Change(_recounted(moved, step.after))


def _moved(run: Run, step: Step) -> Run:
    reports = progress.moved(run.progress, step.fact) if run.progress else None
    return replace(run, started_at=step.fact(run.started_at), progress=reports)


def _moved_fault(fault: Fault, step: Step) -> Fault:
    return replace(fault, at=step.fact(fault.at), since=step.fact(fault.since))


def _moved_count(recent: RecentRuns, step: Step) -> RecentRuns:
    return RecentRuns(tuple(map(step.fact, recent.began)), step.fact(recent.ended_at))


def _well(check: Check, now: datetime) -> Check:
    """Return a check whose run came at its time after all. A run that had only begun is still under way."""
    ok = [check.last_ok_at, check.last_fail_at if check.last_fail_at == check.since else None]
    last_ok_at = max((at for at in ok if at is not None), default=None)
    heard = last_ok_at is not None and last_ok_at >= check.armed_at
    state = State.UP if heard else State.NEW
    return replace(check, state=state, cause=None, fault=None, since=now, last_ok_at=last_ok_at)


def _as_it_was(check: Check, now: datetime) -> Check:
    """Return a check that is down for a deadline as it was before it turned down."""
    heard = check.last_ok_at is not None and check.last_ok_at >= check.armed_at
    still = headway.overrun(
        replace(check, runs=tuple(replace(run, overran=False) for run in check.runs)), now
    )
    runs = tuple(
        replace(run, overran=run.overran and then.overran)
        for run, then in zip(check.runs, still.runs, strict=True)
    )
    state = State.UP if heard else State.NEW
    return replace(check, state=state, cause=None, since=now, missed=0, runs=runs)


def _recounted(check: Check, now: datetime) -> Check:
    """Return the check with the runs that it has missed until now, and the time to look at it again."""
    if check.missed and _is_in_time(check, now):
        return life.on_due(replace(check, missed=0), now).check
    return life.redefined(check, now)


def _is_in_time(check: Check, now: datetime) -> bool:
    limit = deadline.of(check)
    return limit is None or limit > now
