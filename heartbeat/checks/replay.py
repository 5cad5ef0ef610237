"""Pings that come again after a blindness, with the time of their run. Pure.

A ping that nobody could hear is lost, unless its sender keeps it and sends it again with `at`. It is then a fact of the
past: it counts for its own time, and never says that a job that has died since is well.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from alerting import frozen
from heartbeat.checks import deadline, life
from heartbeat.checks.blindness import Blind
from heartbeat.checks.check import NONE_COUNTED, Change, Check, Ping, Signal, State

AROUND = timedelta(seconds=30)
"""How far `at` may lie before or after a blindness, or beside the arrival of its ping: clocks differ."""
LATEST = timedelta(days=7)
"""The time after a blindness in which its pings may come again."""
SAME = timedelta(seconds=10)
"""Two pings of one kind and one run within this time are the same ping: it was stored, and its answer was lost."""
UNREADABLE = "at was not understood: it needs a date, a time and a zone, such as 2026-11-29T02:00:00Z."

_UNIX = re.compile(r"\d{9,10}(?:\.\d{1,9})?\Z", re.ASCII)


def read(text: str) -> datetime | None:
    """Return the time that a ping names, as ISO 8601 with its zone or in seconds since 1970. None if it is neither."""
    if _UNIX.match(text):
        return datetime.fromtimestamp(float(text), UTC)
    # A plus that was not encoded arrives as a space.
    for written in (text, text.replace(" ", "+")):
        with suppress(ValueError, OverflowError):
            at = datetime.fromisoformat(written)
            if at.tzinfo is not None and 1970 < at.year < 2200:
                return at.astimezone(UTC)
    return None


def refusal(at: datetime, now: datetime, blind: Blind | None) -> str | None:
    """Return why a ping does not count from the time that it names, in a sentence. None if it does."""
    if at > now:
        why = "in the future"
    elif blind is None:
        why = "when heartbeat could hear pings"
    elif now - blind.ended_at > LATEST:
        why = f"more than {LATEST.days} days ago"
    else:
        return None
    return f"at was {at:%Y-%m-%d %H:%M:%S} UTC, {why}, so the ping counts from its arrival."


def is_now(at: datetime, now: datetime) -> bool:
    """Return whether a ping names about the time of its arrival. It is then like any other."""
    return abs(now - at) <= AROUND


def is_news(check: Check, ping: Ping) -> bool:
    """Return whether a ping of the past says something about the check now: nothing later was heard, or decided."""
    heard = max((at for at in (check.last_ok_at, check.last_fail_at) if at), default=None)
    too_late = heard is not None and heard >= ping.at
    before_its_time = check.state is State.NEW and ping.at < check.armed_at
    return check.state is not State.PAUSED and not too_late and not before_its_time


def on_ping(check: Check, ping: Ping, blind: Blind, now: datetime) -> Change:
    """Return the change that a ping of the past makes now. `blind` is the blindness in which it was sent."""
    if ping.signal not in (Signal.SUCCESS, Signal.FAIL):
        return _beside(check, ping, now)
    if not is_news(check, ping):
        return Change(life.marked(check, ping))
    change = life.on_ping(check, ping)
    up = change.check.state is State.UP
    if up and check.state is State.UNKNOWN:
        # Its deadline is that of an unknown check, whatever it did then.
        state = State.UP if known(check, ping, blind) else State.UNKNOWN
        return replace(change, check=replace(change.check, state=state, since=check.since))
    if up and check.state is State.DOWN and _is_over(change.check, ping, now):
        # It ran then, and has been silent since.
        return Change(life.marked(check, ping), None, change.duration)
    if (change.check.state, change.check.cause) == (check.state, check.cause):
        return change
    return replace(change, check=replace(change.check, since=now))


@dataclass(frozen=True, slots=True)
class Known:
    """What a check was after a ping of the past, and until when nothing else was expected (None: for good)."""

    change: Change
    until: datetime | None


def known(check: Check, ping: Ping, blind: Blind) -> Known | None:
    """Return what the check was after this ping. None if another run was due before sight returned."""
    if ping.signal not in (Signal.SUCCESS, Signal.FAIL):
        return None
    then = frozen.changed(check, state=State.UP, cause=None, armed_at=min(check.armed_at, ping.at))
    bare = replace(then, last_ok_at=None, last_fail_at=None, failures=0, missed=0, runs=())
    change = life.on_ping(replace(bare, recent_runs=NONE_COUNTED), ping)
    limit = deadline.missed_at(change.check, 1)
    return Known(change, limit) if limit is None or limit > blind.ended_at else None


def _is_over(up: Check, ping: Ping, now: datetime) -> bool:
    limit = deadline.of(replace(up, armed_at=min(up.armed_at, ping.at)))
    return limit is not None and limit <= now


def _beside(check: Check, ping: Ping, now: datetime) -> Change:
    """Hear a ping of the past that ends no run. The run of a start is followed unless it must have ended by now."""
    over = check.max_runtime is not None and ping.at + check.max_runtime <= now
    change = Change(check)
    if ping.signal is Signal.START and is_news(check, ping) and not over:
        change = life.on_ping(check, ping)
    latest = max(ping.at, check.last_other_at or ping.at)
    return replace(change, check=replace(change.check, last_other_at=latest))
