"""Rules as text and as JSON."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.severity import Severity
from heartbeat.checks import rule, rule_grammar
from heartbeat.checks.rule import (
    Body,
    Condition,
    Distance,
    Eta,
    Limit,
    Move,
    OfMedian,
    OfWeekday,
    Operator,
    Rule,
    Trend,
)
from heartbeat.checks.rule_grammar import BadRule

RULES: list[tuple[str, Condition]] = [
    ("remaining < 5000", Limit("remaining", Operator.LESS, 5000)),
    ("processed > 0", Limit("processed", Operator.MORE, 0)),
    ("duration < 15m", Limit("duration", Operator.LESS, 900, is_time=True)),
    ("remaining falls over 3 runs", Trend("remaining", Move.FALLS, 3)),
    ("done rises over 2 runs", Trend("done", Move.RISES, 2)),
    ("remaining eta < 6h", Eta("remaining", Operator.LESS, timedelta(hours=6))),
    ("duration < 3x median of 30 runs", OfMedian("duration", Operator.LESS, 3, 30)),
    ("oldest_age < 1h", Limit("oldest_age", Operator.LESS, 3600, is_time=True)),
    ("rows changes by less than 50% of the same weekday", OfWeekday("rows", Distance.LESS, 50)),
    ('body has "0 errors"', Body("0 errors")),
    ("body has not /Traceback/", Body("Traceback", is_expression=True, has=False)),
    (r'body has "a \"b\" \\ c"', Body(r'a "b" \ c')),
    (r"body has /a\/b\d/", Body(r"a/b\d", is_expression=True)),
    ("queue.jobs-late != -1.5", Limit("queue.jobs-late", Operator.OTHER, -1.5)),
]

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=1e-300, allow_infinity=False)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,20}(\.[A-Za-z0-9_-]{1,9}){0,3}", fullmatch=True)
OPERATORS = st.sampled_from(Operator)
RUNS = st.integers(*rule.RUNS)
SECONDS = st.integers(0, 10**9)
PRINTABLE = st.text(
    st.characters(categories=["L", "N", "P", "S"], include_characters=" "), min_size=1, max_size=60
)
CONDITIONS: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Limit, NAMES, OPERATORS, NUMBERS),
    st.builds(Limit, NAMES, OPERATORS, SECONDS.map(float), st.just(True)),
    st.builds(Trend, NAMES, st.sampled_from(Move), RUNS),
    st.builds(Eta, NAMES, OPERATORS, SECONDS.map(lambda seconds: timedelta(seconds=seconds))),
    st.builds(OfMedian, NAMES, OPERATORS, POSITIVE, RUNS),
    st.builds(OfWeekday, NAMES, st.sampled_from(Distance), POSITIVE),
    st.builds(Body, PRINTABLE.filter(str.isprintable), st.just(False), st.booleans()),
    st.builds(
        Body,
        st.sampled_from([r"a/b", r"\\", r"\\/", r"^\d+ errors$", "(?i)oom"]),
        st.just(True),
        st.booleans(),
    ),
)


@pytest.mark.parametrize(("text", "condition"), RULES)
def test_a_rule_is_read_and_written(text: str, condition: Condition) -> None:
    assert rule_grammar.parse(text) == condition
    assert rule_grammar.write(condition) == text


def test_spaces_do_not_matter() -> None:
    assert rule_grammar.parse("  remaining<5e3 ") == Limit("remaining", Operator.LESS, 5000)


@given(CONDITIONS)
def test_a_written_rule_is_read_as_it_was(condition: Condition) -> None:
    assert rule_grammar.parse(rule_grammar.write(condition)) == condition


@given(
    CONDITIONS,
    st.sampled_from([None, *Severity]),
    st.integers(*rule.CONSECUTIVE),
    st.sampled_from(["", "low"]),
)
def test_a_rule_survives_json(condition: Condition, severity: Severity | None, runs: int, name: str) -> None:
    whole = Rule(condition, name, severity, runs)
    assert rule_grammar.from_json(json.loads(json.dumps(rule_grammar.to_json(whole)))) == whole


WORDS = st.sampled_from(
    ["remaining", "<", "5000", "15m", "3x", "falls", "over", "3", "runs", "eta", "body", "has", "not", '"x"', "/(/",
     "changes", "by", "less", "than", "50%", "of", "the", "same", "weekday", "median", "é", '"', "/"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=500), st.lists(WORDS, max_size=10).map(" ".join)))
def test_every_error_names_a_column_inside_the_text(text: str) -> None:
    read = tried(text)
    if isinstance(read, BadRule):
        assert 1 <= read.column <= max(len(text), 1)
        assert str(read) == f"column {read.column}: {read.remedy}"
        assert read.remedy.endswith(".")
    else:
        assert rule_grammar.parse(rule_grammar.write(read)) == read


def tried(text: str) -> Condition | BadRule:
    try:
        return rule_grammar.parse(text)
    except BadRule as error:
        return error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "column 1: Begin with the name of a measurement, or with body; the rule ends here."),
        (
            "remaining",
            "column 9: Write one of <, <=, >, >=, = or !=, or falls, rises, eta or changes; the rule ends here.",
        ),
        ("remaining < many", "column 13: Write a number or a duration, such as 5000, 15m or 3x, not 'many'."),
        ("remaining < 5000 now", "column 18: The rule should end here; leave out 'now'."),
        ("a falls over 1 runs", "column 14: Write a number of runs from 2 to 100, not '1'."),
        ("a eta < 5", "column 9: Write a duration, such as 6h, not '5'."),
        ("a changes by 5%", "column 14: Write less or more, not '5%'."),
        ("a < 3x mean", "column 8: Write median, not 'mean'."),
        (
            "body has errors",
            "column 10: Write a text in quotes, such as \"0 errors\", or /Traceback/, not 'errors'.",
        ),
        ("body has /(/", "column 10: This is no regular expression (RE2): missing ): (."),
        ("body has /(?=a)/", "column 10: This is no regular expression (RE2): invalid perl operator: (?=."),
        ("a\tb", "column 2: Leave out this character; a rule is one line of text."),
        ("a" * 64 + " < 1", "column 1: A name has at most 63 characters."),
        ('body has "' + "x" * 201 + '"', "column 10: Write 1 to 200 characters to look for."),
        ("duration < 15 m", "column 12: Write 15m, not '15 m'."),
        ("duration < 15min", "column 12: Write 15m, not '15min'."),
        ("duration < 1h 30m", "column 12: Write 1h30m, not '1h 30m'."),
        ("a < 1 Hour 5 minutes", "column 5: Write 1h5m, not '1 Hour 5 minutes'."),
        ("duration < 3 x median of 30 runs", "column 12: Write 3x, not '3 x'."),
        ("a eta < 6 h", "column 9: Write 6h, not '6 h'."),
        ("a eta < 6 x", "column 9: Write a duration, such as 6h, not '6'."),
        ("a changes by less than 50 % of the same weekday", "column 24: Write 50%, not '50 %'."),
        ("a changes by less than 50 of", "column 24: Write a percentage, such as 50%, not '50'."),
        ("remaining < 1,000", "column 13: Write 1000, not '1,000'."),
        ("remaining < -1,234,567.5", "column 13: Write -1234567.5, not '-1,234,567.5'."),
        ("remaining < 1_000", "column 13: Write 1000, not '1_000'."),
        ("remaining < 1 000", "column 13: Write 1000, not '1 000'."),
        ("remaining < 1,5", "column 13: Write 1.5, not '1,5'."),
        ("remaining < 1 day 1 year", "column 13: Write 1d, not '1 day'."),
        ("a < 30 m 1 h", "column 5: Write 30m, not '30 m'."),
        ("rows < 5 rows", "column 10: The rule should end here; leave out 'rows'."),
        (
            "rows > 0 for 2 runs",
            "column 10: Write a comma before 'for'; in the file and the API, it is a field of its own.",
        ),
        (
            "rows > 0 critical",
            "column 10: Write a comma before 'critical'; in the file and the API, it is a field of its own.",
        ),
        (
            "rows > 0, for 2 runs",
            'column 9: Go on as in "rows > 0, for 2 runs, critical, named no rows", in this order; '
            "in the file and the API, they are fields of their own.",
        ),
    ],
)
def test_an_error_says_what_would_be_right(text: str, error: str) -> None:
    with pytest.raises(BadRule) as raised:
        rule_grammar.parse(text)
    assert str(raised.value) == error


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("rows > 0", {"rule": "rows > 0"}),
        ("rows > 0,for 2 runs,critical", {"rule": "rows > 0", "for": "2 runs", "severity": "critical"}),
        ("rows > 0 , named a, b", {"rule": "rows > 0 ", "name": "a, b"}),
        ('body has "a, for b", warning', {"rule": 'body has "a, for b"', "severity": "warning"}),
        (", warning", {"rule": ", warning"}),
        ("  , for 2 runs", {"rule": "  , for 2 runs"}),
        ("", {"rule": ""}),
        ("rows > 1,000, warning", {"rule": "rows > 1,000, warning"}),
    ],
)
def test_a_line_is_taken_apart_and_always_has_a_rule(line: str, fields: dict[str, str]) -> None:
    assert rule_grammar.of_line(line) == fields


def test_an_expression_that_would_take_much_memory_is_refused() -> None:
    with pytest.raises(BadRule, match="no regular expression"):
        rule_grammar.parse("body has /((a{1,100}){1,100}){1,100}/")
