"""The sentence at the top of the screen of a check, by its state and its cause. Pure."""

from dataclasses import replace
from datetime import datetime

from alerting import times
from heartbeat.checks import deadline, headway, schedule
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, State, Tolerance
from heartbeat.checks.schedule import Every
from heartbeat.http.pages.sentence import Words, ZoneTime, ahead


def of(check: Check, why: str, now: datetime) -> Words:
    """Return the state of a check, the expected time and the next one. `why` is the reason of its last change."""
    match deadline.status(check, now):
        case State.LATE:
            return _late(check, now)
        case State.UNKNOWN:
            return _unknown(check, why, now)
        case State.NEW | State.UP if check.failures:
            return _failing(check, why, now)
        case State.NEW:
            return _new(check, now)
        case State.UP:
            return ("Last heard ", *_heard(check, now), *_next_due(check, now), ".")
        case State.PAUSED:
            how = "only by hand" if check.manual_resume else "with its next ping, or by hand"
            return ("Paused since ", check.since, f". It resumes {how}.")
        case _:
            return _down(check, why, now)


def tolerated(check: Check) -> str:
    """Return the faults that do not turn the check down yet: "failed once", "missed 1 of 2"; empty without any."""
    if not deadline.is_watched(check):
        return ""
    faults = []
    if check.failures:
        failed = "once" if check.failures == 1 else f"{check.failures} times"
        faults.append(f"failed {failed}, down after {check.alert_after.failures}")
    if check.missed:
        faults.append(f"missed {check.missed} of {check.alert_after.missed}")
    return "; ".join(faults)


def of_tolerance(tolerance: Tolerance) -> str:
    """Return the faults in a row that turn a check down: "3 failures or 1 missed run"."""
    failures = times.count(tolerance.failures, "failure")
    return f"{failures} or {times.count(tolerance.missed, 'missed run')} in a row"


def expected_at(check: Check) -> datetime | None:
    """Return the time at which the check was due, also of a check that is down."""
    return deadline.due_at(replace(check, state=State.UP, cause=None))


def next_due(check: Check, now: datetime) -> datetime | None:
    """Return the due time of the next run; None if it depends on the next ping."""
    if check.state is State.PAUSED:
        return None
    due = deadline.due_at(check)
    if due is not None:
        return due
    return None if isinstance(check.schedule, Every) else schedule.next_slot(check.schedule, now)


def _new(check: Check, now: datetime) -> Words:
    due = deadline.due_at(check)
    if due is None:
        return ("Not heard yet.",)
    heard: Words = ("Last heard ", *_heard(check, now)) if check.last_heard_at else ("Not heard yet",)
    number = "next" if check.last_heard_at else "first"
    return (*heard, f"; {number} due ", *_by_its_clock(check, due), f", {ahead(due, now)}.")


def _failing(check: Check, why: str, now: datetime) -> Words:
    failed: Words = ("Failed at ", check.last_fail_at or now, f": {why or 'reported failure'}")
    return (*failed, ". Nobody is paged yet", *_next_due(check, now), ".")


def _late(check: Check, now: datetime) -> Words:
    due, silent_at = deadline.due_at(check) or now, deadline.silent_at(check) or now
    limit = min(silent_at, deadline.unfinished_at(check) or silent_at)
    faults = tolerated(check)
    return (
        "Late: due ",
        *_by_its_clock(check, due),
        f" ({times.ago(due, now)}){f', {faults}' if faults else ''}. It is down at ",
        limit,
        _unless(check) if limit == silent_at else " unless it succeeds.",
    )


def _unless(check: Check) -> str:
    """Return what keeps a check from being called silent, as the end of a sentence."""
    moves = check.until_done and headway.newest(check) is not None
    return " unless its run moves or ends." if moves else " if it stays silent."


def _unknown(check: Check, why: str, now: datetime) -> Words:
    heard: Words = ("last heard ", *_heard(check, now)) if check.last_heard_at else ("never heard",)
    limit = deadline.of(check)
    bound: Words = (" It is down at ", limit, " if it stays silent.") if limit else ()
    return (
        "Unknown since ",
        check.since,
        f": {why or 'could not be heard'}; ",
        *heard,
        *_next_due(check, now),
        ".",
        *bound,
    )


def _down(check: Check, why: str, now: datetime) -> Words:
    turned_down: Words = (_began(check.cause), check.since)
    if check.cause is Cause.STUCK or (check.cause is Cause.OVERRUN and check.until_done):
        return (*turned_down, f": {why or 'no progress'}.")
    if check.cause is Cause.OVERRUN:
        limit = f" of {times.duration(check.max_runtime)}" if check.max_runtime else ""
        return (*turned_down, f": still running after its maximum run time{limit}.")
    if check.cause is Cause.UNFINISHED:
        return (*turned_down, *_unfinished(check, why, now), ".")
    if check.cause is not Cause.SILENT:
        return (*turned_down, f": {why or 'reported failure'}", *_next_due(check, now), ".")
    due = expected_at(check)
    expected: Words = (", expected ", *_by_its_clock(check, due)) if due else ()
    heard: Words = ("; last heard ", *_heard(check, now)) if check.last_heard_at else ("; never heard",)
    return (*turned_down, *expected, *heard, *_next_due(check, now), ".")


def _unfinished(check: Check, why: str, now: datetime) -> Words:
    began = min((run.started_at for run in check.runs), default=None)
    if began is not None:
        return (f": {why}; started ", began, f" ({times.ago(began, now)})")
    return (
        f": {why}",
        *(("; last heard ", *_heard(check, now)) if check.last_heard_at else ("; never heard",)),
    )


def _began(cause: Cause | None) -> str:
    """Return "Silent since " for a state that lasts, "Failed at " for an event."""
    words = (cause or Cause.SILENT).words
    return f"{words.alone.capitalize()} {'since' if words.lasts else 'at'} "


def _next_due(check: Check, now: datetime) -> Words:
    due = next_due(check, now)
    return ("; next due ", *_by_its_clock(check, due), f", {ahead(due, now)}") if due and due > now else ()


def _heard(check: Check, now: datetime) -> Words:
    at = check.last_heard_at or now
    return (at, f" ({times.ago(at, now)})")


def _by_its_clock(check: Check, at: datetime) -> Words:
    """Return an instant, with the local time of the schedule if that is not UTC."""
    if isinstance(check.schedule, Every):
        return (at,)
    zone = check.schedule.timezone
    local = at.astimezone(times.zone(zone))
    return (at, ZoneTime(f" ({local:%H:%M} {zone})", zone)) if local.utcoffset() else (at,)
