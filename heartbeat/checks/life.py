"""The life of a check: the change that a ping, a silence or a person makes. Pure: every function takes `now`.

A decision is a `Change`: the check as it is afterwards, and the event to report.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alerting import frozen, times
from alerting.subject import WELL
from heartbeat.checks import amnesty, blindness, breach, deadline, headway, spread, time_of_day
from heartbeat.checks.blindness import Blind
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import (
    NONE_COUNTED,
    Change,
    Check,
    Cleared,
    Fault,
    Ping,
    Raised,
    Run,
    Signal,
    State,
    Tolerated,
    Unheard,
    Verdict,
)

MAX_OPEN_RUNS = 20
"""Open runs of one check, at most. Further starts are recorded, but not followed."""


def on_ping(check: Check, ping: Ping) -> Change:
    """Return the change that a ping makes. Success and failure change the state and un-pause. All others do not, except
    that a stuck run moves, and that a run may begin against what is expected."""
    if ping.signal in (Signal.START, Signal.LOG, Signal.PROGRESS):
        return _under_way(check, ping)
    check = breach.counted(check, ping)
    run = _run_of(check, ping)
    if ping.signal is Signal.SUCCESS and ping.verdict is None:
        ping = replace(ping, verdict=breach.of_success(check, ping, run))
    ended, duration = _ended(check, ping, run)
    ended = _without_stuck(ended, ping.at)
    if check.state is State.PAUSED and check.manual_resume:
        return Change(marked(ended, ping), None, duration)
    if ping.signal is Signal.FAIL:
        return _failed(ended, ping, duration)
    if ping.verdict is not None:
        return _judged(ended, ping, ping.verdict, duration)
    return _succeeded(ended, ping, duration)


def on_due(check: Check, now: datetime, blind: Sequence[Blind] = ()) -> Change:
    """Return the change that silence until `now` makes. Before the deadline, `wake_at` moves and misses are counted.

    `blind` are the times in which no ping could be heard, oldest first.
    """
    if excuse := amnesty.excuse(check, now, blind):
        if excuse.lost:
            return _unheard(check, excuse.span, now, blind)
        later = blindness.bound(check.grace, excuse.span.ended_at)
        if now < later:
            return Change(frozen.changed(check, wake_at=later))
    limit = deadline.of(check)
    if limit is None or now < limit:
        return _missed(check, now)
    failed = deadline.failed_at(check)
    if failed is not None:
        return _down(check, Raised(Cause.FAILED, f"{times.count(check.failures, 'failure')} in a row"), now)
    overrun = deadline.overrun_at(check)
    if overrun is not None and overrun <= now and overrun == limit:
        return _overran(check, now)
    if limit == deadline.stuck_at(check):
        return _down(check, Raised(Cause.STUCK, headway.stuck_why(check, now)), now)
    if limit != deadline.silent_at(check):
        return _unfinished(check, now)
    return fallen_silent(check, now)


def _unheard(check: Check, span: Blind, now: datetime, blind: Sequence[Blind]) -> Change:
    """Expect a check from the time on at which sight returned. Whether its last run went well is unknown.

    A check that has failed stays down.
    """
    expected = replace(check, armed_at=max(check.armed_at, span.ended_at), missed=0, runs=())
    if check.state is not State.DOWN:
        since = check.since if check.state is State.UNKNOWN else now
        expected = replace(expected, state=State.UNKNOWN, since=since)
    limit = deadline.of(expected)
    if limit is not None and limit <= now:
        # Sight had returned for long enough, and nobody judged meanwhile.
        return on_due(expected, now, blind)
    return Change(_armed(expected), Unheard(span.id, f"could not be heard: {span.why}"))


def fallen_silent(check: Check, now: datetime) -> Change:
    """Turn a check down because no ping came in time."""
    if check.last_heard_at is None:
        why = "was never heard"
    elif check.alert_after.missed > 1:
        why = f"missed {check.alert_after.missed} runs in a row"
    else:
        why = "was not heard in time"
    return _down(check, Raised(Cause.SILENT, why), now)


def paused(check: Check, now: datetime, by: str) -> Change:
    """Pause a check: no ping is expected until it is resumed, or until its next ping unless `manual_resume` is set."""
    if check.state is State.PAUSED:
        return Change(check)
    event = Cleared(f"paused by {by}") if check.state is State.DOWN else None
    rested = replace(check, state=State.PAUSED, cause=None, fault=None, since=now, wake_at=None)
    return Change(replace(rested, failures=0, missed=0, runs=(), recent_runs=NONE_COUNTED), event)


def resumed(check: Check, now: datetime, place: int = 0) -> Change:
    """Resume a paused check: it is expected from now on, as if it were new. For `place`, see `rearmed`."""
    return Change(rearmed(check, now, place)) if check.state is State.PAUSED else Change(check)


def rearmed(check: Check, now: datetime, place: int = 0) -> Check:
    """Expect a check from `now` on. Earlier pings no longer count for its next due time.

    `place` is its place among many that are expected anew at once: see `spread`.
    """
    begins_at = now + spread.delay(place, check.schedule)
    new = replace(check, state=State.NEW, cause=None, fault=None, since=now, armed_at=begins_at)
    return _armed(replace(new, failures=0, missed=0, runs=(), recent_runs=NONE_COUNTED))


def excused(check: Check, until: datetime, place: int = 0) -> Check:
    """Expect a check from `until` on, because no ping could arrive earlier. For `place`, see `rearmed`.

    A check that is silent or has overrun stays so until its next ping, and a paused check stays paused.
    """
    if check.state is State.PAUSED:
        return check
    begins_at = max(check.armed_at, until + spread.delay(place, check.schedule))
    return _armed(replace(check, armed_at=begins_at, missed=0, runs=()))


def redefined(check: Check, now: datetime, place: int = 0, **definition: object) -> Check:
    """Give a check a new definition. A new schedule counts from now on: old pings say nothing about it.

    For `place`, see `rearmed`.
    """
    changed: Check = replace(check, **definition)  # type: ignore[arg-type]  # the caller names fields of Check
    if changed.schedule != check.schedule and deadline.is_watched(check):
        changed = replace(changed, armed_at=now + spread.delay(place, changed.schedule), missed=0)
    return _armed(changed)


def _armed(check: Check) -> Check:
    """Return the check with the time to look at it again: its deadline, or its next missed run if that is tolerated."""
    limit = deadline.of(check)
    tolerant = deadline.is_watched(check) and check.alert_after.missed > 1
    miss = deadline.missed_at(check, check.missed + 1) if tolerant else None
    return frozen.changed(check, wake_at=min(limit, miss) if limit and miss else limit)


def _missed(check: Check, now: datetime) -> Change:
    """Count the runs that the check has missed until `now`, none of which turns it down."""
    missed = check.missed
    while (
        deadline.is_watched(check) and (at := deadline.missed_at(check, missed + 1)) is not None and at <= now
    ):
        missed += 1
    if missed == check.missed:
        return Change(_armed(check))
    why = f"missed {missed} of {check.alert_after.missed}"
    return Change(_armed(replace(check, missed=missed)), Tolerated(Cause.SILENT, why))


def _under_way(check: Check, ping: Ping) -> Change:
    """Hear a ping that ends no run. A check that is stuck is so no longer once no run of it is.

    It is then what it was before.
    """
    begins = ping.signal is Signal.START or (
        ping.signal is Signal.PROGRESS and headway.opens_run(check, ping)
    )
    check = breach.counted(check, ping) if begins else check
    heard = _started(check, ping) if begins else replace(check, last_other_at=ping.at)
    heard = headway.reported(heard, ping)
    verdict = breach.of_start(check, ping) if begins else None
    if verdict is not None:
        return _down(heard, _event(verdict), ping.at)
    if check.cause is not Cause.STUCK or any(headway.is_stuck(heard, run, ping.at) for run in heard.runs):
        return Change(_armed(heard))
    if check.fault is not None:
        event = check.fault.event
        return Change(_armed(replace(heard, cause=event.cause, since=check.fault.since)), event)
    was_up = check.last_ok_at is not None and check.last_ok_at >= check.armed_at
    moves = replace(heard, state=State.UP if was_up else State.NEW, cause=None, since=ping.at)
    return Change(_armed(moves), Cleared(headway.moving_why(heard)))


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


def duration_of(check: Check, ping: Ping) -> timedelta | None:
    """Return the duration of the run that a ping ends. None if no ping began it."""
    return _ended(check, ping, _run_of(check, ping))[1]


def _run_of(check: Check, ping: Ping) -> Run | None:
    return next((run for run in check.runs if run.rid == ping.rid), None)


def _ended(check: Check, ping: Ping, run: Run | None) -> tuple[Check, timedelta | None]:
    if run is None:
        return check, None
    rest = breach.still_open(check, run)
    return replace(check, runs=rest), max(ping.at - run.started_at, timedelta())


def _without_stuck(check: Check, now: datetime) -> Check:
    """Return a check of which a run has ended, without the runs that were reported as stuck."""
    if check.cause is not Cause.STUCK:
        return check
    return replace(check, runs=tuple(run for run in check.runs if not headway.is_stuck(check, run, now)))


def _latest(previous: datetime | None, at: datetime) -> datetime:
    return at if previous is None else max(previous, at)


def marked(check: Check, ping: Ping) -> Check:
    """Return the check with the time of its last success or failure, which only moves forward."""
    if ping.signal is Signal.SUCCESS and ping.verdict is None:
        return replace(check, last_ok_at=_latest(check.last_ok_at, ping.at))
    return replace(check, last_fail_at=_latest(check.last_fail_at, ping.at))


def _succeeded(check: Check, ping: Ping, duration: timedelta | None) -> Change:
    heard = replace(marked(check, ping), failures=0, missed=0)
    if check.state is State.UP:
        return Change(_armed(heard), None, duration)
    armed_at = ping.at if check.state is State.PAUSED else check.armed_at
    # Once the job succeeds, runs that were reported as overran are no longer followed.
    runs = tuple(run for run in heard.runs if not run.overran)
    up = replace(heard, state=State.UP, cause=None, fault=None, since=ping.at, armed_at=armed_at, runs=runs)
    event = Cleared(WELL) if check.state is State.DOWN else None
    return Change(_armed(up), event, duration)


def _failed(check: Check, ping: Ping, duration: timedelta | None) -> Change:
    why = f"exit status {ping.exit_status}" if ping.exit_status else "reported failure"
    heard = replace(_unpaused(marked(check, ping), ping), failures=check.failures + 1, missed=0)
    limit = check.alert_after.failures
    if deadline.is_watched(heard) and heard.failures < limit:
        event = Tolerated(Cause.FAILED, f"{why}, failure {heard.failures} of {limit}")
        return Change(_armed(heard), event, duration)
    if heard.failures >= limit > 1:
        why += f", {heard.failures} failures in a row"
    change = _down(heard, Raised(Cause.FAILED, why), ping.at)
    return replace(change, duration=duration)


def _judged(check: Check, ping: Ping, verdict: Verdict, duration: timedelta | None) -> Change:
    """Turn a check down for the fault of a run that reports success: it is heard, but not well."""
    heard = replace(_unpaused(marked(check, ping), ping), failures=0, missed=0)
    return replace(_down(heard, _event(verdict), ping.at), duration=duration)


def _event(verdict: Verdict) -> Raised:
    return Raised(verdict.cause, verdict.why, verdict.severity, verdict.evidence)


def _unpaused(check: Check, ping: Ping) -> Check:
    """Return the check as it is expected again: a ping ends a pause, and a time in which it could not be heard."""
    if check.state is State.UNKNOWN:
        return replace(check, state=State.UP, since=ping.at)
    if check.state is not State.PAUSED:
        return check
    return replace(check, state=State.NEW, since=ping.at, armed_at=ping.at)


def _overran(check: Check, now: datetime) -> Change:
    why = headway.overrun_why(check, now)
    return _down(headway.overrun(check, now), Raised(Cause.OVERRUN, why), now)


def _unfinished(check: Check, now: datetime) -> Change:
    expected = check.expectation
    by = f" by {time_of_day.written(expected.finish_by)} {expected.timezone}" if expected.finish_by else ""
    return _down(check, Raised(Cause.UNFINISHED, f"not finished{by}"), now)


def _down(check: Check, event: Raised, now: datetime) -> Change:
    since = check.since if check.state is State.DOWN and check.cause is event.cause else now
    fault = Fault(event, now, since) if event.cause.expects else _standing_fault(check)
    down = frozen.changed(check, state=State.DOWN, cause=event.cause, since=since, fault=fault, wake_at=None)
    # A check whose job goes on running has a next deadline. A silent or overrun one waits for its next ping.
    return Change(_armed(down) if event.cause.expects else down, event)


def _standing_fault(check: Check) -> Fault | None:
    if check.cause is None:
        return None
    if not check.cause.expects:
        return check.fault
    # A release before this field has written no fault, or left an earlier one.
    known = check.fault is not None and check.fault.event.cause is check.cause
    earlier = Fault(Raised(check.cause, check.cause.words.word), check.since, check.since)
    return check.fault if known else earlier
