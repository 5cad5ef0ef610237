"""The progress of a long repair on a status page, in customers' words. Pure.

It comes from measurement alone. A page says nothing of a run that has not reported lately, that does not move, or that
does not know how much there is to do.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from heartbeat.checks import headway, progress
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check

STALE: Final = timedelta(minutes=15)
"""The age from which a report is no longer shown, and the longest time without a move."""


@dataclass(frozen=True, slots=True)
class CatchingUp:
    """How far a run is in percent, when it was measured, and by when it is expected to end, if that can be told."""

    percent: int
    measured_at: datetime
    expected_by: datetime | None = None


def of(check: Check, now: datetime) -> CatchingUp | None:
    """Return the progress of the run of a check; None if there is none to tell customers."""
    run = headway.newest(check)
    if (
        run is None
        or run.progress is None
        or run.progress.amount.percent is None
        or check.cause is Cause.STUCK
    ):
        return None
    reports, percent = run.progress, run.progress.amount.percent
    if now - reports.reported_at > STALE or reports.reported_at - reports.moved_at > STALE:
        return None
    estimate = progress.estimate(reports)
    expected_by = estimate.by if estimate is not None and estimate.by > now else None
    return CatchingUp(percent, reports.reported_at, expected_by)
