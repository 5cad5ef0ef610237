"""Configuration as code: what a file declares, and what is said of a file that is wrong."""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx
import jsonschema
import pytest
import yaml

from alerting.escalation import Policy, Step
from alerting.notice import Notice
from alerting.notifiers.contract import Contact, Notifier, Outcome
from alerting.notifiers.registry import BUILT_IN
from alerting.person import Person
from alerting.severity import Severity
from heartbeat import duration
from heartbeat.checks.definition import GRACE, CheckDefinition
from heartbeat.checks.schedule import Cron, Every, OnCalendar
from heartbeat.definitions import document as yaml_document
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import file as configuration_file
from heartbeat.definitions import schema as configuration_schema
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.status_page import Component, StatusPage

KEY = "correct-horse-battery-staple"
ENV = {
    "HEARTBEAT_PING_KEY": KEY,
    "OTHER_KEY": "another-key-that-is-long",
    "SHORT_KEY": "too-short",
    "ODD_KEY": "slashes/and spaces!",
    "SMTP_PASSWORD": "hunter2-hunter2",
    "SLACK_URL": "https://hooks.slack.com/services/T0/B0/hunter3",
    "NO_URL": "hunter4 is no URL",
    "BAD_TOKEN": "hunter5 has spaces",
}
SECRETS = (KEY, "another-key", "too-short", "slashes/", "hunter")

EXAMPLE = """\
group_by: [host]
ping_keys: {housekeeping: "${HEARTBEAT_PING_KEY}"}
checks:
  daily-cpu-reset:
    schedule: "0 3 * * *"          # or  every: 5m   or  on_calendar: Mon..Fri 03:00
    timezone: UTC
    grace: 15m
    max_runtime: 2h
    labels: {host: us-housekeeping, region: us, component: cpu-allowance}
    severity: critical
    policy: ops
people:
  first:
    name: First responder
    contacts: [{ntfy: "https://ntfy.example.com/first"}, {email: first@example.com}]
  second: {name: Second responder, contacts: [{email: second@example.com}]}
policies:
  ops:
    - {page: first, wait: 5m}
    - {page: [second, first], wait: 10m}
notifiers:
  email: {smtp: "smtp://mail.example.com:587", from: heartbeat@example.com}
status_pages:
  public:
    title: Example status
    components: [{name: CPU allowance, match: {component: cpu-allowance}}]
"""


class Pigeon:
    """A plugin: careless with what it is given, and not to be relied upon."""

    kind: ClassVar[str] = "pigeon"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset({"ring"})
    secret_address: ClassVar[bool] = False

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        if "ring" in settings:
            raise KeyError(f"ring {settings['ring']} is lost")
        return cls()

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if "hunter" in address:
            return f"{address} is no loft"
        if address == "cliff":
            raise ZeroDivisionError
        return None

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        raise NotImplementedError


KINDS: dict[str, type[Notifier]] = {kind.kind: kind for kind in BUILT_IN} | {"pigeon": Pigeon}


def parse(text: str, env: Mapping[str, str] = ENV) -> Configuration:
    def read(path: Path) -> str:
        if path != Path("/run/key"):
            raise FileNotFoundError(2, "No such file or directory")
        return "a-key-out-of-a-file\n"

    return configuration_file.parse(text, "f", notifiers=KINDS, env=env, read=read)


def problems(text: str) -> list[str]:
    with pytest.raises(Wrong) as raised:
        parse(text)
    return raised.value.problems


def fits(text: str) -> bool:
    validator = jsonschema.Draft202012Validator(configuration_file.json_schema())
    return bool(validator.is_valid(yaml.safe_load(text)))


def test_the_example_declares_what_it_says() -> None:
    found = parse(EXAMPLE)
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
        labels={"host": "us-housekeeping", "region": "us", "component": "cpu-allowance"},
        severity=Severity.CRITICAL,
        policy="ops",
    )
    steps = (Step(("first",), timedelta(minutes=5)), Step(("second", "first"), timedelta(minutes=10)))
    row = Component("CPU allowance", {"component": "cpu-allowance"})
    assert found == Configuration(
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
    assert found.warnings == ()


def test_the_top_of_the_file_speaks_for_what_says_nothing_itself() -> None:
    found = parse(
        "{group_by: [], gathering: 0s, acknowledge_for: 1h, timezone: Europe/London, grace: 1h, policy: b,"
        " checks: {one: {schedule: '0 3 * * *'}, two: {schedule: '0 3 * * *', timezone: UTC, grace: 2h,"
        " policy: a}}, people: {anna: {contacts: [{console: x}]}},"
        " policies: {a: [{page: anna, wait: 1m}], b: [{page: anna, wait: 24h}]}}"
    )
    assert (found.group_by, found.gathering, found.acknowledge_for) == ((), timedelta(), timedelta(hours=1))
    one, two = found.checks["one"], found.checks["two"]
    assert (one.schedule, one.grace, one.policy) == (
        Cron("0 3 * * *", "Europe/London"), timedelta(hours=1), "b",
    )  # fmt: skip
    assert (two.schedule, two.grace, two.policy) == (Cron("0 3 * * *", "UTC"), timedelta(hours=2), "a")
    assert found.people["anna"].timezone == "Europe/London"


def test_where_nothing_is_said_the_defaults_hold() -> None:
    found = parse("checks: {one: {every: 5m}}")
    assert found.checks["one"] == CheckDefinition("one", "one", Every(timedelta(minutes=5)), GRACE)
    assert (found.policy, found.group_by) == (None, ("host",))


def test_the_only_policy_is_the_default() -> None:
    people = "people: {anna: {contacts: [{console: x}]}}\n"
    found = parse(people + "policies: {ops: [{page: anna, wait: 1m}]}\nchecks: {one: {every: 5m}}")
    assert (found.policy, found.checks["one"].policy) == ("ops", "ops")


def test_scalars_are_the_text_that_stands_there() -> None:
    found = parse(
        "checks: {one: {every: 5m, name: 007, labels: {a: no, b: 1.10, c: 0x1F}, manual_resume: true}}"
    )
    one = found.checks["one"]
    assert (one.name, one.labels, one.manual_resume) == ("007", {"a": "no", "b": "1.10", "c": "0x1F"}, True)


def test_a_calendar_event_may_name_its_own_zone() -> None:
    found = parse("checks: {one: {on_calendar: Mon..Fri 03:00 Europe/Paris, timezone: UTC}}")
    assert found.checks["one"].schedule == OnCalendar("Mon..Fri 03:00", "Europe/Paris")


def test_aliases_are_understood() -> None:
    found = parse("checks: {one: {every: 5m, labels: &l {host: a}}, two: {every: 5m, labels: *l}}")
    assert found.checks["two"].labels == {"host": "a"}


def test_keys_and_settings_by_reference_are_kept_by_reference() -> None:
    found = parse(
        'ping_keys: {a: "${HEARTBEAT_PING_KEY}", b: "${file:/run/key}"}\n'
        'notifiers: {email: {smtp: "smtp://m:587", from: a@b.c, username: u, password: "${SMTP_PASSWORD}"}}\n'
        'people: {anna: {contacts: [{slack: "${SLACK_URL}"}, {ntfy: "https://n.example/x${OTHER_KEY}"}]}}\n'
    )
    assert found.ping_keys["b"] == hashlib.sha256(b"a-key-out-of-a-file").hexdigest()
    assert found.ping_key_references == {"a": "${HEARTBEAT_PING_KEY}", "b": "${file:/run/key}"}
    assert found.notifiers["email"]["password"] == "${SMTP_PASSWORD}"
    assert [contact.address for contact in found.people["anna"].contacts] == [
        "${SLACK_URL}", "https://n.example/x${OTHER_KEY}",
    ]  # fmt: skip
    assert not any(secret in repr(found) for secret in SECRETS)


SLUG = "cannot be a name; write a-z, 0-9, _ and -, at most 100, none of _ and - first."
LABEL = "cannot be a label; write letters, digits, _ . / -, at most 100, a letter first."
CLEAR = "is a secret; write it as ${NAME} or ${file:PATH}."
ONE_CONTACT = "must be one notifier and its address, such as {email: anna@example.com}."

MAPPING = "must be a mapping, with a line `name: value` for each field."
KEY_IN_CLEAR = "must not stand here in clear; write it as ${HEARTBEAT_PING_KEY} or ${file:PATH}."
UNSET = "${NOPE} is not set in the environment; set it or write ${file:PATH}."
EXAMPLE_ROW = "{name: Mail, match: {component: mail}}"
HOOK = "the address must be an incoming webhook's URL, such as https://hooks.slack.com/services/…."

MISSHAPEN = [
    ("chekcs: {}", "chekcs: the file has no such field; did you mean 'checks'?"),
    ("checks: [a]", f"checks: {MAPPING}"),
    ("checks: {A b: {every: 5m}}", f"checks.A b: 'A b' {SLUG}"),
    ("checks: {a: }", "checks.a: needs exactly one of schedule, every, on_calendar."),
    ("checks: {a: 5m}", f"checks.a: {MAPPING}"),
    (
        "checks: {a: {every: 5m, polcy: b}}",
        "checks.a.polcy: a check has no such field; did you mean 'policy'?",
    ),
    (
        "checks: {a: {every: 5m, schedule: '@daily'}}",
        "checks.a: needs exactly one of schedule, every, on_calendar.",
    ),
    (
        "checks: {a: {every: 15x}}",
        "checks.a.every: '15x' is not a duration; write for example 15m, 2h or 1d.",
    ),
    ("checks: {a: {every: 60}}", "checks.a.every: '60' is not a duration; write for example 15m, 2h or 1d."),
    ("checks: {a: {every: [5m]}}", "checks.a.every: must be one value."),
    ("checks: {a: {every: 5m, grace: }}", "checks.a.grace: has no value; write one."),
    ("checks: {a: {every: 5m, name: ''}}", "checks.a.name: must be one line of text."),
    (
        "checks: {a: {every: 5m, severity: bad}}",
        "checks.a.severity: 'bad' is not one of critical, error, warning, info.",
    ),
    (
        "checks: {a: {every: 5m, manual_resume: 'yes'}}",
        "checks.a.manual_resume: 'yes' is neither true nor false.",
    ),
    ("checks: {a: {every: 5m, labels: {a=b: c}}}", f"checks.a.labels.a=b: 'a=b' {LABEL}"),
    ("checks: {a: {every: 5m, labels: {b: }}}", "checks.a.labels.b: has no value; write one."),
    ("checks: {a: {every: 5m, labels: [b]}}", f"checks.a.labels: {MAPPING}"),
    ("group_by: [a b]", f"group_by[0]: 'a b' {LABEL}"),
    ("gathering: soon", "gathering: 'soon' is not a duration; write for example 15m, 2h or 1d."),
    ("ping_keys: {a: in-clear-and-long-enough}", f"ping_keys.a: {KEY_IN_CLEAR}"),
    (
        "people: {a: {name: Anna}}",
        "people.a: has no contacts; write for example `contacts: [{email: anna@example.com}]`.",
    ),
    (
        "people: {a: {contacts: []}}",
        "people.a.contacts: needs at least one, such as {email: anna@example.com}.",
    ),
    (
        "people: {a: {contacts: {console: x}}}",
        "people.a.contacts: must be a list, with a line `- …` for each item.",
    ),
    ("people: {a: {contacts: [x]}}", f"people.a.contacts[0]: {ONE_CONTACT}"),
    ("people: {a: {contacts: [{console: x, email: a@b.c}]}}", f"people.a.contacts[0]: {ONE_CONTACT}"),
    ("policies: {a: []}", "policies.a: needs at least one, such as {page: anna, wait: 5m}."),
    (
        "status_pages: {a: {components: [{name: b, match: {c: d}}]}}",
        "status_pages.a: has no title; write for example `title: Example status`.",
    ),
    (
        "status_pages: {a: {title: b, components: []}}",
        f"status_pages.a.components: needs at least one, such as {EXAMPLE_ROW}.",
    ),
    (
        "status_pages: {a: {title: b, components: [{name: c, match: {}}]}}",
        "status_pages.a.components[0].match: needs at least one label, such as {component: mail}.",
    ),
]
"""What both the schema and the reading refuse."""

MISTAKEN = [
    (
        "timezone: Europe/Lodnon",
        "timezone: 'Europe/Lodnon' is no time zone; did you mean 'Europe/London' or 'Europe/Lisbon'?",
    ),
    ("timezone: Rohan", "timezone: 'Rohan' is no time zone; write for example Europe/London."),
    ("gathering: 2h", "gathering: '2h' is out of range; write 0s to 1h."),
    ("acknowledge_for: 1s", "acknowledge_for: '1s' is out of range; write 1m to 7d."),
    ("policy: ops", "policy: there is no policy 'ops'; there are none."),
    ("checks: {a: {every: 5m, policy: ops}}", "checks.a.policy: there is no policy 'ops'; there are none."),
    ("checks: {a: {every: 5m, grace: 0s}}", "checks.a.grace: '0s' is out of range; write 1s to 30d."),
    (
        "checks: {a: {every: 5m, max_runtime: 31d}}",
        "checks.a.max_runtime: '31d' is out of range; write 1s to 30d.",
    ),
    (
        "people: {operator: {contacts: [{console: x}]}}",
        "people.operator: is the service's own name for its terminal; choose another.",
    ),
    (
        "people: {a: {contacts: [{console: x}]}}\npolicies: {p: [{page: a, wait: 59s}]}",
        "policies.p[0].wait: '59s' is out of range; write 1m to 1d.",
    ),
    (
        "people: {a: {contacts: [{emial: x}]}}",
        "people.a.contacts[0].emial: there is no notifier 'emial'; did you mean 'email'?",
    ),
    (
        "people: {a: {contacts: [{ntfy: x}]}}",
        "people.a.contacts[0].ntfy: the address must be a topic's URL, such as https://ntfy.sh/ops-pages.",
    ),
    (
        "people: {a: {contacts: [{slack: 'https://hooks.slack.com/x'}]}}",
        f"people.a.contacts[0].slack: {CLEAR}",
    ),
    ("people: {a: {contacts: [{slack: '${NOPE}'}]}}", f"people.a.contacts[0].slack: {UNSET}"),
    ("people: {a: {contacts: [{slack: '${NO_URL}'}]}}", f"people.a.contacts[0].slack: {HOOK}"),
    (
        "people: {a: {contacts: [{pigeon: 'x${NO_URL}'}]}}",
        "people.a.contacts[0].pigeon: x${NO_URL} is no loft.",
    ),
    ("people: {a: {contacts: [{pigeon: cliff}]}}", "people.a.contacts[0].pigeon: ZeroDivisionError."),
    (
        "notifiers: {foo: {}}",
        "notifiers.foo: there is no notifier 'foo'; "
        "there are console, email, ntfy, pagerduty, pigeon, slack, webhook.",
    ),
    ("notifiers: {ntfy: {token: tk_in_clear}}", f"notifiers.ntfy.token: {CLEAR}"),
    (
        "notifiers: {ntfy: {token: '${file:/nope}'}}",
        "notifiers.ntfy.token: ${file:/nope} cannot be read: No such file or directory.",
    ),
    (
        "notifiers: {ntfy: {token: '${BAD_TOKEN}'}}",
        "notifiers.ntfy: token must be an access token, such as tk_…, without spaces.",
    ),
    (
        "notifiers: {ntfy: {tokne: x}}",
        "notifiers.ntfy: tokne is not a setting here; the settings are: token.",
    ),
    ("notifiers: {pigeon: {ring: '${NO_URL}'}}", "notifiers.pigeon: 'ring ${NO_URL} is lost'."),
    ("ping_keys: {a: '${NOPE}'}", f"ping_keys.a: {UNSET}"),
    (
        "ping_keys: {a: '${SHORT_KEY}'}",
        "ping_keys.a: ${SHORT_KEY} has 9 characters; a ping key needs at least 16.",
    ),
    (
        "ping_keys: {a: '${ODD_KEY}'}",
        "ping_keys.a: ${ODD_KEY} does not fit into an address; use only A-Z, a-z, 0-9, . _ ~ and -.",
    ),
    (
        "ping_keys: {a: '${OTHER_KEY}', b: '${OTHER_KEY}'}",
        "ping_keys.b: is the same key as a; make another one.",
    ),
]
"""What a schema cannot see."""


@pytest.mark.parametrize(("text", "problem"), MISSHAPEN + MISTAKEN)
def test_what_is_wrong_is_told_with_its_line(text: str, problem: str) -> None:
    told = problems("# a comment\n\n" + text)
    line = 3 + text.count("\n")
    assert told == [f"f:{line}: {problem}"]
    assert not any(secret in "".join(told) for secret in SECRETS)


@pytest.mark.parametrize("text", [text for text, _ in MISSHAPEN])
def test_the_schema_refuses_what_is_misshapen(text: str) -> None:
    assert not fits(text)


def test_a_wrong_cron_line_is_told_in_the_words_of_the_schedule() -> None:
    (told,) = problems("checks: {a: {schedule: '0 3 * *'}}")
    assert told.startswith('f:1: checks.a.schedule: "0 3 * *" ')


def test_a_notifier_that_is_used_must_have_the_settings_it_needs() -> None:
    (told,) = problems("people: {a: {contacts: [{email: a@example.com}]}}")
    assert told.startswith("f:1: people.a.contacts[0].email: needs its settings under notifiers.email: smtp ")


def test_who_is_paged_must_be_there_once() -> None:
    people = "people: {first: {contacts: [{console: x}]}, second: {contacts: [{console: x}]}}\n"
    assert problems(people + "policies:\n  p:\n    - page: frist\n      wait: 5m") == [
        "f:4: policies.p[0].page: there is no person 'frist'; did you mean 'first'?"
    ]
    assert problems(people + "policies:\n  p: [{page: [x, first], wait: 5m}]") == [
        "f:3: policies.p[0].page[0]: there is no person 'x'; there are first, second."
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


def test_everything_is_told_at_once_in_the_order_of_the_lines() -> None:
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
    told = problems(text)
    assert [int(line.split(":")[1]) for line in told] == [2, 2, 3, 5, 5, 7, 8, 9]
    with pytest.raises(Wrong, match=re.escape("\n".join(told))):
        parse(text)


def component_rows(count: int) -> str:
    """That many rows of a status page."""
    return ", ".join(f"{{name: n{number}, match: {{a: b}}}}" for number in range(count))


def section(name: str, count: int, one: str) -> str:
    return name + ":\n" + "".join(f"  x{n}: {one}\n" for n in range(count))


def names(count: int) -> str:
    return ", ".join(f"x{n}" for n in range(count))


CHECK = "checks: {a: {every: 5m, "
ROW = "{name: x, match: {a: b}}"
LIMITS: list[tuple[int, Callable[[int], str]]] = [
    (definition_entry.MAX_LABELS, lambda n: CHECK + "labels: {" + ", ".join(f"x{i}: y" for i in range(n)) + "}}}"),
    (definition_entry.MAX_LABEL_VALUE, lambda n: CHECK + "labels: {a: " + "x" * n + "}}}"),
    (definition_entry.MAX_NAME, lambda n: CHECK + "name: " + "x" * n + "}}"),
    (definition_entry.MAX_DESCRIPTION, lambda n: CHECK + "description: " + "x" * n + "}}"),
    (100, lambda n: "checks: {" + "a" * n + ": {every: 5m}}"),
    (100, lambda n: CHECK + "labels: {" + "a" * n + ": b}}}"),
    (definition_entry.MAX_GROUP_BY, lambda n: f"group_by: [{names(n)}]"),
    (definition_entry.MAX_CONTACTS, lambda n: "people: {a: {contacts: [" + ", ".join(["{console: x}"] * n) + "]}}"),
    (definition_entry.MAX_ADDRESS, lambda n: "people: {a: {contacts: [{console: " + "x" * n + "}]}}"),
    (definition_entry.MAX_PEOPLE, lambda n: section("people", n, "{contacts: [{console: x}]}")),
    (definition_entry.MAX_PAGES, lambda n: section("status_pages", n, f"{{title: t, components: [{ROW}]}}")),
    (
        definition_entry.MAX_COMPONENTS,
        lambda n: f"status_pages: {{a: {{title: t, components: [{component_rows(n)}]}}}}",
    ),
    (
        definition_entry.MAX_STEPS,
        lambda n: "people: {a: {contacts: [{console: x}]}}\n"
        f"policies: {{p: [{', '.join(['{page: a, wait: 5m}'] * n)}]}}",
    ),
    (
        definition_entry.MAX_PAGED,
        lambda n: section("people", n, "{contacts: [{console: x}]}")
        + f"policies: {{p: [{{page: [{names(n)}], wait: 5m}}]}}",
    ),
    (
        definition_entry.MAX_POLICIES,
        lambda n: "policy: x0\npeople: {a: {contacts: [{console: x}]}}\n"
        + section("policies", n, "[{page: a, wait: 5m}]"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "made"), LIMITS)
def test_a_limit_is_a_limit(limit: int, made: Callable[[int], str]) -> None:
    at, beyond = made(limit), made(limit + 1)
    parse(at)
    assert len(problems(beyond)) == 1
    small = limit <= 1_000
    assert not small or (fits(at), fits(beyond)) == (True, False)


def test_there_are_limits_to_checks_and_characters() -> None:
    assert (definition_entry.MAX_CHECKS, yaml_document.MAX_CHARACTERS) == (100_000, 5_000_000)
    aliases = "checks:\n  x: &x {every: 1m}\n" + "".join(
        f"  x{n}: *x\n" for n in range(definition_entry.MAX_CHECKS)
    )
    assert "f:1: checks: has 100,001 entries; there can be at most 100,000." in problems(aliases)


@pytest.mark.parametrize(
    ("field", "shortest", "longest"),
    [("grace", "1s", "30d"), ("max_runtime", "1s", "30d"), ("every", "1s", "366d")],
)
def test_a_length_of_time_has_its_limits(field: str, shortest: str, longest: str) -> None:
    def text(length: str) -> str:
        return f"checks: {{a: {{{field}: {length}{', every: 5m' if field != 'every' else ''}}}}}"

    parse(text(shortest))
    parse(text(longest))
    for wrong in ("0s", "367d"):
        (told,) = problems(text(wrong))
        assert told.startswith(f"f:1: checks.a.{field}: ")


@pytest.mark.parametrize("text", [EXAMPLE, configuration_file.sample("${HEARTBEAT_PING_KEY}")])
def test_the_schema_takes_what_is_right(text: str) -> None:
    assert fits(text)
    parse(text)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(configuration_file.json_schema())


def fields(found: Any) -> set[str]:
    return set(found.__slots__) - {"origin"}


def test_every_field_of_the_nouns_can_be_written() -> None:
    assert fields(CheckDefinition) - {"slug"} <= configuration_schema.CHECK
    assert fields(Person) - {"id"} <= configuration_schema.PERSON
    assert fields(Step) - {"targets"} | {"page"} <= configuration_schema.STEP
    assert fields(Component) - {"group"} <= configuration_schema.COMPONENT
    assert fields(StatusPage) - {"slug", "automatic"} <= configuration_schema.STATUS_PAGE
    assert fields(Configuration) - {"ping_key_references", "warnings"} <= configuration_schema.TOP


def test_the_sample_pings_by_the_key_it_is_given() -> None:
    assert parse(configuration_file.sample("${OTHER_KEY}")).ping_key_references == {"sample": "${OTHER_KEY}"}
    odd = '${file:/data/with "quotes" and \\/ping-key}'
    assert yaml.safe_load(configuration_file.sample(odd))["ping_keys"] == {"sample": odd}
    found = parse(configuration_file.sample("${HEARTBEAT_PING_KEY}"))
    assert found.warnings == ()
    assert found.checks["example-job"].schedule == Every(timedelta(minutes=1))
    assert found.checks["example-job"].grace == timedelta(seconds=30)
    assert found.people["me"].contacts == (Contact("console", "terminal"),)


def test_the_sample_names_the_grace_of_checks_that_name_none() -> None:
    (line,) = (line for line in configuration_file.sample("${OTHER_KEY}").splitlines() if " grace: " in line)
    assert duration.written(GRACE) in line.partition("#")[2].replace(";", "").split()


def test_what_the_sample_shows_in_comments_is_right() -> None:
    shown = re.sub(
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
    found = parse(shown, env)
    assert {contact.kind for contact in found.people["me"].contacts} == {kind.kind for kind in BUILT_IN}
    assert found.notifiers.keys() == {"email", "ntfy", "webhook"}
    assert found.people["me"].timezone == "Europe/London"
    assert found.checks["example-job"].max_runtime == timedelta(minutes=10)


def test_what_may_not_be_meant_is_a_warning() -> None:
    found = parse(
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
    group_by, policies, steps, match = found.warnings
    assert policies == "f:1: policies: there are none, so pages reach only this service's own terminal."
    assert group_by == "f:1: group_by[0]: no check has the label hots."
    assert steps.startswith('f:3: checks.a: "*/45" means minute 0, 45 of each hour')
    assert match == "f:9: status_pages.p.components[1].match: fits no check, so this row never shows a fault."
