"""Hours that people edit: those for which warnings wait, and those in which somebody wants to sleep."""

from dataclasses import replace
from datetime import time, timedelta

from alerting.escalation import Policy
from alerting.person import Person
from alerting.quiet_hours import QuietHours
from alerting.rotation import Window
from alerting.working_hours import WorkingHours
from tests.simulation import cast

EACH_DAY = tuple(range(7))


def working(opens: int, closes: int) -> WorkingHours:
    """From so many minutes after three o'clock to so many, each day."""
    three = timedelta(hours=3)
    hours = Window(EACH_DAY, three + timedelta(minutes=opens), three + timedelta(minutes=closes))
    return WorkingHours((hours,))


WORKING = (None, working(4, 30), working(20, 40), cast.OFFICE, working(0, 6))
QUIET = (None, QuietHours(time(3, 2), time(3, 20)), QuietHours(time(3, 10), time(3, 14)))


def rearranged(policy: Policy, nth: int) -> Policy:
    """A policy with other hours for which its warnings wait, or with none."""
    return replace(policy, warnings_wait_for=WORKING[nth % len(WORKING)])


def rested(person: Person, nth: int) -> Person:
    """A person with other quiet hours, or with none."""
    return replace(person, quiet_hours=QUIET[nth % len(QUIET)])
