"""The times by which a check must speak: due, silent, overrun, stuck, unfinished. Pure.

They follow from its schedule, its expectation and its pings.
"""

from datetime import datetime

from heartbeat.checks import blindness, headway, time_of_day
from heartbeat.checks.check import Check, State
from heartbeat.checks.schedule import Every, due_after, due_from, nth_due


def due_at(check: Check) -> datetime | None:
    """Return when the check must next succeed, before grace. None if nothing is expected (paused, silent, never)."""
    if check.state is State.PAUSED or (check.cause is not None and not check.cause.expects):
        return None
    return _due_since(check, max((at for at in (check.last_ok_at, check.last_fail_at) if at), default=None))


def _due_since(check: Check, heard: datetime | None) -> datetime | None:
    if heard is not None and heard >= check.armed_at:
        return due_after(check.schedule, heard)
    return due_from(check.schedule, check.armed_at)


def silent_at(check: Check) -> datetime | None:
    """Return when silence turns the check down: a due time plus grace, or later while a run is under way.

    The due time is the first missed one, or a later one if the check tolerates missed runs.

    A run that started before the deadline may take its whole maximum run time. No run moves the deadline by more
    than one maximum run time, so a job that keeps starting and never ends still turns down.
    """
    return missed_at(check, check.alert_after.missed)


def missed_at(check: Check, count: int) -> datetime | None:
    """Return when the check has missed `count` runs in a row if no ping comes."""
    due = due_at(check)
    if due is None:
        return None
    deadline = nth_due(check.schedule, due, count) + check.grace
    if check.state is State.UNKNOWN:
        # Whoever tries again has some time to do so.
        deadline = max(deadline, blindness.bound(check.grace, check.armed_at))
    if check.max_runtime is None:
        return deadline
    open_runs = [run for run in check.runs if not run.overran and run.started_at <= deadline]
    ends = [at for run in open_runs if (at := headway.waits_until(check, run)) is not None]
    return max(deadline, min(max(ends, default=deadline), deadline + check.max_runtime))


def overrun_at(check: Check) -> datetime | None:
    """Return when the first open run exceeds the maximum run time."""
    if not follows_runs(check):
        return None
    ends = [at for run in check.runs if not run.overran and (at := headway.ends_by(check, run)) is not None]
    return min(ends, default=None)


def stuck_at(check: Check) -> datetime | None:
    """Return when the first open run is stuck if it does not move."""
    return headway.stuck_at(check) if follows_runs(check) else None


def unfinished_at(check: Check) -> datetime | None:
    """Return the time of day by which the first run after the last success must have succeeded.

    A check that tolerates missed runs tolerates as many unfinished ones. Neither grace nor a run moves this deadline.
    """
    by, due = check.expectation.finish_by, unfinished_due_at(check)
    if by is None or due is None:
        return None
    return time_of_day.next_after(by, due, check.expectation.zone)


def unfinished_due_at(check: Check) -> datetime | None:
    """Return when the run is due that must have succeeded by a time of day. None if there is no such time."""
    if check.expectation.finish_by is None or not is_watched(check) or isinstance(check.schedule, Every):
        return None
    due = _due_since(check, check.last_ok_at)
    return None if due is None else nth_due(check.schedule, due, check.alert_after.missed)


def of(check: Check) -> datetime | None:
    """Return when the check turns down if no ping comes. None if no ping is expected."""
    ends = (silent_at(check), overrun_at(check), stuck_at(check), failed_at(check), unfinished_at(check))
    return min((at for at in ends if at is not None), default=None)


def failed_at(check: Check) -> datetime | None:
    """Return the last failure of a check that has failed too often since its definition tolerates less."""
    return check.last_fail_at if is_watched(check) and check.failures >= check.alert_after.failures else None


def is_watched(check: Check) -> bool:
    """Return whether silence turns the check down."""
    return check.state in (State.NEW, State.UP, State.UNKNOWN)


def follows_runs(check: Check) -> bool:
    """Return whether a run that comes to no end turns the check down, or gives another cause to one that is down."""
    return is_watched(check) or (check.cause is not None and check.cause.expects)


def status(check: Check, now: datetime) -> State:
    """Return the state to show: a check is late after its due time, until its grace ends."""
    if is_watched(check) and check.state is not State.UNKNOWN:
        due = due_at(check)
        if due is not None and now > due:
            return State.LATE
    return check.state
