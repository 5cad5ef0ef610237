"""The life of a check: the change that a ping, a silence or a person makes. Pure: every function takes `now`.

A decision is a `Change`: the check as it is afterwards, and the event to report.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from alerting import frozen, times
from alerting.origin import Origin
from alerting.severity import Severity
from alerting.subject import WELL
from heartbeat.checks.cause import Cause
from heartbeat.checks.schedule import Schedule, due_after, due_from, nth_due

MAX_OPEN_RUNS = 20
"""Open runs of one check, at most. Further starts are recorded, but not followed."""


class State(StrEnum):
    """The state of a check. `LATE` is never stored: it follows from the time."""

    NEW = "new"
    UP = "up"
    LATE = "late"
    DOWN = "down"
    PAUSED = "paused"


class Signal(StrEnum):
    """The meaning of a ping."""

    SUCCESS = "success"
    START = "start"
    FAIL = "fail"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has started and not ended. `overran` is set once its overrun is reported."""

    rid: str | None
    started_at: datetime
    overran: bool = False


@dataclass(frozen=True, slots=True)
class Ping:
    """One ping. `rid` pairs a start with its end."""

    signal: Signal
    at: datetime
    rid: str | None = None
    exit_status: int | None = None


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The failures, and the missed runs, in a row that turn a check down. With 1, the first one does."""

    failures: int = 1
    missed: int = 1


AT_ONCE: Final = Tolerance()
"""The tolerance of a check that names none."""


@dataclass(frozen=True, slots=True)
class Check:
    """A scheduled job under watch: its definition, its state and its last pings."""

    id: int
    uuid: UUID
    slug: str
    name: str
    schedule: Schedule
    grace: timedelta
    since: datetime
    armed_at: datetime
    max_runtime: timedelta | None = None
    description: str = ""
    runbook: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    group_key: str = ""
    severity: Severity = Severity.ERROR
    policy: str | None = None
    manual_resume: bool = False
    alert_after: Tolerance = AT_ONCE
    formerly: tuple[str, ...] = ()
    """The slugs that it had before. Jobs that ping one of them reach it."""
    origin: Origin = Origin.API
    state: State = State.NEW
    cause: Cause | None = None
    last_ok_at: datetime | None = None
    last_fail_at: datetime | None = None
    last_other_at: datetime | None = None
    pings: int = 0
    failures: int = 0
    """Failures since the last success."""
    missed: int = 0
    """Missed runs since the last ping that ended a run, while they are tolerated."""
    runs: tuple[Run, ...] = ()
    wake_at: datetime | None = None

    @property
    def last_heard_at(self) -> datetime | None:
        """The time of the last ping of any kind."""
        times = [at for at in (self.last_ok_at, self.last_fail_at, self.last_other_at) if at]
        return max(times, default=None)


@dataclass(frozen=True, slots=True)
class Raised:
    """The check is down; `why` is the reason in words."""

    cause: Cause
    why: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """The check is no longer down; `why` is the reason in words."""

    why: str


@dataclass(frozen=True, slots=True)
class Tolerated:
    """The check has failed or missed a run, not often enough to be down; `why` is the reason in words."""

    cause: Cause
    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """A decision: the check afterwards, the event to report, and the duration of the run that has just ended."""

    check: Check
    event: Raised | Cleared | Tolerated | None = None
    duration: timedelta | None = None


def due_at(check: Check) -> datetime | None:
    """Return when the check must next succeed, before grace. None if nothing is expected (paused, silent, never)."""
    if check.state is State.PAUSED or (check.state is State.DOWN and check.cause is not Cause.FAILED):
        return None
    heard = max((at for at in (check.last_ok_at, check.last_fail_at) if at), default=None)
    if heard is not None and heard >= check.armed_at:
        return due_after(check.schedule, heard)
    return due_from(check.schedule, check.armed_at)


def silent_at(check: Check) -> datetime | None:
    """Return when silence turns the check down: a due time plus grace, or later while a run is under way.

    The due time is the first missed one, or a later one if the check tolerates missed runs.

    A run that started before the deadline may take its whole maximum run time. No run moves the deadline by more
    than one maximum run time, so a job that keeps starting and never ends still turns down.
    """
    return _missed_at(check, check.alert_after.missed)


def _missed_at(check: Check, count: int) -> datetime | None:
    """Return when the check has missed `count` runs in a row if no ping comes."""
    due = due_at(check)
    if due is None:
        return None
    deadline = nth_due(check.schedule, due, count) + check.grace
    if check.max_runtime is None:
        return deadline
    ends = [
        _ends_by(run, check.max_runtime)
        for run in check.runs
        if not run.overran and run.started_at <= deadline
    ]
    return max(deadline, min(max(ends, default=deadline), deadline + check.max_runtime))


def overrun_at(check: Check) -> datetime | None:
    """Return when the first open run exceeds the maximum run time."""
    if check.max_runtime is None or check.state is State.PAUSED or check.state is State.DOWN:
        return None
    return min((_ends_by(run, check.max_runtime) for run in check.runs if not run.overran), default=None)


def deadline(check: Check) -> datetime | None:
    """Return when the check turns down if no ping comes. None if no ping is expected."""
    ends = (silent_at(check), overrun_at(check), _failed_at(check))
    return min((at for at in ends if at is not None), default=None)


def _failed_at(check: Check) -> datetime | None:
    """Return the last failure of a check that has failed too often since its definition tolerates less."""
    return check.last_fail_at if _watched(check) and check.failures >= check.alert_after.failures else None


def _watched(check: Check) -> bool:
    return check.state in (State.NEW, State.UP)


def status(check: Check, now: datetime) -> State:
    """Return the state to show: a check is late after its due time, until its grace ends."""
    if _watched(check):
        due = due_at(check)
        if due is not None and now > due:
            return State.LATE
    return check.state


def on_ping(check: Check, ping: Ping) -> Change:
    """Return the change that a ping makes. Success and failure change the state and un-pause; start and log do not."""
    if ping.signal is Signal.LOG:
        return Change(_armed(replace(check, last_other_at=ping.at)))
    if ping.signal is Signal.START:
        return Change(_armed(_started(check, ping)))
    ended, duration = _ended(check, ping)
    if check.state is State.PAUSED and check.manual_resume:
        return Change(_marked(ended, ping), None, duration)
    if ping.signal is Signal.SUCCESS:
        return _succeeded(ended, ping, duration)
    return _failed(ended, ping, duration)


def on_due(check: Check, now: datetime) -> Change:
    """Return the change that silence until `now` makes. Before the deadline, `wake_at` moves and misses are counted."""
    limit = deadline(check)
    if limit is None or now < limit:
        return _missed(check, now)
    failed = _failed_at(check)
    if failed is not None:
        return _down(check, Cause.FAILED, now, f"{times.count(check.failures, 'failure')} in a row")
    overrun = overrun_at(check)
    if overrun is not None and overrun <= now and overrun == limit:
        return _overran(check, now)
    return fallen_silent(check, now)


def fallen_silent(check: Check, now: datetime) -> Change:
    """Turn a check down because no ping came in time."""
    if check.last_heard_at is None:
        why = "was never heard"
    elif check.alert_after.missed > 1:
        why = f"missed {check.alert_after.missed} runs in a row"
    else:
        why = "was not heard in time"
    return _down(check, Cause.SILENT, now, why)


def paused(check: Check, now: datetime, by: str) -> Change:
    """Pause a check: no ping is expected until it is resumed, or until its next ping unless `manual_resume` is set."""
    if check.state is State.PAUSED:
        return Change(check)
    event = Cleared(f"paused by {by}") if check.state is State.DOWN else None
    rested = replace(check, state=State.PAUSED, cause=None, since=now, runs=(), wake_at=None)
    return Change(replace(rested, failures=0, missed=0), event)


def resumed(check: Check, now: datetime) -> Change:
    """Resume a paused check: it is expected from now on, as if it were new."""
    return Change(rearmed(check, now)) if check.state is State.PAUSED else Change(check)


def rearmed(check: Check, now: datetime) -> Check:
    """Expect a check from `now` on. Earlier pings no longer count for its next due time."""
    return _armed(
        replace(check, state=State.NEW, cause=None, since=now, armed_at=now, failures=0, missed=0, runs=())
    )


def excused(check: Check, until: datetime) -> Check:
    """Expect a check from `until` on, because no ping could arrive earlier.

    A check that is silent or has overrun stays so until its next ping, and a paused check stays paused.
    """
    if check.state is State.PAUSED:
        return check
    return _armed(replace(check, armed_at=max(check.armed_at, until), missed=0, runs=()))


def redefined(check: Check, now: datetime, **definition: object) -> Check:
    """Give a check a new definition. A new schedule counts from now on: old pings say nothing about it."""
    changed: Check = replace(check, **definition)  # type: ignore[arg-type]  # the caller names fields of Check
    if changed.schedule != check.schedule and _watched(check):
        changed = replace(changed, armed_at=now, missed=0)
    return _armed(changed)


def _ends_by(run: Run, max_runtime: timedelta) -> datetime:
    return run.started_at + max_runtime


def _armed(check: Check) -> Check:
    """Return the check with the time to look at it again: its deadline, or its next missed run if that is tolerated."""
    limit = deadline(check)
    tolerant = _watched(check) and check.alert_after.missed > 1
    miss = _missed_at(check, check.missed + 1) if tolerant else None
    return frozen.changed(check, wake_at=min(limit, miss) if limit and miss else limit)


def _missed(check: Check, now: datetime) -> Change:
    """Count the runs that the check has missed until `now`, none of which turns it down."""
    missed = check.missed
    while _watched(check) and (at := _missed_at(check, missed + 1)) is not None and at <= now:
        missed += 1
    if missed == check.missed:
        return Change(_armed(check))
    why = f"missed {missed} of {check.alert_after.missed}"
    return Change(_armed(replace(check, missed=missed)), Tolerated(Cause.SILENT, why))


def _started(check: Check, ping: Ping) -> Check:
    others = tuple(run for run in check.runs if run.rid != ping.rid)
    same = next((run for run in check.runs if run.rid == ping.rid and not run.overran), None)
    if same is not None and check.max_runtime is not None:
        # A second start of an open run does not extend its limit. Otherwise a job that keeps starting and dying
        # would never overrun.
        return replace(check, last_other_at=ping.at)
    runs = (*others, Run(ping.rid, ping.at))
    if len(runs) > MAX_OPEN_RUNS:
        # With a limit, keep the oldest runs, which overrun first. Without one, keep the newest.
        runs = runs[:MAX_OPEN_RUNS] if check.max_runtime is not None else runs[-MAX_OPEN_RUNS:]
    return replace(check, last_other_at=ping.at, runs=runs)


def _ended(check: Check, ping: Ping) -> tuple[Check, timedelta | None]:
    run = next((run for run in check.runs if run.rid == ping.rid), None)
    if run is None:
        return check, None
    rest = tuple(other for other in check.runs if other is not run)
    return replace(check, runs=rest), max(ping.at - run.started_at, timedelta())


def _latest(previous: datetime | None, at: datetime) -> datetime:
    return at if previous is None else max(previous, at)


def _marked(check: Check, ping: Ping) -> Check:
    if ping.signal is Signal.SUCCESS:
        return replace(check, last_ok_at=_latest(check.last_ok_at, ping.at))
    return replace(check, last_fail_at=_latest(check.last_fail_at, ping.at))


def _succeeded(check: Check, ping: Ping, duration: timedelta | None) -> Change:
    heard = replace(_marked(check, ping), failures=0, missed=0)
    if check.state is State.UP:
        return Change(_armed(heard), None, duration)
    armed_at = ping.at if check.state is State.PAUSED else check.armed_at
    # Once the job succeeds, runs with a reported overrun are no longer followed.
    runs = tuple(run for run in heard.runs if not run.overran)
    up = replace(heard, state=State.UP, cause=None, since=ping.at, armed_at=armed_at, runs=runs)
    event = Cleared(WELL) if check.state is State.DOWN else None
    return Change(_armed(up), event, duration)


def _failed(check: Check, ping: Ping, duration: timedelta | None) -> Change:
    why = f"exit status {ping.exit_status}" if ping.exit_status else "reported failure"
    heard = replace(_marked(check, ping), failures=check.failures + 1, missed=0)
    if check.state is State.PAUSED:
        heard = replace(heard, state=State.NEW, since=ping.at, armed_at=ping.at)
    limit = check.alert_after.failures
    if _watched(heard) and heard.failures < limit:
        event = Tolerated(Cause.FAILED, f"{why}, failure {heard.failures} of {limit}")
        return Change(_armed(heard), event, duration)
    if heard.failures >= limit > 1:
        why += f", {heard.failures} failures in a row"
    change = _down(heard, Cause.FAILED, ping.at, why)
    return replace(change, duration=duration)


def _overran(check: Check, now: datetime) -> Change:
    limit = check.max_runtime or timedelta()
    runs = tuple(replace(run, overran=run.overran or _ends_by(run, limit) <= now) for run in check.runs)
    why = f"still running after its maximum run time of {times.duration(limit)}"
    return _down(replace(check, runs=runs), Cause.OVERRUN, now, why)


def _down(check: Check, cause: Cause, now: datetime, why: str) -> Change:
    if check.state is State.DOWN and check.cause is cause:
        return Change(_armed(check), Raised(cause, why))
    # Only a failed check has a next deadline. A silent or overrun check waits for its next ping.
    down = frozen.changed(check, state=State.DOWN, cause=cause, since=now, wake_at=None)
    return Change(_armed(down) if cause is Cause.FAILED else down, Raised(cause, why))
