"""A check as a form has it: typed, read back, and what its schedule means."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from alerting.severity import Severity
from heartbeat.checks import definition, rule_grammar
from heartbeat.checks.check import Measure, Tolerance
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.dependency import After
from heartbeat.checks.expectation import Expectation, RunLimit
from heartbeat.checks.rule import Rule
from heartbeat.checks.schedule import Cron, Every, OnCalendar
from heartbeat.checks.time_of_day import Window
from heartbeat.definitions.single import Scope, read_check
from heartbeat.http.console.checks import fields as check_fields
from heartbeat.http.console.checks.fields import Draft

NOW = datetime(2026, 5, 3, 8, 41, 7, tzinfo=UTC)
AROUND = Scope(policies=["ops"], policy="ops")
WHOLE = CheckDefinition(
    slug="job",
    name="Nightly backup",
    description="Copies.\nThen checks.",
    schedule=Cron("30 5 * * *", "Europe/London"),
    grace=timedelta(minutes=90),
    max_runtime=timedelta(hours=20),
    until_done=True,
    stuck_after=timedelta(minutes=15),
    labels={"host": "vault-1", "note": "a=b"},
    severity=Severity.CRITICAL,
    policy="ops",
    manual_resume=True,
    measure=Measure.LINES,
    runbook="https://wiki.example.com/backup",
    alert_after=Tolerance(failures=3, missed=2),
    after=After(("import", "dump"), ({"job": "vacuum", "region": "us"},)),
    formerly=("backup", "old-backup"),
    rules=(
        Rule(rule_grammar.parse("rows > 0"), "some, rows", Severity.CRITICAL, 2),
        Rule(rule_grammar.parse('body has "a, critical, named b"')),
        Rule(rule_grammar.parse("body has not /a,{2}/"), severity=Severity.INFO),
        Rule(rule_grammar.parse("duration < 2h"), "quick"),
    ),
)


@pytest.mark.parametrize(
    "original",
    [
        WHOLE,
        CheckDefinition(
            "job", "job", Cron("30 2 * * *", "Europe/London", kubernetes=True), timedelta(minutes=5)
        ),
        CheckDefinition("job", "job", Every(timedelta(seconds=90)), timedelta(seconds=1)),
        replace(
            WHOLE,
            expectation=Expectation(
                at_most=RunLimit(3, timedelta(hours=1)),
                min_runtime=timedelta(seconds=30),
                one_at_a_time=True,
                finish_by=time(6),
                window=Window(time(1), time(3)),
                timezone="Europe/London",
            ),
        ),
        CheckDefinition(
            "job",
            "job",
            Every(timedelta(days=1)),
            timedelta(seconds=1),
            expectation=Expectation(window=Window(time(22), time(4)), timezone="Asia/Kathmandu"),
        ),
        CheckDefinition("job", "job", OnCalendar("Mon..Fri 03:00", "UTC"), timedelta(minutes=5)),
    ],
)
def test_a_check_comes_through_its_form_as_it_was(original: CheckDefinition) -> None:
    filled = Draft.of(original, definition.written(original))
    assert read_check("job", filled.as_in_file(), AROUND) == original
    typed = {name: getattr(filled, name).replace("\n", "\r\n") for name in Draft.__slots__}
    assert Draft.typed(typed) == filled, "as a browser sends it"


def test_what_is_left_empty_has_its_default() -> None:
    typed = Draft.typed({"slug": "job", "kind": "every", "every": "5m", "grace": "", "policy": ""})
    read = read_check("job", typed.as_in_file(), AROUND)
    assert (read.name, read.grace, read.severity) == ("job", timedelta(minutes=5), Severity.ERROR)
    assert read.policy is None


def test_the_zone_is_of_what_needs_one() -> None:
    typed = Draft.typed({"kind": "every", "every": "5m", "timezone": "nonsense"})
    assert "timezone" not in typed.timing()
    assert Draft.typed({"kind": "schedule", "timezone": "Mars"}).timing()["timezone"] == "Mars"


def test_another_slug_makes_the_old_one_a_former_slug() -> None:
    renamed = Draft.typed({"slug": "other", "kind": "nonsense"}, "job")
    assert (renamed.slug, renamed.formerly) == ("other", "job")
    again = Draft.typed({"slug": "third", "formerly": "job\r\n"}, "other")
    assert again.as_in_file()["formerly"] == ["job", "other"]
    assert Draft.typed({"slug": ""}, "job").formerly == ""
    assert Draft.typed({"slug": "job", "formerly": "older"}, "job").formerly == "older"


def test_a_parent_that_is_neither_a_slug_nor_labels_is_refused_with_its_field() -> None:
    with pytest.raises(ValueError, match="after: 'job=a, b' is no parent; write its slug, or labels"):
        Draft.typed({"after": "import\njob=a, b"}).as_in_file()


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ("host=a\nvault", "labels: 'vault' is not a label; write one name=value per line."),
        ("host=a\nhost=b", "labels: 'host' is listed twice."),
    ],
)
def test_a_line_that_is_not_a_label_is_refused(labels: str, problem: str) -> None:
    with pytest.raises(ValueError, match="labels") as raised:
        Draft(labels=labels).as_in_file()
    assert str(raised.value) == problem


def test_a_preview_says_what_a_schedule_means() -> None:
    preview = check_fields.preview(WHOLE, NOW)
    assert preview.words == "at 05:30 every day, Europe/London"
    assert preview.due == tuple(datetime(2026, 5, 4 + n, 4, 30, tzinfo=UTC) for n in range(5))
    assert preview.zone == "Europe/London"
    assert preview.grace == timedelta(minutes=90)
    uneven = CheckDefinition("job", "job", Cron("*/45 * * * *", "UTC"), timedelta(0))
    assert "not every 45 minutes" in check_fields.preview(uneven, NOW).warnings[0]


def test_a_problem_of_a_field_with_many_lines_names_the_line() -> None:
    draft = Draft(rules="rows > 0\n\nrows > many, for 2 runs", after="a\n \nb", formerly="a b\n\nB")
    problems = [
        "rules[1].rule: 'rows > many' is no rule.",
        "rules[1].for: '21 runs' is no number of runs.",
        "rules: has 21 rules; there can be at most 20.",
        "after[1]: there is no check 'b'.",
        "formerly[2]: 'B' cannot be a name.",
    ]
    assert draft.located(problems) == [
        ("rules", "Rules, line 3: 'rows > many' is no rule."),
        ("rules", "Rules, line 3, for: '21 runs' is no number of runs."),
        ("rules", "rules: has 21 rules; there can be at most 20."),
        ("after", "Runs after, line 3: there is no check 'b'."),
        ("formerly", "Former slugs, line 3: 'B' cannot be a name."),
    ]


def test_each_problem_is_put_to_its_field() -> None:
    problems = [
        "alert_after.failures: 'x' is out of range.",
        "grace: 'x' is not a duration.",
        "labels.a b: 'a b' cannot be a label.",
        "check Bad: 'Bad' cannot be a name; write a-z.",
        "check job: needs exactly one of schedule, every, on_calendar.",
    ]
    assert [field for field, _ in Draft().located(problems)] == [
        "failures",
        "grace",
        "labels",
        "slug",
        "",
    ]
