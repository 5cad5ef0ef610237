"""What a rule finds in the runs of a check."""

from collections.abc import Sequence
from datetime import timedelta
from time import process_time

import pytest

from heartbeat.checks import rule, rule_grammar
from heartbeat.checks.finished_run import FinishedRun
from heartbeat.checks.rule import Finding, LabelRule, Rule
from tests.unit.conftest import NOW

DAY = timedelta(days=1)


def runs(*values: float | None, name: str = "remaining", apart: timedelta = DAY) -> list[FinishedRun]:
    return [
        FinishedRun(NOW + number * apart, {} if value is None else {name: value}, False, "")
        for number, value in enumerate(values)
    ]


def find(text: str, told: Sequence[FinishedRun]) -> Finding:
    return rule.find(rule_grammar.parse(text), told)


def said(body: str | None) -> list[FinishedRun]:
    return [FinishedRun(NOW, {}, False, body)]


@pytest.mark.parametrize(
    ("text", "value", "kept"),
    [
        ("remaining < 5000", 4999, True),
        ("remaining < 5000", 5000, False),
        ("remaining <= 5000", 5000, True),
        ("remaining > 0", 0, False),
        ("remaining >= 0", 0, True),
        ("remaining = 3", 3, True),
        ("remaining != 3", 3, False),
    ],
)
def test_a_limit_compares_the_last_value(text: str, value: float, kept: bool) -> None:
    assert find(text, runs(1, value)).kept is kept


def test_a_broken_limit_says_what_must_be_and_what_was() -> None:
    assert find("remaining < 5000", runs(40112)).why == "remaining must be < 5,000, was 40,112"
    slow = find("duration < 15m", runs(1860, name="duration"))
    assert slow.why == "duration must be < 15 min, was 31 min"


def test_a_number_that_was_sent_as_text_is_said_to_be_text() -> None:
    (run,) = said('{"in": {"processed": "7"}, "rows": 7}')
    why = rule.find(rule_grammar.parse("in.processed > 0"), [run]).why
    assert why == "a rule needs in.processed, which was absent: the body has it as text, in quotes"
    why = rule.find(rule_grammar.parse("process > 0"), [run]).why
    assert why == "a rule needs process, which was absent"


@pytest.mark.parametrize(
    ("text", "value", "why"),
    [
        ("duration < 15m", 902, "duration must be < 15 min, was 15 min 2 s"),
        ("duration < 15m", 900.25, "duration must be < 900 s, was 900.25 s"),
        ("duration < 15m", 900, "duration must be < 15 min, was exactly 15 min"),
        ("duration < 2d", 2 * 86_400 + 61, "duration must be < 2 days, was 2 days 1 min 1 s"),
        ("rows < 1", 1.0000001, "rows must be < 1, was 1.0000001"),
        ("rows < 0", 0, "rows must be < 0, was 0"),
    ],
)
def test_a_value_near_its_limit_is_told_apart_from_it(text: str, value: float, why: str) -> None:
    assert find(text, runs(value, name=text.split()[0])).why == why


@pytest.mark.parametrize(
    ("operator", "must"),
    [
        ("<=", "reach 0 within 30 min"),
        (">", "not reach 0 within 6 h"),
        (">=", "not reach 0 in less than 6 h"),
        ("=", "reach 0 in exactly 6 h"),
    ],
)
def test_an_estimate_that_breaks_its_rule_reads_as_a_sentence(operator: str, must: str) -> None:
    limit = must.rpartition("n ")[2].replace(" ", "").removeprefix("exactly") if operator == "<=" else "6h"
    found = find(
        f"remaining eta {operator} {limit.replace('min', 'm')}", runs(100, 50, apart=timedelta(minutes=40))
    )
    assert found.why == f"remaining must {must}, takes 40 min"


def test_a_value_must_have_fallen_over_the_last_runs() -> None:
    assert find("remaining falls over 3 runs", runs(9, 40, 40, 39)).kept
    flat = find("remaining falls over 3 runs", runs(50, 40, 30, 40))
    assert flat.why == "remaining must fall over 3 runs, went from 40 to 40"
    assert find("remaining falls over 3 runs", runs(40, 40)).kept
    assert find("remaining falls over 3 runs", runs(0, 0, 0)).kept


def test_a_value_must_have_risen_over_the_last_runs() -> None:
    assert find("remaining rises over 2 runs", runs(1, 2)).kept
    assert (
        find("remaining rises over 2 runs", runs(2, 2)).why
        == "remaining must rise over 2 runs, went from 2 to 2"
    )


def test_an_estimate_follows_the_speed_of_the_last_runs() -> None:
    hour = timedelta(hours=1)
    assert find("remaining eta < 6h", runs(100, 80, 60, apart=hour)).kept
    slow = find("remaining eta < 6h", runs(100, 99, 98, apart=hour))
    assert slow.why == "remaining must reach 0 in less than 6 h, takes 4 days"
    stuck = find("remaining eta < 6h", runs(100, 100, apart=hour))
    assert stuck.why == "remaining must reach 0 in less than 6 h, does not fall"
    assert find("remaining eta < 6h", runs(100)).kept
    assert find("remaining eta < 6h", runs(5, 0, apart=hour)).kept


def test_a_run_is_compared_with_the_median_of_those_before_it() -> None:
    usual = [240.0, 250, 230, 240, 245]
    assert find("duration < 3x median of 30 runs", runs(*usual, 700, name="duration")).kept
    slow = find("duration < 3x median of 30 runs", runs(*usual, 1860, name="duration"))
    assert slow.why == "duration must be < 3x its median of 4 min, was 31 min"
    assert find("duration < 3x median of 30 runs", runs(1, 1, 1, 1, 900, name="duration")).kept


def test_a_run_is_compared_with_that_of_the_same_weekday() -> None:
    week = (1200.0, 10, 20, 30, 40, 50, 60)
    text = "rows changes by less than 50% of the same weekday"
    assert find(text, runs(*week, 1000, name="rows")).kept
    few = find(text, runs(*week, 40, name="rows"))
    assert few.why == "rows must change by less than 50% in a week, went from 1,200 to 40"
    assert find(text, runs(1200, 40, name="rows")).kept
    assert not find("rows changes by more than 1% of the same weekday", runs(*week, 1200, name="rows")).kept


def test_older_values_count_where_the_runs_do_not_reach_a_week_back() -> None:
    condition = rule_grammar.parse("rows changes by less than 50% of the same weekday")
    last_hours = runs(1000, 1000, name="rows", apart=timedelta(minutes=10))
    at = last_hours[-1].at - rule.WEEK
    older = {
        "rows": [(at - timedelta(hours=hours), value) for hours, value in ((13, 1.0), (5, 7.0), (1, 400.0))]
    }
    assert rule.find(condition, last_hours).kept
    more = rule.find(condition, last_hours, older)
    assert more.why == "rows must change by less than 50% in a week, went from 400 to 1,000"
    assert rule.find(condition, last_hours, {"rows": older["rows"][:1]}).kept
    eight_days = runs(1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1000, name="rows")
    assert rule.find(condition, eight_days, older).kept


def test_a_body_must_have_a_text() -> None:
    assert find('body has "0 errors"', said("done, 0 errors\n")).kept
    assert find('body has "0 errors"', said("3 errors")).why == 'the body must have "0 errors", but did not'
    assert find('body has "0 errors"', said("")) == Finding(
        False, "a rule needs the body, which was empty", absent=True
    )


def test_a_body_must_not_have_an_expression() -> None:
    assert find("body has not /Trace.ack/", said("all well")).kept
    assert find("body has not /Trace.ack/", said(None)).kept
    assert (
        find("body has not /Trace.ack/", said("x\nTraceback (most")).why
        == "the body must not have /Trace.ack/, but had it"
    )


def test_an_absent_number_breaks_a_rule_in_those_words() -> None:
    absent = find("remaining < 5000", runs(1, None))
    assert absent == Finding(False, "a rule needs remaining, which was absent", absent=True)
    unstarted = find("duration < 15m", runs(None))
    assert unstarted.why == "a rule needs duration, which was absent: no ping began the run"


def test_an_expression_takes_time_in_proportion_to_the_body() -> None:
    def seconds(length: int) -> float:
        body = said("a" * length)
        began = process_time()
        for _ in range(5):
            assert find("body has not /^(a|a|aa)+$b/", body).kept
        return process_time() - began

    seconds(1000)
    # Backtracking would take 2 to the power of the length.
    assert seconds(200_000) < 5


def test_only_the_end_of_a_long_body_is_searched() -> None:
    assert find("body has not /needle/", said("needle" + " " * rule.SEARCHED)).kept


def test_a_rule_for_labels_counts_where_all_of_them_are() -> None:
    one = Rule(rule_grammar.parse("rows > 0"))
    rules = [LabelRule({"team": "db", "region": "us"}, one)]
    assert rule.of_labels(rules, {"team": "db", "region": "us", "host": "a"}) == (one,)
    assert rule.of_labels(rules, {"team": "db"}) == ()


@pytest.mark.parametrize(
    ("text", "count"),
    [("a < 1", 1), ("a falls over 3 runs", 3), ("a < 3x median of 30 runs", 31), ('body has "x"', 1)],
)
def test_a_rule_knows_how_many_runs_it_needs(text: str, count: int) -> None:
    condition = rule_grammar.parse(text)
    assert rule.needs(Rule(condition)) == count
    assert rule.needs(Rule(condition, runs=3)) == count + 2
