"""What a rule would have said of a check's past, before it counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from alerting import times
from heartbeat.checks import judgement, rule_grammar
from heartbeat.checks.check import Check
from heartbeat.checks.judgement import TriedRun
from heartbeat.checks.rule import Limit, Rule, figure, reads_body
from heartbeat.measurements import history
from heartbeat.measurements import store as measurement_store
from heartbeat.measurements.history import Spread
from heartbeat.pings import store

DAYS: Final = 90
"""Days that a trial looks back."""
SHOWN: Final = 20
"""Broken runs, and days, that are named: the newest."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rule says of the last runs, oldest first, and of the days before them of which only the extremes are kept.

    `days` are those with a value that breaks the rule, `earlier` counts all days before the runs.
    """

    rule: Rule
    runs: Sequence[TriedRun]
    days: Sequence[tuple[date, Spread]]
    earlier: int

    @property
    def broken(self) -> list[TriedRun]:
        """The runs that break the rule."""
        return [run for run in self.runs if not run.finding.kept]

    @property
    def falls(self) -> list[TriedRun]:
        """The runs that would have turned the check down."""
        before = [None, *self.runs]
        return [
            run
            for last, run in zip(before, self.runs, strict=False)
            if run.counts and not (last and last.counts)
        ]


def of(db: Connection, check: Check, rule: Rule, now: datetime) -> Trial:
    """Return what a rule would have said of a check's runs of the last days. Nothing is changed."""
    since = now - timedelta(days=DAYS)
    kept = store.finished_runs(db, [check.id], store.KEEP, bodies=reads_body(rule))[check.id]
    runs = [run for run in judgement.tried(rule, kept) if run.at >= since]
    until = history.day_of(runs[0].at if runs else now)
    days = _days(db, check, rule.condition, since.date(), until) if isinstance(rule.condition, Limit) else {}
    broken = [(day, spread) for day, spread in days.items() if _breaks(rule.condition, spread)]
    return Trial(rule, runs, broken, len(days))


def lines(trial: Trial) -> Iterator[str]:
    """Yield a trial in words, newest runs first."""
    yield f"Rule: {rule_grammar.in_words(trial.rule)}"
    if not trial.runs and not trial.earlier:
        yield f"No run of the last {DAYS} days is kept."
        return
    runs, broken, falls = len(trial.runs), trial.broken, len(trial.falls)
    yield f"Broken by {len(broken)} of the last {times.count(runs, 'run')}. It would have paged {_often(falls)}."
    for run in broken[: -SHOWN - 1 : -1]:
        yield f"  {run.at:%Y-%m-%d %H:%M} UTC  {run.finding.why}"
    if trial.earlier:
        yield f"Broken on {len(trial.days)} of {times.count(trial.earlier, 'day')} before that."
    for day, spread in trial.days[: -SHOWN - 1 : -1]:
        yield f"  {day}  {figure(spread.low)} to {figure(spread.high)}"


def _often(count: int) -> str:
    return {0: "nobody", 1: "once"}.get(count, f"{count} times")


def _days(db: Connection, check: Check, condition: Limit, since: date, until: date) -> dict[date, Spread]:
    """Return the lowest and highest values of each day before the kept runs."""
    days = measurement_store.of_check(db, check.id, since, [condition.name]).get(condition.name, {})
    return {day: value.whole for day, value in days.items() if day < until}


def _breaks(condition: object, spread: Spread) -> bool:
    if not isinstance(condition, Limit):
        return False
    return not all(condition.operator.holds(value, condition.limit) for value in (spread.low, spread.high))
