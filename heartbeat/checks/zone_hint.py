"""The question whether the time zone of a schedule is right, where the pings come hours away from every slot. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from alerting import times
from heartbeat.checks import schedule
from heartbeat.checks.schedule import Cron, Every, OnCalendar, Schedule

RUNS: Final = 3
"""Runs in a row, of a slot each, that must be away from it by the same time."""
LEAST: Final = timedelta(minutes=50)
MOST: Final = timedelta(hours=14)
"""The distance from a slot that a wrong zone can make, about."""
SPREAD: Final = timedelta(minutes=20)
"""The difference between the distances of these runs, at most."""
HALF_HOUR: Final = timedelta(minutes=30)


def question(planned: Schedule, grace: timedelta, heard: Sequence[datetime]) -> str | None:
    """Return the question, None if the pings give no reason for it.

    `heard` are the beginnings of successful runs, newest first. A run that is late within its grace is no reason.
    """
    if isinstance(planned, Every) or len(heard) < RUNS:
        return None
    distances = {at: _distance(planned, at) for at in heard[:RUNS]}
    known = [distance for distance in distances.values() if distance is not None]
    slots = {at - distance for at, distance in distances.items() if distance is not None}
    if len(slots) < RUNS or max(known) - min(known) > SPREAD:
        return None
    typical = sorted(known)[RUNS // 2]
    if abs(typical) < LEAST or timedelta() < typical <= grace:
        return None
    away = times.duration(round(abs(typical) / HALF_HOUR) * HALF_HOUR)
    side = "after" if typical > timedelta() else "before"
    return f"The last {RUNS} runs came {away} {side} their slots. Is the time zone {planned.timezone} right?"


def _distance(planned: Cron | OnCalendar, at: datetime) -> timedelta | None:
    """Return how far after its nearest slot a run came, negative if before. None if its slots are too close or far."""
    following = schedule.next_slot(planned, at - MOST)
    if following is None:
        return None
    if following > at:
        return at - following if following - at <= MOST else None
    second = schedule.next_slot(planned, following)
    if second is None or second - following < MOST:
        return None  # With several slots a day, no distance says anything.
    after, before = at - following, second - at
    return after if after <= before else -before
