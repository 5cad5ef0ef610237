"""The amnesty after a blindness: the time in which a ping was expected that nobody could hear. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from heartbeat.checks import blindness, deadline, headway, schedule
from heartbeat.checks.blindness import Blind, Excuse, Window
from heartbeat.checks.check import Check, State
from heartbeat.checks.schedule import Every


def excuse(check: Check, now: datetime, blind: Sequence[Blind]) -> Excuse | None:
    """Return the blindness that excuses what the check has missed by `now`. None without one."""
    if not blind or deadline.failed_at(check) is not None:
        return None
    limit = deadline.of(check)
    if limit is not None and limit <= now and limit in (deadline.overrun_at(check), deadline.stuck_at(check)):
        window = _last_word(check, limit), limit
        # A run that goes on speaks again. Only a long silence hides its end.
        return blindness.excuse(window, window, blind, mostly=True)
    due = deadline.due_at(check)
    end = limit if limit is not None and limit <= now else deadline.missed_at(check, check.missed + 1)
    if due is None or end is None or end > now:
        return None
    begin, usual = _arrival(check, due)
    again = check.state is State.UNKNOWN
    return blindness.excuse((begin, end), (begin, min(usual, end)), blind, mostly=again)


def _last_word(check: Check, limit: datetime) -> datetime:
    """Return the last word of the open run that comes to no end: its last report, else its start."""
    words = [
        run.progress.moved_at if run.progress else run.started_at
        for run in check.runs
        if limit in (headway.ends_by(check, run), headway.run_stuck_at(check, run))
    ]
    return min(words, default=limit)


def _arrival(check: Check, due: datetime) -> Window:
    """Return the time in which the ping of a run usually comes."""
    heard = max((at for at in (check.last_ok_at, check.last_fail_at) if at), default=None)
    known = heard if heard is not None and heard >= check.armed_at else None
    if isinstance(check.schedule, Every):
        spread = min(check.grace, max(blindness.SHORTEST, check.schedule.period / 20))
        early = min(spread, check.schedule.period / 2)
        # Whoever was not heard since may come at any time of the period.
        return (due - early if known else check.armed_at), due + spread
    begin = max(due - schedule.earliness(check.schedule, due), known or check.armed_at)
    following = schedule.next_slot(check.schedule, due)
    if known is None or following is None:
        return begin, due + check.grace
    after_its_slot = max(known - (due - (following - due)), timedelta())
    return begin, due + min(check.grace, max(blindness.SHORTEST, 2 * after_its_slot))
