"""Configuration as code: the declarations of a file, and the problems that are reported about it."""

import hashlib
import re
from datetime import time, timedelta
from pathlib import Path

import pytest
import yaml

from alerting.escalation import Policy, Step
from alerting.notifiers.contract import Contact
from alerting.person import Person
from alerting.severity import Severity
from heartbeat import duration
from heartbeat.checks import schedule_words
from heartbeat.checks.check import Tolerance
from heartbeat.checks.definition import GRACE, CheckDefinition
from heartbeat.checks.expectation import Expectation, RunLimit
from heartbeat.checks.schedule import Cron, Every, OnCalendar
from heartbeat.checks.time_of_day import Window
from heartbeat.definitions import file as configuration_file
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.status_page import Component, StatusPage
from tests.unit.definitions.declared import ENV, EXAMPLE, KEY, KINDS, SECRETS, parse, problems
from tests.unit.definitions.faults import MALFORMED, MISTAKEN


def test_a_check_takes_what_it_leaves_out_of_its_tolerance_from_the_top() -> None:
    text = "alert_after: {failures: 3, missed: 2}\nchecks: {a: {every: 5m}, b: {every: 5m, alert_after: {failures: 1}}}"
    checks = parse(text).checks
    assert checks["a"].alert_after == Tolerance(failures=3, missed=2)
    assert checks["b"].alert_after == Tolerance(failures=1, missed=2)


def test_times_of_day_are_in_the_zone_of_the_schedule() -> None:
    text = (
        "{timezone: Europe/London, checks: {a: {schedule: '30 1 * * *', finish_by: 6:00},"
        " b: {on_calendar: 'Mon 03:00 Asia/Tokyo', window: 22:00-04:00}, c: {every: 1d, window: 1:00 - 3:00},"
        " d: {every: 1d, timezone: Asia/Tokyo, at_most: 3 per 60m, one_at_a_time: true, min_runtime: 90s}}}"
    )
    checks = parse(text).checks
    assert checks["a"].expectation == Expectation(finish_by=time(6), timezone="Europe/London")
    assert checks["b"].expectation == Expectation(window=Window(time(22), time(4)), timezone="Asia/Tokyo")
    assert checks["c"].expectation == Expectation(window=Window(time(1), time(3)), timezone="Europe/London")
    assert checks["d"].expectation == Expectation(
        RunLimit(3, timedelta(hours=1)), timedelta(seconds=90), True
    )


def test_the_example_is_read_completely() -> None:
    configuration = parse(EXAMPLE)
    first = Person(
        "first",
        "First responder",
        (Contact("ntfy", "https://ntfy.example.com/first"), Contact("email", "first@example.com")),
    )
    second = Person("second", "Second responder", (Contact("email", "second@example.com"),))
    check = CheckDefinition(
        slug="daily-cpu-reset",
        name="daily-cpu-reset",
        schedule=Cron("0 3 * * *", "UTC"),
        grace=timedelta(minutes=15),
        max_runtime=timedelta(hours=2),
        runbook="https://wiki.example.com/cpu-reset",
        alert_after=Tolerance(failures=2),
        labels={"host": "us-housekeeping", "region": "us", "component": "cpu-allowance"},
        severity=Severity.CRITICAL,
        policy="ops",
    )
    steps = (Step(("first",), timedelta(minutes=5)), Step(("second", "first"), timedelta(minutes=10)))
    row = Component("CPU allowance", {"component": "cpu-allowance"})
    assert configuration == Configuration(
        group_by=("host",),
        gathering=timedelta(seconds=10),
        acknowledge_for=timedelta(hours=4),
        policy="ops",
        ping_keys={"housekeeping": hashlib.sha256(KEY.encode()).hexdigest()},
        ping_key_references={"housekeeping": "${HEARTBEAT_PING_KEY}"},
        checks={"daily-cpu-reset": check},
        people={"first": first, "second": second},
        policies={"ops": Policy("ops", steps)},
        notifiers={"email": {"smtp": "smtp://mail.example.com:587", "from": "heartbeat@example.com"}},
        status_pages={"public": StatusPage("public", "Example status", (row,))},
    )
    assert configuration.warnings == ()


def test_the_top_of_the_file_has_defaults_for_its_checks_and_people() -> None:
    configuration = parse(
        "{group_by: [], gathering: 0s, acknowledge_for: 1h, timezone: Europe/London, grace: 1h, policy: b,"
        " checks: {one: {schedule: '0 3 * * *'}, two: {schedule: '0 3 * * *', timezone: UTC, grace: 2h,"
        " policy: a}}, people: {anna: {contacts: [{console: x}]}},"
        " policies: {a: [{page: anna, wait: 1m}], b: [{page: anna, wait: 24h}]}}"
    )
    assert (configuration.group_by, configuration.gathering, configuration.acknowledge_for) == (
        (),
        timedelta(),
        timedelta(hours=1),
    )
    first, second = configuration.checks["one"], configuration.checks["two"]
    assert (first.schedule, first.grace, first.policy) == (
        Cron("0 3 * * *", "Europe/London"), timedelta(hours=1), "b",
    )  # fmt: skip
    assert (second.schedule, second.grace, second.policy) == (
        Cron("0 3 * * *", "UTC"),
        timedelta(hours=2),
        "a",
    )
    assert configuration.people["anna"].timezone == "Europe/London"


def test_omitted_fields_have_their_defaults() -> None:
    configuration = parse("checks: {one: {every: 5m}}")
    assert configuration.checks["one"] == CheckDefinition("one", "one", Every(timedelta(minutes=5)), GRACE)
    assert (configuration.policy, configuration.group_by) == (None, ("host",))


def test_the_only_policy_is_the_default() -> None:
    people = "people: {anna: {contacts: [{console: x}]}}\n"
    configuration = parse(people + "policies: {ops: [{page: anna, wait: 1m}]}\nchecks: {one: {every: 5m}}")
    assert (configuration.policy, configuration.checks["one"].policy) == ("ops", "ops")


def test_scalars_are_text_as_written() -> None:
    configuration = parse(
        "checks: {one: {every: 5m, name: 007, labels: {a: no, b: 1.10, c: 0x1F}, manual_resume: true}}"
    )
    check = configuration.checks["one"]
    assert (check.name, check.labels, check.manual_resume) == (
        "007",
        {"a": "no", "b": "1.10", "c": "0x1F"},
        True,
    )


def test_a_calendar_event_may_name_its_own_zone() -> None:
    configuration = parse("checks: {one: {on_calendar: Mon..Fri 03:00 Europe/Paris, timezone: UTC}}")
    assert configuration.checks["one"].schedule == OnCalendar("Mon..Fri 03:00", "Europe/Paris")


def test_aliases_are_understood() -> None:
    configuration = parse("checks: {one: {every: 5m, labels: &l {host: a}}, two: {every: 5m, labels: *l}}")
    assert configuration.checks["two"].labels == {"host": "a"}


def test_references_to_secrets_stay_references() -> None:
    configuration = parse(
        'ping_keys: {a: "${HEARTBEAT_PING_KEY}", b: "${file:/run/key}"}\n'
        'notifiers: {email: {smtp: "smtp://m:587", from: a@b.c, username: u, password: "${SMTP_PASSWORD}"}}\n'
        'people: {anna: {contacts: [{slack: "${SLACK_URL}"}, {ntfy: "https://n.example/x${OTHER_KEY}"}]}}\n'
    )
    assert configuration.ping_keys["b"] == hashlib.sha256(b"a-key-out-of-a-file").hexdigest()
    assert configuration.ping_key_references == {"a": "${HEARTBEAT_PING_KEY}", "b": "${file:/run/key}"}
    assert configuration.notifiers["email"]["password"] == "${SMTP_PASSWORD}"
    assert [contact.address for contact in configuration.people["anna"].contacts] == [
        "${SLACK_URL}", "https://n.example/x${OTHER_KEY}",
    ]  # fmt: skip
    assert not any(secret in repr(configuration) for secret in SECRETS)


@pytest.mark.parametrize(("text", "problem"), MALFORMED + MISTAKEN)
def test_a_fault_is_reported_with_its_line(text: str, problem: str) -> None:
    reported = problems("# a comment\n\n" + text)
    line = 3 + text.count("\n")
    assert reported == [f"f:{line}: {problem}"]
    assert not any(secret in "".join(reported) for secret in SECRETS)


def test_a_cron_fault_is_reported_as_the_schedule_words_it() -> None:
    (problem,) = problems("checks: {a: {schedule: '0 3 * *'}}")
    assert problem.startswith('f:1: checks.a.schedule: "0 3 * *" ')


def test_a_check_of_a_cron_job_is_judged_as_kubernetes_runs_it() -> None:
    written = "{schedule: '30 2 * * *', timezone: Europe/London, semantics: kubernetes}"
    planned = parse(f"checks: {{a: {written}}}").checks["a"].schedule
    assert planned == Cron("30 2 * * *", "Europe/London", kubernetes=True)
    assert schedule_words.in_words(planned) == "at 02:30 every day, Europe/London, as Kubernetes runs it"


def test_semantics_are_those_of_cron_or_of_kubernetes() -> None:
    assert problems("checks: {a: {schedule: '@daily', semantics: nomad}}") == [
        "f:1: checks.a.semantics: 'nomad' is not one of cron, kubernetes."
    ]
    assert problems("checks: {a: {every: 1d, semantics: kubernetes}}") == [
        "f:1: checks.a.every: semantics: kubernetes goes with a cron line only, as in a CronJob."
    ]


def test_a_notifier_that_is_used_must_have_the_settings_it_needs() -> None:
    (problem,) = problems("people: {a: {contacts: [{email: a@example.com}]}}")
    assert problem.startswith("f:1: people.a.contacts[0].email: needs its settings under notifiers.email: ")


def test_a_step_names_people_who_exist_and_each_once() -> None:
    people = "people: {first: {contacts: [{console: x}]}, second: {contacts: [{console: x}]}}\n"
    assert problems(people + "policies:\n  p:\n    - page: frist\n      wait: 5m") == [
        "f:4: policies.p[0].page: there is no person, rotation, team or channel 'frist'; did you mean 'first'?"
    ]
    assert problems(people + "policies:\n  p: [{page: [x, first], wait: 5m}]") == [
        "f:3: policies.p[0].page[0]: there is no person, rotation, team or channel 'x'; there are first, second."
    ]
    assert problems(people + "policies:\n  p: [{page: [first, first], wait: 5m}]") == [
        "f:3: policies.p[0].page: names somebody twice."
    ]


def test_with_several_policies_each_check_must_name_one_or_the_file_a_default() -> None:
    text = (
        "people: {a: {contacts: [{console: x}]}}\n"
        "policies: {p: [{page: a, wait: 5m}], q: [{page: a, wait: 5m}]}\n"
        "checks:\n"
        "  one: {every: 5m, policy: p}\n"
        "  two: {every: 5m}\n"
    )
    several = "names no policy, and there are several; write `policy: NAME` here or at the top."
    assert problems(text) == [f"f:5: checks.two: {several}"]
    assert parse(text + "policy: q").checks["two"].policy == "q"
    assert problems(text + "policy: r") == ["f:6: policy: there is no policy 'r'; there are p, q."]


def test_all_faults_are_reported_at_once_in_the_order_of_the_lines() -> None:
    text = """\
checks:
  a: {every: 15x, polcy: p}
  a: {every: 5m}
people:
  anna: {contacts: [{email: nobody}]}
policies:
  p: [{page: ana, wait: 5m}]
ping_keys: {k: "${NOPE}"}
grace: 1y
"""
    reported = problems(text)
    assert [int(line.split(":")[1]) for line in reported] == [2, 2, 3, 5, 5, 7, 8, 9]
    with pytest.raises(Wrong, match=re.escape("\n".join(reported))):
        parse(text)


def test_the_sample_pings_by_the_key_it_is_given() -> None:
    assert parse(configuration_file.sample("${OTHER_KEY}")).ping_key_references == {"sample": "${OTHER_KEY}"}
    odd = '${file:/data/with "quotes" and \\/ping-key}'
    assert yaml.safe_load(configuration_file.sample(odd))["ping_keys"] == {"sample": odd}
    configuration = parse(configuration_file.sample("${HEARTBEAT_PING_KEY}"))
    assert configuration.warnings == ()
    assert configuration.checks["example-job"].schedule == Every(timedelta(minutes=1))
    assert configuration.checks["example-job"].grace == timedelta(seconds=30)
    assert configuration.people["me"].contacts == (Contact("console", "terminal"),)


def test_the_sample_names_the_grace_of_checks_that_name_none() -> None:
    (line,) = (line for line in configuration_file.sample("${OTHER_KEY}").splitlines() if " grace: " in line)
    assert duration.written(GRACE) in line.partition("#")[2].replace(";", "").split()


def test_the_commented_lines_of_the_sample_are_valid() -> None:
    uncommented = re.sub(
        r"(?m)^( *)# (?=- \w+: |notifiers:|timezone: |max_runtime: |  +\w+: )",
        r"\1",
        configuration_file.sample("${OTHER_KEY}"),
    )
    env = ENV | {
        "SLACK_WEBHOOK_URL": ENV["SLACK_URL"],
        "PAGERDUTY_ROUTING_KEY": "0123456789abcdef0123456789abcdef",
        "PAGES_WEBHOOK_URL": "https://example.com/pages",
        "NTFY_TOKEN": "tk_0123456789",
        "WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
    }
    configuration = parse(uncommented, env)
    assert {contact.kind for contact in configuration.people["me"].contacts} == {
        "console",
        "email",
        "ntfy",
        "pagerduty",
        "slack",
        "webhook",
    }
    assert configuration.notifiers.keys() == {"email", "ntfy", "webhook"}
    assert configuration.people["me"].timezone == "Europe/London"
    assert configuration.checks["example-job"].max_runtime == timedelta(minutes=10)


def test_a_likely_mistake_is_a_warning() -> None:
    configuration = parse(
        "group_by: [hots]\n"
        "checks:\n"
        "  a: {schedule: '*/45 * * * *', labels: {host: a}}\n"
        "status_pages:\n"
        "  p:\n"
        "    title: t\n"
        "    components:\n"
        "      - {name: right, match: {host: a}}\n"
        "      - {name: wrong, match: {host: a, region: eu}}\n"
    )
    group_by, policies, steps, match = configuration.warnings
    assert policies == "f:1: policies: there are none, so pages reach only this service's own terminal."
    (caught,) = parse(
        "people: {a: {contacts: [{console: x}]}}\ncatch_all: a\nchecks: {c: {every: 1h}}"
    ).warnings
    assert caught == "f:1: policies: there are none, so pages reach only the catch-all."
    assert group_by == "f:1: group_by[0]: no check has the label hots."
    assert steps.startswith('f:3: checks.a: "*/45" means minute 0, 45 of each hour')
    assert match == "f:9: status_pages.p.components[1].match: fits no check, so this row never shows a fault."


def test_offline_a_secret_that_is_not_here_is_a_warning_and_its_value_is_not_judged() -> None:
    text = EXAMPLE + "  chat: {title: Chat, components: [{name: A, match: {component: cpu-allowance}}]}\n"
    text = text.replace("{email: first@example.com}", '{slack: "${NOT_HERE}"}')

    def parse_offline(text: str) -> Configuration:
        return configuration_file.parse(text, "f", notifiers=KINDS, env={}, read=Path.read_text, offline=True)

    configuration = parse_offline(text)
    assert configuration.warnings == (
        "f:2: ping_keys.housekeeping: ${HEARTBEAT_PING_KEY} is not known here, so it was not checked.",
        "f:17: people.first.contacts[1].slack: ${NOT_HERE} is not known here, so it was not checked.",
    )
    assert list(configuration.checks) == ["daily-cpu-reset"]
    with pytest.raises(Wrong) as raised:
        parse_offline(text.replace("grace: 15m", "grace: 15x").replace("policy: ops", "policy: opps"))
    assert [problem.split(": ")[1] for problem in raised.value.problems] == [
        "checks.daily-cpu-reset.grace",
        "checks.daily-cpu-reset.policy",
    ]
    assert [warning.split(": ")[1] for warning in raised.value.warnings] == [
        "ping_keys.housekeeping",
        "people.first.contacts[1].slack",
    ]


def test_a_problem_hides_no_warning_about_an_entry_that_is_right() -> None:
    text = (
        "group_by: [hots]\n"
        "checks:\n"
        "  a: {every: 15x}\n"
        "  b: {schedule: 0 3 * * *, timezone: EST}\n"
        "status_pages: {p: {title: t, components: [{name: wrong}]}}\n"
    )
    with pytest.raises(Wrong) as raised:
        parse(text)
    assert len(raised.value.problems) == 2
    (warning,) = raised.value.warnings
    assert warning.startswith("f:4: checks.b.timezone: EST is UTC-5")
