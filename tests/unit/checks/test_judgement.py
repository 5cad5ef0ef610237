"""The verdict of a check's rules on a run, and what a rule would have said."""

from dataclasses import replace
from datetime import timedelta

from alerting.severity import Severity
from heartbeat.checks import judgement, rule_grammar
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Verdict
from heartbeat.checks.finished_run import FinishedRun
from heartbeat.checks.rule import Rule
from tests.unit.conftest import NOW, a_check


def a_rule(text: str, *, runs: int = 1, severity: Severity | None = None, name: str = "") -> Rule:
    return Rule(rule_grammar.parse(text), name, severity, runs)


def ruled(*rules: Rule) -> Check:
    return a_check(rules=rules)


def told(*values: float | None) -> list[FinishedRun]:
    return [
        FinishedRun(NOW + timedelta(hours=number), {} if value is None else {"rows": value}, False)
        for number, value in enumerate(values)
    ]


def verdict(check: Check, *values: float | None) -> Verdict | None:
    *earlier, run = told(*values)
    return judgement.verdict(check, earlier, run)


def test_a_run_that_keeps_every_rule_has_no_verdict() -> None:
    assert verdict(ruled(a_rule("rows > 0"), a_rule("rows < 9")), 5) is None
    assert verdict(a_check(), 0) is None


def test_a_broken_rule_is_told_with_its_last_values_and_their_trend() -> None:
    assert verdict(ruled(a_rule("rows > 0")), 12, 7, 4, 0) == Verdict(
        Cause.INEFFECTIVE,
        "rows must be > 0, was 0",
        evidence="Rule: rows > 0. Last rows: 7, 4, 0 (falling).",
    )


def test_the_values_of_a_time_are_told_as_times() -> None:
    check = ruled(a_rule("rows < 1h"))
    found = verdict(check, 3600, 7200)
    assert found is not None
    assert found.evidence == "Rule: rows < 1h. Last rows: 1 h, 2 h (rising)."


def test_a_rule_for_two_runs_waits_for_the_second() -> None:
    check = ruled(a_rule("rows > 0", runs=2, name="some rows"))
    assert verdict(check, 0) is None
    assert verdict(check, 5, 0) is None
    found = verdict(check, 5, 0, 0)
    assert found is not None
    assert found.evidence == "Rule: some rows (rows > 0) for 2 runs. Last rows: 5, 0, 0 (falling)."


def test_an_absent_number_breaks_a_rule_after_one_run() -> None:
    found = verdict(ruled(a_rule("rows > 0", runs=3)), 5, 5, None)
    assert found is not None
    assert found.why == "a rule needs rows, which was absent"
    assert found.evidence == "Rule: rows > 0 for 3 runs. Last rows before this run: 5, 5 (unchanged)."


def test_the_most_severe_broken_rule_counts_and_the_others_are_named() -> None:
    check = ruled(
        a_rule("rows > 9", severity=Severity.WARNING), a_rule("rows > 0", severity=Severity.CRITICAL)
    )
    found = verdict(check, 0)
    assert found is not None
    assert (found.severity, found.why) == (
        Severity.CRITICAL,
        "rows must be > 0, was 0 (also broken: rows > 9)",
    )


def test_an_absent_number_is_told_beside_another_broken_rule_too() -> None:
    found = verdict(ruled(a_rule("rows > 0"), a_rule("duration < 15m")), 0)
    assert found is not None
    assert found.why == (
        "rows must be > 0, was 0 (also broken: a rule needs duration, which was absent: no ping began the run)"
    )


def test_the_last_values_of_a_number_that_is_absent_are_those_before_the_run() -> None:
    absent = judgement.verdict(ruled(a_rule("rows > 0")), told(0, 7), told(None)[0])
    assert absent is not None
    assert absent.why == "a rule needs rows, which was absent"
    assert absent.evidence == "Rule: rows > 0. Last rows before this run: 0, 7 (rising)."


def test_rules_for_labels_count_like_its_own() -> None:
    assert verdict(a_check(label_rules=(a_rule("rows > 0"),)), 0) is not None


def test_failed_runs_are_left_out() -> None:
    check = ruled(a_rule("rows falls over 2 runs"))
    earlier, failed, run = told(9, 1, 5)
    assert judgement.verdict(check, [earlier, replace(failed, failed=True)], run) is None
    assert judgement.verdict(check, [earlier, failed], run) is not None


def test_what_a_rule_would_have_said_of_each_run() -> None:
    said = judgement.tried(a_rule("rows > 0", runs=2), told(5, 0, 0, None, 5))
    assert [(one.value, one.finding.kept, one.counts) for one in said] == [
        (5, True, False),
        (0, False, False),
        (0, False, True),
        (None, False, True),
        (5, True, False),
    ]


def test_earlier_bodies_are_read_only_for_rules_that_need_them() -> None:
    assert not judgement.bodies_needed(ruled(a_rule('body has "x"'), a_rule("rows > 0", runs=2)))
    assert judgement.bodies_needed(ruled(a_rule('body has "x"', runs=2)))
    assert judgement.runs_needed(ruled(a_rule("rows > 0"))) == 2
    assert judgement.runs_needed(ruled(a_rule("rows falls over 9 runs", runs=2))) == 9
