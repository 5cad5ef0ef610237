"""The instant before which a check was last heard if it is overdue now. Pure.

A check that was heard later is due no earlier, so one instant tells all checks of a schedule apart.
"""

from datetime import datetime

from heartbeat.checks import schedule
from heartbeat.checks.schedule import Cron, Every, OnCalendar, Schedule

_WALK = 4
"""Slots after which the walk to the last one leaps."""


def overdue_before(planned: Schedule, since: datetime, now: datetime, *, heard: bool) -> datetime:
    """Return the instant: of the checks that count from `since` or later, those that count from before it are overdue.

    They count from their last ping if they were `heard`, else from the start of their expectation.
    """
    if isinstance(planned, Every):
        return now - planned.period
    slot = _last_slot(planned, since, now)
    if slot is None:
        return since
    # A ping shortly before its slot counts for it.
    return slot - schedule.earliness(planned, slot) if heard else slot


def _last_slot(planned: Cron | OnCalendar, since: datetime, now: datetime) -> datetime | None:
    """Return the last slot after `since` and before `now`."""
    last = None
    following = schedule.next_slot(planned, since)
    walked = 0
    leaps = [
        now.replace(minute=0, second=0, microsecond=0),
        now.replace(hour=0, minute=0, second=0, microsecond=0),
    ]
    while following is not None and following < now:
        last, walked = following, walked + 1
        if walked >= _WALK and leaps:
            leapt = schedule.next_slot(planned, max(last, leaps.pop()))
            last = leapt if leapt is not None and leapt < now else last
        following = schedule.next_slot(planned, last)
    return last
