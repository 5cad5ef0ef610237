"""What a rule would have said of a check's past, before it counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from sqlalchemy import Connection

from alerting import times
from heartbeat.checks import judgement, rule_grammar
from heartbeat.checks.check import Check
from heartbeat.checks.judgement import TriedRun
from heartbeat.checks.rule import Body, Rule, reads_body
from heartbeat.measurements import history, rule_hours
from heartbeat.measurements import store as measurements
from heartbeat.measurements.rule_hours import Hour
from heartbeat.pings import store

DAYS: Final = 90
"""Days that a trial looks back."""
SHOWN: Final = 20
"""Broken runs, and days, that are named: the newest."""
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class BrokenDay:
    """A day before the kept runs: how many of its hours have values that break the rule, and why the first does."""

    day: date
    hours: int
    why: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rule says of the last runs, and of the days before them of which only figures are kept, oldest first.

    `days` are those that break the rule, `earlier` counts all days before the runs.
    """

    rule: Rule
    runs: Sequence[TriedRun]
    days: Sequence[BrokenDay]
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

    @property
    def method(self) -> str:
        """How the days before the runs are judged: "by the median of each hour"."""
        return rule_hours.method(self.rule.condition)


def of(db: Connection, check: Check, rule: Rule, now: datetime) -> Trial:
    """Return what a rule would have said of a check's runs of the last days. Nothing is changed."""
    since = now - timedelta(days=DAYS)
    kept = store.finished_runs(db, [check.id], store.KEEP, bodies=reads_body(rule))[check.id]
    until = kept[0].at if kept else now
    name = judgement.measured(rule)
    hours = _hours(db, check, name, since, until) if name else []
    older = {name: rule_hours.middles(hours)} if name else {}
    runs = [run for run in judgement.tried(rule, kept, older) if run.at >= since]
    days = {history.day_of(at) for at, _ in hours}
    return Trial(rule, runs, list(_broken_days(rule, hours)), len(days))


def _hours(db: Connection, check: Check, name: str, since: datetime, until: datetime) -> list[Hour]:
    """Return the hours with values of a number that end before the kept runs begin."""
    days = measurements.of_check(db, check.id, history.day_of(since), [name]).get(name, {})
    return [(at, spread) for at, spread in history.hours(days) if since <= at <= until - _HOUR]


def _broken_days(rule: Rule, hours: Sequence[Hour]) -> Iterator[BrokenDay]:
    broken = [found for found in rule_hours.findings(rule.condition, hours) if not found[1].kept]
    for day, found in groupby(broken, key=lambda item: history.day_of(item[0])):
        (_, first), *others = found
        yield BrokenDay(day, 1 + len(others), first.why)


def lines(trial: Trial) -> Iterator[str]:
    """Yield a trial in words, newest runs first."""
    yield f"Rule: {rule_grammar.in_words(trial.rule)}"
    if trial.runs:
        yield _of_runs(trial)
        paging = {run.at for run in trial.falls}
        for run in trial.broken[: -SHOWN - 1 : -1]:
            paged = "; would have paged" if run.at in paging else ""
            yield f"  {run.at:%Y-%m-%d %H:%M} UTC  {run.finding.why}{paged}"
    elif not trial.earlier:
        yield f"No run of the last {DAYS} days is kept."
    if isinstance(trial.rule.condition, Body):
        yield f"Bodies are kept of the last {store.KEEP} pings only."
    if trial.earlier:
        yield _of_days(trial)
    for day in trial.days[: -SHOWN - 1 : -1]:
        yield f"  {day.day}  {_in_hours(day)}{day.why}"


def _of_runs(trial: Trial) -> str:
    broken = f"Broken by {len(trial.broken)} of the last {times.count(len(trial.runs), 'run')}"
    since = f"since {trial.runs[0].at:%Y-%m-%d %H:%M} UTC"
    return f"{broken}, {since}. It would have paged {_often(len(trial.falls))}."


def _of_days(trial: Trial) -> str:
    days = f"{len(trial.days)} of {times.count(trial.earlier, 'day')}{' before that' if trial.runs else ''}"
    every = f' There, "for {trial.rule.runs} runs" is not applied.' if trial.rule.runs > 1 else ""
    return f"Broken on {days}, judged {trial.method}.{every}"


def _in_hours(day: BrokenDay) -> str:
    return f"{day.hours} hours, first: " if day.hours > 1 else ""


def _often(count: int) -> str:
    return {0: "nobody", 1: "once"}.get(count, f"{count} times")
