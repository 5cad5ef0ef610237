"""The run under way, as its reports of progress tell it: how far it is, how fast, and when it ends. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting import times
from heartbeat.checks import headway, progress
from heartbeat.checks.check import Check, Run
from heartbeat.checks.finished_run import written
from heartbeat.checks.progress import Progress
from heartbeat.http.pages.sentence import Words

AGED = timedelta(minutes=2)
"""The age from which the time of the last move is told."""


@dataclass(frozen=True, slots=True)
class RunUnderWay:
    """An open run: its sentences, and the share of it that is done in percent, None if its total is not known.

    `numbers` are the further ones of its reports, `misread` is a sentence on those that were not understood.
    """

    started_at: datetime
    percent: int | None
    amount: Words
    end: Words
    last: Words
    numbers: Sequence[tuple[str, str]] = ()
    misread: str | None = None


def of(check: Check, now: datetime) -> RunUnderWay | None:
    """Return the run that reported its progress last, None without one."""
    run = headway.newest(check)
    if run is None or run.progress is None:
        return None
    return RunUnderWay(
        started_at=run.started_at,
        percent=run.progress.amount.percent,
        amount=_amount(run.progress, moves=not headway.is_stuck(check, run, now)),
        end=_end(check, run, run.progress, now),
        last=_last(run.progress, now),
        numbers=[(name, written(value)) for name, value in run.numbers.items()],
        misread=run.misread,
    )


def in_short(check: Check, now: datetime) -> Words:
    """Return the run for the row of its check: "41 % done, ends about 02:00 UTC". Empty without one."""
    run = headway.newest(check)
    if run is None or run.progress is None:
        return ()
    amount = run.progress.amount
    done = f"{progress.number(amount.done)} done" if amount.percent is None else f"{amount.percent} % done"
    estimate = None if headway.is_stuck(check, run, now) else progress.estimate(run.progress)
    return (done,) if estimate is None else (f"{done}, ends about ", estimate.about)


def _amount(reports: Progress, *, moves: bool) -> Words:
    amount, pace = reports.amount, progress.per_hour(reports) if moves else None
    total = "" if amount.total is None else f" of {progress.number(amount.total)}"
    speed = "" if pace is None else f", {progress.pace_in_words(pace)}"
    return (f"{progress.number(amount.done)}{total} done{speed}.",)


def _end(check: Check, run: Run, reports: Progress, now: datetime) -> Words:
    if headway.is_stuck(check, run, now):
        return ("It does not move.",)
    estimate = progress.estimate(reports)
    if estimate is not None:
        past = estimate.latest < now
        return ("It should have ended about " if past else "It ends about ", estimate.about, ".")
    return () if not reports.amount.left else ("There is no estimate of its end yet.",)


def _last(reports: Progress, now: datetime) -> Words:
    heard: Words = (f"Reported {times.ago(reports.reported_at, now)}",)
    if now - reports.moved_at < AGED or reports.moved_at == reports.reported_at:
        return (*heard, ".")
    return (*heard, f"; last moved {times.ago(reports.moved_at, now)}.")
