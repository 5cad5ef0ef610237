"""The expectation of a check in the file: how often and how long it runs, one at a time, and when. Pure."""

from datetime import timedelta

from heartbeat.checks import time_of_day
from heartbeat.checks.expectation import Expectation, RunLimit
from heartbeat.checks.schedule import Every, Schedule
from heartbeat.checks.time_of_day import Window
from heartbeat.definitions import entry
from heartbeat.definitions.document import Node


def expectation(check: Node, schedule: Schedule, timezone: str, max_runtime: timedelta | None) -> Expectation:
    """Return the expectation of a check. Its times of day are those of its schedule's zone. Problems are reported."""
    least = check.read("min_runtime", entry.between(entry.MIN_RUNTIME), None)
    if least is not None and max_runtime is not None and least > max_runtime:
        check.fields()["min_runtime"].report("is longer than max_runtime; no run could keep both.")
    by = check.read("finish_by", time_of_day.parse, None)
    if by is not None and isinstance(schedule, Every):
        check.fields()["finish_by"].report("needs schedule or on_calendar; an interval has no time of day.")
    window = check.read("window", Window.parse, None)
    zone = timezone if isinstance(schedule, Every) else schedule.timezone
    return Expectation(
        at_most=check.read("at_most", RunLimit.parse, None),
        min_runtime=least,
        one_at_a_time=check.read("one_at_a_time", entry.truth, False),
        finish_by=by,
        window=window,
        timezone="UTC" if by is None and window is None else zone,
    )
