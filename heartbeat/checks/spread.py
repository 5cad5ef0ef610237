"""The first deadlines of checks that are expected anew at once: after an import, a restore, a resumption. Pure.

Checks with an interval would all be due in the same second, and again in each later period. They are expected one
after the other instead. The times of a calendar are their own, and stay.
"""

from datetime import timedelta
from typing import Final

from heartbeat.checks.schedule import Every, Schedule

PER_SECOND: Final = 100
"""The most checks of one interval that fall due in a second. Fewer are expected at once, as each would be alone."""
LONGEST: Final = timedelta(seconds=1_000)
"""The longest delay: that of the last of 100,000 checks."""
PART: Final = 10
"""A check is expected at most one part of so many of its interval later than it would be alone."""


def delay(place: int, schedule: Schedule) -> timedelta:
    """Return how much later the check in this place of many is expected than the first, which has place 0."""
    if not isinstance(schedule, Every):
        return timedelta()
    return min(timedelta(seconds=place // PER_SECOND), LONGEST) % (schedule.period / PART)
