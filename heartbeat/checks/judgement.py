"""The judgement of rules on the runs of a check: the verdict on a run, and what a rule would have said. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from heartbeat.checks import rule_grammar
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Verdict
from heartbeat.checks.finished_run import FinishedRun
from heartbeat.checks.rule import (
    NOTHING_OLDER,
    Body,
    Finding,
    Limit,
    OfWeekday,
    Older,
    Rule,
    figure,
    find,
    needs,
    reads_body,
    values,
)

SHOWN: Final = 3
"""The values of the last runs that a page tells."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a run breaks, and why in words."""

    rule: Rule
    finding: Finding


@dataclass(frozen=True, slots=True)
class TriedRun:
    """What a rule says of one run. `counts`: with it, the rule is broken often enough to turn the check down."""

    at: datetime
    finding: Finding
    counts: bool
    value: float | None = None


def runs_needed(check: Check) -> int:
    """Return the number of earlier runs that the rules of a check look at."""
    return max([needs(rule) for rule in check.all_rules] + [SHOWN]) - 1


def bodies_needed(check: Check) -> bool:
    """Return whether the rules of a check look at earlier bodies."""
    return any(reads_body(rule) and rule.runs > 1 for rule in check.all_rules)


def compared_by_week(check: Check) -> set[str]:
    """Return the names of the numbers that the rules of a check compare with those of a week before."""
    return {rule.condition.name for rule in check.all_rules if isinstance(rule.condition, OfWeekday)}


def verdict(
    check: Check, earlier: Sequence[FinishedRun], run: FinishedRun, older: Older = NOTHING_OLDER
) -> Verdict | None:
    """Return the verdict on a run that reports success; None if it keeps every rule. `earlier` runs are oldest first.

    Of several broken rules, the most severe one counts, and the others are named. `older` has values from before the
    earlier runs.
    """
    runs = [*(run_before for run_before in earlier if not run_before.failed), run]
    broken = [found for rule in check.all_rules if (found := _broken(rule, runs, older))]
    if not broken:
        return None
    worst = min(broken, key=lambda found: (found.rule.severity or check.severity).rank)
    others = [
        found.finding.why if found.finding.absent else in_short(found.rule)
        for found in broken
        if found is not worst
    ]
    why = worst.finding.why + (f" (also broken: {'; '.join(others)})" if others else "")
    return Verdict(Cause.INEFFECTIVE, why, worst.rule.severity, evidence(worst.rule, runs))


def tried(rule: Rule, runs: Sequence[FinishedRun], older: Older = NOTHING_OLDER) -> list[TriedRun]:
    """Return what a rule would have said of each of these runs that reported success, oldest first."""
    heard = [run for run in runs if not run.failed]
    findings: list[Finding] = []
    said = []
    for number, run in enumerate(heard, 1):
        findings.append(find(rule.condition, heard[max(number - needs(rule), 0) : number], older))
        counts = findings[-1].absent or _in_a_row(findings, rule.runs)
        name = measured(rule)
        said.append(TriedRun(run.at, findings[-1], counts, run.values.get(name) if name else None))
    return said


def measured(rule: Rule) -> str | None:
    """Return the name of the number that a rule is about; None if it is about the body."""
    return None if isinstance(rule.condition, Body) else rule.condition.name


def in_short(rule: Rule) -> str:
    """Return a rule in one line: its name if it has one, and its condition."""
    text = rule_grammar.write(rule.condition)
    return f"{rule.name} ({text})" if rule.name else text


def evidence(rule: Rule, runs: Sequence[FinishedRun]) -> str:
    """Return the rule, and its last values with their trend, as a page tells them."""
    often = f" for {rule.runs} runs" if rule.runs > 1 else ""
    told = f"Rule: {in_short(rule)}{often}."
    name = measured(rule)
    last = values(name, runs)[-SHOWN:] if name else []
    if not last:
        return told
    is_time = isinstance(rule.condition, Limit) and rule.condition.is_time
    shown = ", ".join(figure(value, name or "", is_time=is_time) for value in last)
    trend = f" ({_trend(last)})" if len(last) > 1 else ""
    before = "" if name in runs[-1].values else " before this run"
    return f"{told} Last {name}{before}: {shown}{trend}."


def _trend(last: Sequence[float]) -> str:
    if len(set(last)) == 1:
        return "unchanged"
    if all(later <= former for former, later in pairwise(last)):
        return "falling"
    return "rising" if all(later >= former for former, later in pairwise(last)) else "up and down"


def _broken(rule: Rule, runs: Sequence[FinishedRun], older: Older) -> Broken | None:
    """Return a rule that the last of these runs breaks, if as many in a row break it as it says.

    A number that is absent breaks it at once.
    """
    last = find(rule.condition, runs, older)
    if last.kept:
        return None
    enough = last.absent or (
        len(runs) >= rule.runs
        and all(
            not find(rule.condition, runs[: len(runs) - back], older).kept for back in range(1, rule.runs)
        )
    )
    return Broken(rule, last) if enough else None


def _in_a_row(findings: Sequence[Finding], count: int) -> bool:
    return len(findings) >= count and not any(finding.kept for finding in findings[-count:])
