"""Rules over what a run reports: their conditions, and what each finds in a run. Pure.

A condition looks at runs that reported success, oldest first; the last one is judged. Where it needs more runs than
there are, it is kept.
"""

import operator
import re
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import Final, TypeAlias

import re2

from alerting import times
from alerting.severity import Severity
from heartbeat import duration
from heartbeat.checks.finished_run import BODY_SIZE, DURATION, EXIT_STATUS, FinishedRun, told_apart
from heartbeat.checks.finished_run import number as exact

RUNS: Final = (2, 100)
"""Runs over which a condition can look."""
CONSECUTIVE: Final = (1, 20)
"""Runs in a row that must break a rule."""
FEWEST: Final = 5
"""Earlier runs without which there is no median."""
ETA_RUNS: Final = 5
"""Runs whose values give the speed of an estimate, at most."""
WEEK: Final = timedelta(days=7)
NEARBY: Final = timedelta(hours=12)
"""How far from a week before a run may lie and count as that of the same weekday."""
LONGEST_PATTERN: Final = 200
"""Characters of a text or expression to look for, at most."""
SEARCHED: Final = 1_000_000
"""Characters of a body that are searched, its last ones."""
_MEMORY: Final = 1 << 20
"""Bytes that a compiled expression may take."""


class Operator(StrEnum):
    """A comparison."""

    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    EQUAL = "="
    OTHER = "!="

    def holds(self, value: float, limit: float) -> bool:
        """Return whether the value compares so to the limit."""
        return _COMPARE[self](value, limit)


_COMPARE: Final[Mapping[Operator, Callable[[float, float], bool]]] = {
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.MORE: operator.gt,
    Operator.AT_LEAST: operator.ge,
    Operator.EQUAL: operator.eq,
    Operator.OTHER: operator.ne,
}


class Move(StrEnum):
    """The way that values must go."""

    FALLS = "falls"
    RISES = "rises"


class Distance(StrEnum):
    """How far from an earlier value the new one may be, or must be."""

    LESS = "less"
    MORE = "more"


@dataclass(frozen=True, slots=True)
class Limit:
    """`remaining < 5000`, `duration < 15m`: the limit is in seconds if it `is_time`."""

    name: str
    operator: Operator
    limit: float
    is_time: bool = False


@dataclass(frozen=True, slots=True)
class Trend:
    """`remaining falls over 3 runs`: the last of these values is beyond the first. A value of 0 need not fall."""

    name: str
    move: Move
    runs: int


@dataclass(frozen=True, slots=True)
class Eta:
    """`remaining eta < 6h`: at the speed of the last runs, the value reaches 0 within this time."""

    name: str
    operator: Operator
    limit: timedelta


@dataclass(frozen=True, slots=True)
class OfMedian:
    """`duration < 3x median of 30 runs`: the runs before this one."""

    name: str
    operator: Operator
    factor: float
    runs: int


@dataclass(frozen=True, slots=True)
class OfWeekday:
    """`rows changes by less than 50% of the same weekday`: compared with the run of a week before."""

    name: str
    distance: Distance
    percent: float


@dataclass(frozen=True, slots=True)
class Body:
    """`body has "0 errors"`, `body has not /Traceback/`."""

    pattern: str
    is_expression: bool = False
    has: bool = True


Condition: TypeAlias = Limit | Trend | Eta | OfMedian | OfWeekday | Body


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition that every run must keep. `runs` in a row must break it before the check is down.

    Without a severity, that of the check counts.
    """

    condition: Condition
    name: str = ""
    severity: Severity | None = None
    runs: int = 1


@dataclass(frozen=True, slots=True)
class LabelRule:
    """A rule for all checks that have these labels."""

    match: Mapping[str, str]
    rule: Rule


def of_labels(rules: Sequence[LabelRule], labels: Mapping[str, str]) -> tuple[Rule, ...]:
    """Return the rules for a check with these labels."""
    return tuple(
        one.rule for one in rules if all(labels.get(name) == value for name, value in one.match.items())
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """What a condition finds in a run. `why` says how it is broken. `absent`: what it needs was not reported."""

    kept: bool
    why: str = ""
    absent: bool = False


KEPT: Final = Finding(True)

Older: TypeAlias = Mapping[str, Sequence[tuple[datetime, float]]]
"""Values from before the runs that are known, by name and oldest first, such as the middle ones of hours."""
NOTHING_OLDER: Final[Older] = MappingProxyType({})


def needs(rule: Rule) -> int:
    """Return the number of runs that a rule needs to judge the last one."""
    return needs_of(rule.condition) + rule.runs - 1


def needs_of(condition: Condition) -> int:
    """Return the number of runs that a condition looks at."""
    match condition:
        case Trend(runs=runs):
            return runs
        case Eta():
            return ETA_RUNS
        case OfMedian(runs=runs):
            return runs + 1
        case OfWeekday():
            return RUNS[1]
        case _:
            return 1


def reads_body(rule: Rule) -> bool:
    """Return whether a rule needs the text of bodies."""
    return isinstance(rule.condition, Body)


def find(condition: Condition, runs: Sequence[FinishedRun], older: Older = NOTHING_OLDER) -> Finding:
    """Return what a condition finds in the last of these runs.

    Only a comparison with the week before looks at `older` values, if the runs do not reach back that far.
    """
    run = runs[-1]
    if isinstance(condition, Body):
        return _in_body(condition, run)
    value = run.values.get(condition.name)
    if value is None:
        return Finding(False, _absent(condition.name, run.body), absent=True)
    match condition:
        case Limit():
            return _limit(condition, value)
        case Trend():
            return _trend(condition, runs)
        case Eta():
            return _eta(condition, runs)
        case OfMedian():
            return _of_median(condition, value, runs[:-1])
        case OfWeekday():
            return _of_weekday(condition, value, runs, older.get(condition.name, ()))


def values(name: str, runs: Sequence[FinishedRun]) -> list[float]:
    """Return the values that these runs report, oldest first."""
    return [run.values[name] for run in runs if name in run.values]


def figure(value: float, name: str = "", *, is_time: bool = False) -> str:
    """Return a value for people: "40,112", "0.25", "31 min" if it is a time."""
    if (is_time or name == DURATION) and abs(value) < timedelta.max.total_seconds():
        return times.duration(timedelta(seconds=value)) if value >= 0 else f"{value:,.6g} s"
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:,.6g}"


def _figures(value: float, other: float, name: str = "", *, is_time: bool = False) -> tuple[str, str]:
    """Return two values for people, with as many digits as tell them apart."""
    is_time = is_time or name == DURATION

    def plain(number: float) -> str:
        return figure(number, name, is_time=is_time)

    def to_the_second(number: float) -> str:
        in_range = 0 <= number < timedelta.max.total_seconds()
        return duration.in_words(timedelta(seconds=number)) if in_range else plain(number)

    def exactly(number: float) -> str:
        return f"{exact(number)} s" if is_time else exact(number)

    return told_apart(value, other, plain, to_the_second if is_time else plain, exactly)


def _limit(rule: Limit, value: float) -> Finding:
    if rule.operator.holds(value, rule.limit):
        return KEPT
    limit, was = _figures(rule.limit, value, rule.name, is_time=rule.is_time)
    is_time = rule.is_time or rule.name == DURATION
    exactly = "exactly " if is_time and value == rule.limit else ""
    return Finding(False, f"{rule.name} must be {rule.operator} {limit}, was {exactly}{was}")


def _trend(rule: Trend, runs: Sequence[FinishedRun]) -> Finding:
    told = values(rule.name, runs)[-rule.runs :]
    if len(told) < rule.runs:
        return KEPT
    first, last = told[0], told[-1]
    falls = rule.move is Move.FALLS
    if (last < first or last == 0) if falls else last > first:
        return KEPT
    before, after = _figures(first, last, rule.name)
    went = f"went from {before} to {after}"
    must = "fall" if falls else "rise"
    return Finding(False, f"{rule.name} must {must} over {rule.runs} runs, {went}")


def seconds_left(told: Sequence[tuple[datetime, float]]) -> float | None:
    """Return the seconds from the last run until a value is 0, by the line through these; None if it never is."""
    if told[-1][1] <= 0:
        return 0
    start = told[0][0]
    slope, _ = statistics.linear_regression(
        [(at - start).total_seconds() for at, _ in told], [value for _, value in told]
    )
    return told[-1][1] / -slope if slope < 0 else None


def _eta(rule: Eta, runs: Sequence[FinishedRun]) -> Finding:
    told = [(run.at, run.values[rule.name]) for run in runs if rule.name in run.values][-ETA_RUNS:]
    if len({at for at, _ in told}) < 2:
        return KEPT
    left = seconds_left(told)
    if rule.operator.holds(float("inf") if left is None else left, rule.limit.total_seconds()):
        return KEPT
    limit, takes = times.duration(rule.limit), "does not fall"
    if left is not None:
        limit, figured = _figures(rule.limit.total_seconds(), left, is_time=True)
        takes = f"takes {figured}"
    return Finding(False, f"{rule.name} must {_REACH[rule.operator]} {limit}, {takes}")


_REACH: Final[Mapping[Operator, str]] = {
    Operator.LESS: "reach 0 in less than",
    Operator.AT_MOST: "reach 0 within",
    Operator.MORE: "not reach 0 within",
    Operator.AT_LEAST: "not reach 0 in less than",
    Operator.EQUAL: "reach 0 in exactly",
    Operator.OTHER: "not reach 0 in exactly",
}


def _of_median(rule: OfMedian, value: float, earlier: Sequence[FinishedRun]) -> Finding:
    told = values(rule.name, earlier)[-rule.runs :]
    if len(told) < min(rule.runs, FEWEST):
        return KEPT
    median = statistics.median(told)
    if rule.operator.holds(value, rule.factor * median):
        return KEPT
    factor = f"{rule.factor:g}"
    must = f"{rule.name} must be {rule.operator} {factor}x its median of {figure(median, rule.name)}"
    _, was = _figures(rule.factor * median, value, rule.name)
    return Finding(False, f"{must}, was {was}")


def _of_weekday(
    rule: OfWeekday, value: float, runs: Sequence[FinishedRun], older: Sequence[tuple[datetime, float]]
) -> Finding:
    before = _week_before(rule.name, runs, older)
    if before is None:
        return KEPT
    change = abs(value - before) / abs(before) * 100 if before else (float("inf") if value else 0.0)
    if (change < rule.percent) if rule.distance is Distance.LESS else (change > rule.percent):
        return KEPT
    former, latter = _figures(before, value, rule.name)
    must = f"{rule.name} must change by {rule.distance} than {rule.percent:g}% in a week"
    return Finding(False, f"{must}, went from {former} to {latter}")


def reaches_a_week_back(runs: Sequence[FinishedRun], at: datetime) -> bool:
    """Return whether there is a run of a week before `at`, or an older one."""
    return any(run.at <= at - WEEK for run in runs)


def _week_before(
    name: str, runs: Sequence[FinishedRun], older: Sequence[tuple[datetime, float]]
) -> float | None:
    """Return the value that is nearest to a week before the last run."""
    last = runs[-1].at
    wanted = last - WEEK
    near = [(run.at, run.values[name]) for run in runs[:-1] if name in run.values]
    near = [value for value in near if abs(value[0] - wanted) <= NEARBY]
    if not reaches_a_week_back(runs, last):
        first = bisect_left(older, wanted - NEARBY, key=itemgetter(0))
        near += older[first : bisect_right(older, wanted + NEARBY, key=itemgetter(0))]
    return min(near, key=lambda value: abs(value[0] - wanted))[1] if near else None


def _in_body(rule: Body, run: FinishedRun) -> Finding:
    if rule.has and not run.body:
        return Finding(False, "a rule needs the body, which was empty", absent=True)
    text = (run.body or "")[-SEARCHED:]
    found = bool(expression(rule.pattern).search(text)) if rule.is_expression else rule.pattern in text
    if found is rule.has:
        return KEPT
    shown = f"/{rule.pattern}/" if rule.is_expression else f'"{rule.pattern}"'
    must = "have {}, but did not" if rule.has else "not have {}, but had it"
    return Finding(False, f"the body must {must.format(shown)}")


def _absent(name: str, body: str | None) -> str:
    own = {
        DURATION: "no ping began the run",
        EXIT_STATUS: "the ping had none",
        BODY_SIZE: "the ping had none",
    }
    within = re.escape(name.rpartition(".")[2])
    is_text = name not in own and re.search(rf'"{within}"\s*:\s*"', body or "")
    why = own.get(name) or ("the body has it as text, in quotes" if is_text else "")
    return f"a rule needs {name}, which was absent" + (f": {why}" if why else "")


@lru_cache(maxsize=1024)
def expression(pattern: str) -> "re2._Regexp":
    """Return a compiled regular expression, which takes time in proportion to the text. Raises `re2.error`."""
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    return re2.compile(pattern, options)
