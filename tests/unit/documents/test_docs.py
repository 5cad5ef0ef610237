"""The documentation says what the code does: every name that somebody can meet is explained, and no other.

Where a page names a number, it is compared with the constant that is that number in the code.
"""

import inspect
import json
import re
import tomllib
from argparse import _SubParsersAction
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import make_url

from alerting import courier, delivery, escalator, incident, notice, outbox, timeline
from alerting.delivery import Retry, Tries
from alerting.notice import Kind
from alerting.notifiers import email, ntfy, pagerduty, registry
from alerting.notifiers.contract import (
    Acknowledgement,
    Arrived,
    Malformed,
    Notifier,
    Undelivered,
    Unreachable,
    Unsigned,
)
from alerting.notifiers.transport import egress
from alerting.notifiers.transport import http as transport_http
from alerting.person import OPERATOR
from alerting.severity import Severity
from heartbeat import (
    __main__,
    app,
    database,
    duration,
    notifier_clients,
    outside_heartbeat,
    retention,
    settings,
    signed_link,
    ticker,
)
from heartbeat.access import account, hasher, oidc, second_factor, session, sign_in, tries, users
from heartbeat.access import api_key as access_key
from heartbeat.access import pending_sign_in as code_ticket
from heartbeat.access import store as access_store
from heartbeat.checks import check, checker, maintenance, schedule
from heartbeat.checks.cause import GROUP_BY, Cause
from heartbeat.checks.check import State
from heartbeat.checks.definition import GRACE
from heartbeat.clock import WallClock
from heartbeat.definitions import document as yaml_document
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import file as configuration_file
from heartbeat.definitions import schema as configuration_schema
from heartbeat.definitions import status_page as definition_status_page
from heartbeat.definitions.edit import maintenance as arranging
from heartbeat.definitions.file import SHORTEST_KEY
from heartbeat.definitions.model import Configuration
from heartbeat.http import app as http_app
from heartbeat.http import health, limits, server
from heartbeat.http.callbacks import provider
from heartbeat.http.console import stream
from heartbeat.http.console.checks import bulk, search
from heartbeat.http.console.checks import list as check_list
from heartbeat.http.console.checks import query as check_query
from heartbeat.http.console.on_call import policy_fields, policy_form
from heartbeat.http.context import Context
from heartbeat.http.pages import live
from heartbeat.http.pages import render as renderer
from heartbeat.http.pings import dialect, healthchecks, receiver
from heartbeat.http.prometheus import checks as check_series
from heartbeat.http.status import pages as status_page_views
from heartbeat.http.status import subscribe
from heartbeat.http.v1 import fields
from heartbeat.metrics import Metrics
from heartbeat.operations import doctor_facts, serve, serving_process, standby
from heartbeat.pings import ingest
from heartbeat.pings import store as pings
from heartbeat.settings import BadSetting, Settings
from heartbeat.status import announcement, automation
from heartbeat.status.publish import edition, hook, publisher, snapshot
from heartbeat.status.subscribers import link as subscriber_link
from heartbeat.status.subscribers import sender as subscriber_sender
from heartbeat.status.subscribers import store as subscriber_store
from heartbeat.status.uptime import count as uptime_count

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
DEFAULT = Settings()
HOUR = timedelta(hours=1)
NOBODY: Any = None
"""Stands in where a part of the system is never asked."""


def read(name: str) -> str:
    """A page, its lines joined, so that it does not matter where they were broken."""
    return " ".join((ROOT / name).read_text().split())


def everything() -> str:
    return "\n".join(page.read_text() for page in PAGES)


def section(name: str, heading: str) -> str:
    """What stands under a heading of a page, up to the next of its level or a higher one."""
    level = len(heading) - len(heading.lstrip("#"))
    rest = (ROOT / name).read_text().split(f"\n{heading}\n", 1)[1]
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of every row of the tables in a text, without those rows that are drawn with dashes."""
    found = [line.strip().strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in found if not set("".join(row)) <= set("-: ")]


def row_of(text: str, first: str) -> str:
    """The row of a table that begins with this cell."""
    (found,) = [row for row in rows(text) if row[0] == first]
    return " | ".join(found)


def blocks(page: Path, language: str) -> list[str]:
    """The examples in one language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    """A page without its examples, what stands in backticks, and its pictures."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`]*`|!\[", "", text)


def shown(page: Path) -> str:
    return str(page.relative_to(ROOT))


# --- Settings.

SETTINGS = section("docs/settings.md", "## All settings")
# HEARTBEAT_KEY is no setting: it stands for the reader's own key in examples.
SETTING = re.compile(r"\bHEARTBEAT_(?!KEY\b)[A-Z]+(?:_[A-Z]+)*\b")


def settings_in_code() -> set[str]:
    sources = "\n".join(path.read_text() for path in (ROOT / "heartbeat").rglob("*.py"))
    return set(SETTING.findall(sources))


class Asked(dict[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, otherwise: Any = None) -> Any:
        self.names.add(name)
        return otherwise


def test_every_setting_is_documented() -> None:
    asked = Asked()
    settings.read(asked)
    documented = {row[0].strip("`") for row in rows(SETTINGS)[1:]}
    assert documented == settings_in_code()
    # systemd sets this one by itself for those it starts.
    assert {name for name in asked.names if name.startswith("HEARTBEAT_")} <= documented


def test_no_setting_is_documented_that_does_not_exist() -> None:
    assert set(SETTING.findall(everything())) <= settings_in_code()


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("HEARTBEAT_HOST", DEFAULT.host),
        ("HEARTBEAT_PORT", DEFAULT.port),
        ("HEARTBEAT_DATA_DIR", DEFAULT.data_dir),
        ("HEARTBEAT_DATABASE_URL", DEFAULT.database_url),
        ("HEARTBEAT_CONFIG", DEFAULT.config),
        ("HEARTBEAT_ROLES", ",".join(settings.ROLES)),
        ("HEARTBEAT_PING_BODY_LIMIT", DEFAULT.ping_body_limit),
        ("HEARTBEAT_OUTSIDE_EVERY", f"{DEFAULT.outside_every:g}"),
        ("HEARTBEAT_KEEP_INCIDENTS", DEFAULT.keep_incidents),
        ("HEARTBEAT_KEEP_TRANSITIONS", DEFAULT.keep_transitions),
        ("HEARTBEAT_LOG_LEVEL", DEFAULT.log_level),
        ("HEARTBEAT_LOG_FORMAT", DEFAULT.log_format),
    ],
)
def test_the_defaults_of_settings_are_the_documented_ones(name: str, default: object) -> None:
    found = getattr(settings.read({}), name.removeprefix("HEARTBEAT_").lower())
    assert found == getattr(Settings(), name.removeprefix("HEARTBEAT_").lower())
    assert f"`{default}`" in row_of(SETTINGS, f"`{name}`")


def _numbers() -> Iterator[tuple[str, str, bool]]:
    """By setting a value at or beyond a documented limit, and whether it is taken."""
    for row in rows(SETTINGS):
        if found := re.fullmatch(r"(\d+) to (\d+)", row[3]):
            low, high = int(found[1]), int(found[2])
            yield from ((row[0], str(number), low <= number <= high) for number in (low, high, high + 1))
            yield row[0], str(low - 1), False
        if found := re.fullmatch(r"at least (\d+) characters", row[3]):
            yield row[0], "k" * int(found[1]), True
            # How short a ping key may be is judged where the configuration is read.
            yield row[0], "k" * (int(found[1]) - 1), row[0] == "`HEARTBEAT_PING_KEY`"


@pytest.mark.parametrize(("name", "value", "right"), list(_numbers()))
def test_the_limits_of_settings_are_the_documented_ones(name: str, value: str, right: bool) -> None:
    try:
        settings.read({name.strip("`"): value})
    except BadSetting:
        assert not right
    else:
        assert right


def test_every_role_is_documented() -> None:
    documented = [row[0].strip("`") for row in rows(section("docs/settings.md", "## Roles"))[1:]]
    assert documented == list(settings.ROLES)


# --- Metrics.

METRIC = re.compile(r"\bheartbeat_[a-z]+(?:_[a-z]+)*\b")


def test_every_metric_is_documented_and_no_other(make_database_url: Callable[[str], str]) -> None:
    reader = database.engine(make_url(make_database_url("sqlite")), writing=False)
    with reader.connect() as db:
        told = check_series.exposition(db, Metrics(), datetime.now(UTC)).decode()
    reader.dispose()
    told += check_series.without_database(Metrics()).decode()
    known = {
        name for name in re.findall(r"^# TYPE (\S+)", told, re.MULTILINE) if not name.endswith("_created")
    }
    table = section("docs/metrics.md", "## All metrics").split("### ")[0]
    assert {row[0].strip("`") for row in rows(table)[1:]} == known
    assert set(METRIC.findall(everything())) <= known


# --- Addresses.


def addresses() -> dict[str, set[str]]:
    """Every address that the service answers, with its methods."""
    context = Context(
        database=NOBODY,
        clock=WallClock(),
        metrics=Metrics(),
        public_url="http://test",
        admin_key="k" * 16,
        secret_key="s" * 32,
        link_keys=["s" * 32],
        vault=NOBODY,
        fence=NOBODY,
        wake=NOBODY,
        ready=NOBODY,
        apply=NOBODY,
        ways=NOBODY,
    )
    found: dict[str, set[str]] = {"/livez": {"GET"}, healthchecks.PREFIX: {"GET"}}
    for route in iter_route_contexts(http_app.build(context).routes):
        path = re.sub(r":\w+}", "}", str(getattr(route, "path", "")))
        found.setdefault(path, set()).update(getattr(route, "methods", None) or ())
    return found


def test_every_address_is_documented_and_no_other() -> None:
    known = addresses()
    api = {
        f"{method} {path}" for path, methods in known.items() if path.startswith("/v1") for method in methods
    }
    cells = {row[0].strip("`") for row in rows((ROOT / "docs/api.md").read_text())}
    assert {cell for cell in cells if " /v1" in cell} == api
    assert {cell for cell in cells if cell.startswith("/")} == {
        path for path in known if not path.startswith("/v1")
    }


def test_the_ping_protocol_is_documented() -> None:
    page = read("docs/pinging.md")
    source = inspect.getsource(healthchecks)
    for words in re.findall(r'BadPing\((\d+), b"([^"]+)"\)', source):
        assert f"{words[0]} `{words[1]}`" in page
    for ending in ("", "/start", "/fail", "/log", "/{0-255}"):
        assert f"`/ping/{{uuid}}{ending}`" in page
    assert "200 `OK`" in page
    assert "201 `Created`" in page
    assert f"`Retry-After` ({dialect.RETRY_AFTER.decode()} seconds)" in page
    assert f"{DEFAULT.ping_body_limit:,} bytes" in page
    assert f"within {receiver.BODY_BOUND:g} s" in page
    assert f"the last {pings.KEEP} pings" in page
    assert f"At most {check.MAX_OPEN_RUNS} runs" in page
    assert timedelta(days=1) == ingest.NEW_PERIOD
    assert "expected once a day with a grace of 1 hour" in page
    assert timedelta(hours=1) == ingest.NEW_GRACE


def test_early_pings_are_documented_as_they_are() -> None:
    page = read("docs/pinging.md")
    early = schedule.EARLINESS.seconds
    assert f"at most {early} seconds before that slot, and at most a tenth of the shorter" in page
    assert f"at most {early} seconds, and at most a tenth" in read(
        "docs/decisions/0010-dates-and-daylight-saving.md"
    )
    slot = datetime(2026, 11, 23, 3, tzinfo=UTC)
    daily, minutely = schedule.parse(cron="0 3 * * *"), schedule.parse(cron="* * * * *")
    pair = schedule.parse(cron="0,1 3 * * *")
    table = section("docs/pinging.md", "### Early pings")
    assert row_of(table, "daily at 03:00").endswith(f"{_earliest(daily, slot):%H:%M:%S}")
    for first, timetable in (("each minute", minutely), ("03:00 and 03:01 each day", pair)):
        assert f"{(slot - _earliest(timetable, slot)).seconds} seconds before" in row_of(table, first)


def _earliest(timetable: schedule.Schedule, slot: datetime) -> datetime:
    """The first second at which a ping counts for a slot."""
    heard = slot - timedelta(seconds=59)
    while schedule.due_after(timetable, heard) == slot:
        heard += timedelta(seconds=1)
    return heard


@pytest.mark.parametrize("state", list(State))
def test_every_state_is_documented(state: State) -> None:
    assert row_of(section("docs/pinging.md", "## States"), state.value)


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_is_documented(cause: Cause) -> None:
    assert row_of(section("docs/pinging.md", "## States"), cause.words.word)


# --- The command line and the Makefile.


def test_every_command_is_documented_and_no_other() -> None:
    parser = __main__._parser()
    (commands,) = (action for action in parser._actions if isinstance(action, _SubParsersAction))
    named = set(re.findall(r"`heartbeat ([a-z-]+)", everything())) | {"serve"}
    assert named == set(commands.choices)


def test_every_target_of_the_makefile_is_documented_and_no_other() -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    table = section("docs/operating.md", "## The Makefile")
    assert {row[0].strip("`").removeprefix("make ") for row in rows(table)[1:]} == targets
    assert set(re.findall(r"`make ([a-z0-9]+)", everything())) <= targets


def test_the_keys_and_numbers_of_the_console_are_documented() -> None:
    page = read("docs/console.md")
    frame = (renderer.HERE / "templates" / "console.html").read_text()
    for key in ("/", "↓", "j", "↑", "k", "Enter", "x", "a", "?"):
        assert f"`{key}`" in page
        assert f"<kbd>{key}</kbd>" in frame
    assert f"the most urgent {check_list.AT_A_GLANCE} checks" in page
    assert f"the newest {outbox.REMEMBERED:,} attempts" in page
    assert f"more than {policy_form.TICKED}, their names are written" in page
    assert f"at most {policy_fields.MOST} steps here" in page
    assert f"renews itself every {renderer.REFRESH} seconds" in page


# --- Notifiers.


def settings_of(notifier: type[Notifier]) -> set[str]:
    """The settings that a notifier says it has, when it is given one that it has not."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503)))
    with pytest.raises(ValueError, match="the settings are") as refused:
        notifier.configured({"no-such-setting": ""}, http)
    named = str(refused.value).rpartition(": ")[2]
    return set() if named == "none" else set(named.split(", "))


@pytest.mark.parametrize("notifier", registry.BUILT_IN, ids=lambda notifier: notifier.kind)
def test_every_notifier_and_its_settings_are_documented(notifier: type[Notifier]) -> None:
    text = section("docs/notifiers.md", f"## {notifier.kind}")
    first = [row[0] for row in rows(text)]
    names = {name for cell in first for name in re.findall(r"`(\w+)`", cell)}
    assert names == settings_of(notifier)
    assert ("Settings" in first) == (not names)
    assert ("secret" in row_of(text, "Address")) == (notifier.secret_address or notifier.kind == "ntfy"), (
        "ntfy's address may be a secret, and need not be one"
    )
    for name in notifier.secret_settings:
        assert "secret" in next(" ".join(row) for row in rows(text) if f"`{name}`" in row[0])


def test_no_notifier_is_documented_that_does_not_exist() -> None:
    headings = re.findall(r"^## ([a-z]+)$", (ROOT / "docs/notifiers.md").read_text(), re.MULTILINE)
    assert headings == [notifier.kind for notifier in registry.BUILT_IN]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_notice_is_documented(kind: Kind) -> None:
    assert row_of(section("docs/notifiers.md", "## What is sent"), kind.value)


def test_the_example_of_a_notifier_is_the_one_that_the_tests_install() -> None:
    plugin = ROOT / "tests" / "plugin" / "carrier_pigeon" / "__init__.py"
    assert blocks(ROOT / "docs/notifiers.md", "python") == [plugin.read_text()]
    (announced,) = blocks(ROOT / "docs/notifiers.md", "toml")
    points = tomllib.loads(announced)["project"]["entry-points"]
    assert points == {registry.GROUP: {"carrier-pigeon": "carrier_pigeon:CarrierPigeon"}}


def test_the_contract_of_a_notifier_is_documented() -> None:
    text = section("docs/notifiers.md", "## Writing one of your own")
    members = {row[0].strip("`").partition("(")[0] for row in rows(text)}
    assert members == {"Member", "kind", *registry._CONTRACT, "received"}
    receipts = (Arrived, Undelivered, Acknowledgement, Unsigned, Malformed)
    assert all(f"`{receipt.__name__}" in text for receipt in receipts)
    assert f"at most {delivery.LONGEST_ID} printable characters" in " ".join(text.split())


def test_the_numbers_of_notifiers_are_those_of_the_code() -> None:
    page = read("docs/notifiers.md")
    priority = ntfy._PAGE_PRIORITY
    for words in (
        f"at most {notice.TITLE_LIMIT} characters",
        f"after {delivery.FIRST_RETRY.seconds} s, then {2 * delivery.FIRST_RETRY.seconds} s",
        f"up to {delivery.LONGEST_RETRY.seconds // 60} min",
        "After three attempts, the next contact",
        f"given up after {delivery.TELL_FOR // HOUR} hours",
        f"at most {transport_http.BOUND.seconds} seconds in all",
        f"At most {transport_http.READ_LIMIT:,} bytes of an answer",
        f"At most {courier.HANDS} sends are under way",
        f"in digests of up to {courier.HANDS_A_PERSON} notices",
        f"given up after {courier.SEND_BOUND:g}, which is less than the {delivery.LEASE.seconds} seconds",
        f"cut to {ntfy.MESSAGE_LIMIT:,} bytes",
        f"more than {pagerduty.EVENT_LIMIT:,} bytes",
        f"priority {priority[Severity.CRITICAL]} for critical, {priority[Severity.ERROR]} for error, "
        f"{priority[Severity.WARNING]} for warning and {priority[Severity.INFO]} for info",
    ):
        assert words in page
    assert delivery.TRIES_A_CONTACT == 3
    assert email.Email.secret_settings == {"password"}


# --- The configuration.

ENVIRONMENT = {
    "PAGERDUTY_ROUTING_KEY": "0123456789abcdef0123456789abcdef",
    "ANNA_SLACK_WEBHOOK": "https://hooks.slack.com/services/anna",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/ops",
    "HEARTBEAT_PING_KEY": "a-ping-key-that-nobody-guesses",
    "SMTP_PASSWORD": "a password",
    "NTFY_TOKEN": "tk_token",
}


def content(path: Path) -> str:
    """What the files hold that the examples refer to."""
    return (
        "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3" if "webhook" in path.name else f"a-key-in-{path.stem}"
    )


def parsed(text: str) -> Configuration:
    return configuration_file.parse(
        text, "heartbeat.yaml", notifiers=registry.known().kinds, env=ENVIRONMENT, read=content
    )


@pytest.mark.parametrize("number", range(len(blocks(ROOT / "docs/configuration.md", "yaml"))))
def test_every_example_of_the_configuration_is_right(number: int) -> None:
    found = parsed(blocks(ROOT / "docs/configuration.md", "yaml")[number])
    assert found != Configuration()
    assert all("there are none, so pages reach only" in warning for warning in found.warnings)


def test_the_long_example_uses_every_section() -> None:
    example = parsed(blocks(ROOT / "docs/configuration.md", "yaml")[0])
    assert all((example.checks, example.people, example.policies, example.notifiers, example.status_pages))
    assert example.warnings == ()


def test_the_examples_of_notifiers_are_right_with_the_plugin_installed() -> None:
    kinds = {**registry.known().kinds, "carrier-pigeon": registry.known().kinds["console"]}
    for text in blocks(ROOT / "docs/notifiers.md", "yaml"):
        whole = text + 'notifiers: {email: {smtp: "smtp://h", from: a@example.com}}\n' * ("people" in text)
        assert configuration_file.parse(
            whole, "heartbeat.yaml", notifiers=kinds, env=ENVIRONMENT, read=content
        )


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("## The top", configuration_schema.TOP),
        ("## checks", configuration_schema.CHECK),
        ("## people", configuration_schema.PERSON),
        ("## policies", configuration_schema.STEP),
        (
            "## status_pages",
            configuration_schema.STATUS_PAGE | configuration_schema.COMPONENT | configuration_schema.REGIONS,
        ),
    ],
)
def test_every_key_is_documented_and_no_other(heading: str, known: frozenset[str]) -> None:
    named = {row[0].strip("`") for row in rows(section("docs/configuration.md", heading))} - {"Key"}
    assert named == known


def span(limits_: definition_entry.Range) -> str:
    return f"{duration.written(limits_[0])} to {_long(limits_[1])}"


def _long(length: timedelta) -> str:
    return f"{length.days}d" if length.days and not length.seconds else duration.written(length)


@pytest.mark.parametrize(
    ("heading", "key", "words"),
    [
        ("## The top", "group_by", f"{definition_entry.MAX_GROUP_BY} labels"),
        ("## The top", "group_by", f"`[{', '.join(GROUP_BY)}]`"),
        ("## The top", "gathering", span(definition_entry.GATHERING)),
        ("## The top", "gathering", f"`{duration.written(incident.GATHERING)}`"),
        ("## The top", "acknowledge_for", span(definition_entry.ACKNOWLEDGE_FOR)),
        ("## The top", "acknowledge_for", f"`{duration.written(incident.ACKNOWLEDGED_FOR)}`"),
        ("## The top", "grace", span(definition_entry.GRACE)),
        ("## The top", "grace", f"`{duration.written(GRACE)}`"),
        ("## The top", "ping_keys", f"{definition_entry.MAX_PING_KEYS:,}"),
        ("## The top", "checks", f"{definition_entry.MAX_CHECKS:,}"),
        ("## The top", "people", f"{definition_entry.MAX_PEOPLE:,}"),
        ("## The top", "policies", f"{definition_entry.MAX_POLICIES:,}"),
        ("## The top", "status_pages", f"{definition_entry.MAX_PAGES:,}"),
        ("## checks", "name", f"{definition_entry.MAX_NAME} characters"),
        ("## checks", "description", f"{definition_entry.MAX_DESCRIPTION:,} characters"),
        ("## checks", "schedule", f"{schedule.LONGEST_EXPRESSION} characters"),
        ("## checks", "schedule", ", ".join(f"`{alias}`" for alias in schedule.ALIASES)),
        ("## checks", "on_calendar", f"{schedule.LONGEST_EXPRESSION} characters"),
        ("## checks", "every", f"{duration.written(schedule.LIMITS[0])} to {_long(schedule.LIMITS[1])}"),
        ("## checks", "grace", span(definition_entry.GRACE)),
        ("## checks", "max_runtime", span(definition_entry.MAX_RUNTIME)),
        (
            "## checks",
            "labels",
            f"{definition_entry.MAX_LABELS}; values of one line, {definition_entry.MAX_LABEL_VALUE} characters",
        ),
        ("## checks", "severity", "`critical`, `error`, `warning` or `info`"),
        ("## people", "contacts", f"1 to {definition_entry.MAX_CONTACTS}"),
        ("## policies", "page", f"1 to {definition_entry.MAX_PAGED}"),
        ("## policies", "wait", span(definition_entry.WAIT)),
        ("## status_pages", "components", f"1 to {definition_entry.MAX_COMPONENTS:,}"),
        ("## status_pages", "groups", f"1 to {definition_entry.MAX_GROUPS:,}"),
        ("## status_pages", "columns", f"1 to {definition_entry.MAX_REGIONS}"),
        ("## status_pages", "logo", f"{definition_status_page.LOGO_LIMIT:,} bytes"),
    ],
)
def test_the_limits_of_keys_are_those_of_the_code(heading: str, key: str, words: str) -> None:
    assert words in row_of(section("docs/configuration.md", heading), f"`{key}`")


def test_the_other_numbers_of_the_configuration_are_those_of_the_code() -> None:
    page = read("docs/configuration.md")
    for words in (
        f"at least {SHORTEST_KEY} characters",
        f"at most {yaml_document.MAX_CHARACTERS:,} characters, {yaml_document.MAX_NODES:,} values (aliases "
        f"counted each time) and {yaml_document.MAX_DEPTH} levels",
        f"a list of 1 to {definition_entry.MAX_STEPS} steps",
        f"at most {definition_entry.MAX_ADDRESS:,} characters",
        f"The name `{OPERATOR.id}` is taken",
    ):
        assert words in page


# --- Limits and time-outs.


def in_source(of: object, pattern: str) -> float:
    """A number that has no name in the code."""
    source = inspect.getsource(of)  # type: ignore[arg-type]  # a module or a function
    found = re.search(pattern, source)
    assert found, pattern
    return float(found[1])


def _longest_retry_after() -> timedelta:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    asked = Unreachable("429", timedelta(days=30), throttled=True)
    after = delivery.after_attempt(Tries(Kind.PAGE, now, 0, 0, 0, 1), asked, now, 0)
    assert isinstance(after, Retry)
    return after.at - now


KEEP_ALIVE = in_source(server, r"timeout_keep_alive=(\d+)")
PROVIDERS = notifier_clients.LIMITS.max_connections
CONNECTING = in_source(database, r'"connect_timeout": (\d+)')
UNHEARD = in_source(database, r'"tcp_user_timeout": (\d+)') / 1000
LOCKED = in_source(database, r'"timeout": ([\d.]+)')

LIMITS: Mapping[str, str] = {
    "Head of a request": f"{server.HEAD_BOUND:g} s,",
    "Size of a request's head": f"{server.HEAD_LIMIT:,} bytes",
    "Concurrent connections": f"{server.MAX_CONNECTIONS:,},",
    "Idle connection": f"{KEEP_ALIVE:g} s",
    "Body of a ping": f"{receiver.BODY_BOUND:g} s;",
    "Bytes kept of a ping's body": f"{DEFAULT.ping_body_limit:,} (",
    "Bytes read of a ping's body": f"{receiver.DRAIN_LIMIT:,},",
    "Body of any other request": f"{limits.BODY_LIMIT // 1_000_000} MB",
    "Body of a provider's callback": f"{limits.CALLBACK_LIMIT // 1_000} kB",
    "A callback about a message that is not known yet": f"{provider.LOOKS} times within "
    f"{(provider.LOOKS - 1) * provider.LOOK_AGAIN:g} s",
    "Body of a configuration": f"{limits.CONFIGURATION_LIMIT // 1_000_000} MB",
    "Transaction of the console or the API": f"{database.ANSWER:g} s,",
    "Transaction in the background": f"{database.PATIENCE:g} s,",
    "Reading and writing a configuration by `apply`": f"{app.APPLY_BOUND:g} s each",
    "Sign-in attempts per IP address": f"{tries.TRIES} a minute",
    "Failed sign-ins per user name": f"{tries.ACCOUNT_TRIES} in {tries.ACCOUNT_TRIES_PER.seconds // 60} min",
    "Failed sign-ins recorded in the audit log": f"{sign_in.NOTED} a minute",
    "Unused sign-in": f"{DEFAULT.sign_in_idle // HOUR} h",
    "Longest sign-in": f"{DEFAULT.sign_in_longest // HOUR} h",
    "Precision of a sign-in's last use": f"{session.TOUCHED_EVERY.seconds // 60} min",
    "One-time link": f"{users.LINK_LASTS // HOUR} h",
    "One-time links for the first user": f"newest {access_store.SET_UP_LINKS}",
    "Password": f"{account.SHORTEST_PASSWORD} to {account.LONGEST_PASSWORD} characters",
    "Time to enter a second-factor code": f"{code_ticket.LASTS.seconds // 60} min",
    "Accepted second-factor codes": f"and {second_factor.DRIFT} before",
    "Recovery codes": f"{second_factor.RECOVERY_CODES}",
    "Sign-in at an OpenID Connect provider": f"{oidc.LASTS.seconds // 60} min",
    "Answer of an OpenID Connect provider": f"{oidc.BOUND:g} s",
    "Concurrent code exchanges with an OpenID Connect provider": f"{oidc.AT_ONCE}",
    "Metadata of an OpenID Connect provider": f"{oidc.CACHED_FOR // HOUR} h",
    "API keys": f"{access_key.MOST:,}",
    "Precision of an API key's last use": f"{access_key.TOUCHED_EVERY.seconds // 60} min",
    "User name": f"{account.LONGEST_NAME} characters",
    "Concurrent password comparisons": f"{hasher.AT_ONCE}, and {hasher.IN_LINE} in line",
    "Commit of a batch of pings": f"{ingest.STORE_BOUND:g} s,",
    "Pings in one commit": f"{ingest.MAX_BATCH:,}",
    "Queued pings": f"{ingest.MAX_WAITING:,},",
    "Queued body bytes": f"{ingest.MAX_WAITING_BYTES:,},",
    "Pings kept per check": f"{pings.KEEP}",
    "Open runs followed per check": f"{check.MAX_OPEN_RUNS}",
    "Checks judged in one transaction": f"{ticker.FIRST_BATCH} at first, doubling to {checker.BATCH:,}",
    "Incidents paged for in one transaction": f"{ticker.FIRST_BATCH} at first, doubling to {escalator.BATCH:,}",
    "Rounds in one tick": f"{ticker.MAX_ROUNDS}",
    "Time between two ticks": f"{ticker.LONGEST_SLEEP:g} s",
    "Check that cannot be judged": f"{checker.PARKED.seconds // 60} min",
    "Checks per view of the list": f"{check_list.A_PAGE}",
    "Checks paused or resumed at once": f"{bulk.MOST}",
    "Search on the console": f"{search.LONGEST} characters, of which {search.MOST} words",
    "Browsers listening for changes, per process": f"{live.MOST}, then 503",
    "Database query for these browsers": f"one each {live.EVERY:g} s",
    "Time until a listening browser reconnects": f"{stream.LASTS / 60:g} min, with a sign of life each "
    f"{stream.BEAT:g} s",
    "Labels offered as a filter": f"the {check_query.LABELS} most common",
    "Gathering before the first page": f"{incident.GATHERING.seconds} s",
    "Acknowledgement": f"{incident.ACKNOWLEDGED_FOR // HOUR} h",
    "Acknowledgement or snooze until a chosen time": f"{incident.LONGEST_QUIET.days} days",
    "Maintenance window": f"{maintenance.LONGEST.days} days",
    "Maintenance windows that are active or upcoming": f"{arranging.MAX_STANDING:,}",
    "Entries in one API answer": f"{fields.MAX_PAGE};",
    "Link in a page": f"{signed_link.LASTS.days} days",
    "One send by a built-in notifier": f"{transport_http.BOUND.seconds} s",
    "One send by any notifier": f"{courier.SEND_BOUND:g} s",
    "Lease of a page": f"{delivery.LEASE.seconds} s",
    "Concurrent sends per notifier": f"{courier.HANDS}",
    "Concurrent sends per person": f"{courier.HANDS_A_PERSON}",
    "First retry": f"{delivery.FIRST_RETRY.seconds} s",
    "Longest pause between retries": f"{delivery.LONGEST_RETRY.seconds // 60} min",
    "Longest `Retry-After` for the same notice": f"{_longest_retry_after() // HOUR} h",
    "Longest `Retry-After` for other notices to that contact": f"{transport_http.LONGEST_PAUSE // HOUR} h",
    "Attempts per contact before the next": f"{delivery.TRIES_A_CONTACT}",
    "Notice of an acknowledgement or a recovery": f"{delivery.TELL_FOR // HOUR} h",
    "Bytes read of a provider's answer": f"{transport_http.READ_LIMIT:,}",
    "Connections to providers": f"{PROVIDERS:g}",
    "Logo": f"{definition_status_page.LOGO_LIMIT:,} bytes",
    "Time between two looks for changes": f"{publisher.EVERY:g} s",
    "Age of a published status page": f"{publisher.OLDEST.seconds} s",
    "Age at which a status page warns": f"{edition.STALE.seconds // 60} min",
    "Browser cache of a status page": f"{status_page_views.FRESH} s",
    "One run of the status hook": f"{hook.BOUND:g} s",
    "Age of today's uptime": f"{automation.COUNTED_EVERY.seconds // 60} min",
    "Days counted at once after an outage": f"{uptime_count.AT_ONCE} a component",
    "Days kept": f"{uptime_count.KEPT_FOR.days}",
    "Subscription requests": f"{subscribe.TRIES} times an hour",
    "Confirmation mails to one address": f"{subscriber_store.ASK_INTERVAL.seconds // 60} min",
    "Confirmation link": f"{subscriber_link.CONFIRM_WITHIN // HOUR} h",
    "Unconfirmed addresses per status page": f"{subscriber_store.MAX_PENDING:,}",
    "Mails to subscribers at once": f"{subscriber_sender.BATCH}, then",
    "Attempts of a mail to a subscriber": f"{subscriber_sender.TRIES}, from "
    f"{subscriber_sender.FIRST_RETRY.seconds // 60} min to 1 h",
    "Lease of a mail to a subscriber": f"{subscriber_sender.LEASE.seconds // 60} min",
    "Attempts to reach an absent database at the start, with published status pages": f"{standby.EVERY:g} s",
    "Title of an announcement": f"{announcement.MAX_TITLE} characters",
    "Text of one update": f"{announcement.MAX_BODY:,} characters",
    "Announcements on a status page": f"{announcement.MOST_SHOWN}, of the last {snapshot.PAST.days} days",
    "Time between two rounds of automatic updates": f"{automation.EVERY:g} s",
    "Time until an incident is announced automatically": f"{automation.SETTLED.seconds // 60} min",
    "Time from recovery until an announcement is resolved automatically": f"{automation.WATCHED.seconds // 60} min",
    "Connecting to PostgreSQL": f"{CONNECTING:g} s",
    "PostgreSQL not acknowledging sent data": f"{UNHEARD:g} s",
    "Wait for another reader or writer of a SQLite file": f"{LOCKED:g} s",
    "Attempts of a transaction after deadlocks": f"{database.RETRIES}",
    "Time between two rounds": f"{retention.EVERY / 3600:g} h",
    "First round after the start": f"{retention.FIRST_AFTER / 60:g} min",
    "Rows deleted in one transaction": f"{retention.BATCH}",
    "Time between two full ticks when nothing is due": f"{ticker.PROVE_EVERY:g} s",
    "Clean tick for `/readyz`": f"{ticker.READY_WITHIN:g} s",
    "Database for `/readyz`": f"{health.PROBE_BOUND:g} s",
    "Database for `/metrics`": f"{health.SCRAPE_BOUND:g} s",
    "Checks with series of their own": f"{check_series.MAX_CHECKS:,},",
    "Labels of checks in their series": f"{settings.MAX_SERIES_LABELS}",
    "Log lines of one kind in one transaction": f"{timeline.LINES},",
    "Checks named in one log line": f"{checker.NAMED}",
    "Remaining spans at a stop": f"{serve.CLOSE_BOUND:g} s",
    "Ping of the outside heartbeat": f"{outside_heartbeat.BOUND:g} s",
}


@pytest.mark.parametrize("what", LIMITS)
def test_a_documented_limit_is_that_of_the_code(what: str) -> None:
    row = row_of(section("docs/limits.md", "## Limits and time-outs"), what)
    assert re.search(rf"(?<![\d,.]){re.escape(LIMITS[what])}(?![\d.])", row), row


def test_no_limit_is_documented_that_nothing_is_compared_with() -> None:
    table = rows(section("docs/limits.md", "## Limits and time-outs"))[1:]
    assert {row[0] for row in table if not row[0].startswith("**")} == set(LIMITS)


@pytest.mark.parametrize(
    ("dependency", "bound"),
    [
        ("uvicorn, httptools", f"{server.HEAD_BOUND:g} s; {KEEP_ALIVE:g} s"),
        ("uvicorn", f"{server.STOP_BOUND} s"),
        ("SQLAlchemy", f"as many threads as connections, {database.WRITERS + database.READERS + 1}"),
        ("sqlite3", f"{LOCKED:g} s"),
        (
            "PostgreSQL, sqlite3",
            f"{database.ANSWER:g} s for the console, the API or a batch of pings; {database.PATIENCE:g} s",
        ),
        (
            "httpx, for a notifier",
            f"{transport_http.BOUND.seconds * 0.3:g} s; {transport_http.BOUND.seconds * 0.3:g} s; 15 s",
        ),
        ("The resolver", f"{egress.LOOK_UP:g} s"),
        ("The addresses of a name", f"{egress.STAGGER:g} s"),
        ("aiosmtplib", f"{transport_http.BOUND.seconds} s"),
        ("A plugin", f"{courier.SEND_BOUND:g} s"),
        ("The outside heartbeat", f"{outside_heartbeat.BOUND:g} s"),
        ("An OpenID Connect provider", f"{oidc.BOUND:g} s; {oidc.AT_ONCE} codes"),
        ("`heartbeat apply`, `rotate-keys`", f"{serving_process.PATIENCE:g} s"),
        ("`heartbeat doctor`", f"{doctor_facts.ASK_BOUND:g} s"),
    ],
)
def test_the_bounds_of_dependencies_are_those_of_the_code(dependency: str, bound: str) -> None:
    assert bound in row_of(section("docs/limits.md", "## Dependencies"), dependency)


def test_every_dependency_that_waits_for_the_network_has_its_bounds() -> None:
    told = section("docs/limits.md", "## Dependencies").lower()
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[\[>=]", one)[0] for one in needed}
    for name in names & {"aiosmtplib", "alembic", "argon2-cffi", "httpx", "psycopg", "sqlalchemy", "uvicorn"}:
        assert name.removesuffix("-cffi") in told


def test_the_other_numbers_of_operating_are_those_of_the_code() -> None:
    for page, words in (
        (
            "health",
            f"no clean tick ended in the last {ticker.READY_WITHIN:g} s, or the database did not answer within "
            f"{health.PROBE_BOUND:g} s",
        ),
        ("settings", f"{database.WRITERS} to write, {database.READERS} to read, 1 for pings alone"),
        ("settings", f"up to {database.WRITERS + database.READERS + 1} connections"),
        ("settings", f"Every {ticker.CLOCK_EVERY.seconds} s"),
        ("limits", f"One page in {outbox.NEWEST_SHARE} is taken from the newest"),
        ("metrics", f"more than {check_series.MAX_CHECKS:,} checks"),
        (
            "operating",
            f"Requests under way have {server.STOP_BOUND} s to end, sends under way {app.SETTLE_BOUND:g} s",
        ),
        ("limits", f"Retry-After: {dialect.RETRY_AFTER.decode()}"),
    ):
        assert words in read(f"docs/{page}.md")
    assert f"at most {fields.MAX_NOTE:,} characters" in read("docs/api.md")
    assert f"1 to {fields.MAX_PAGE}" in read("docs/api.md")


# --- The design.

PACKAGES = ("heartbeat", "alerting")


def rooms(folder: Path) -> set[str]:
    """The rooms and the folders of a folder, by name."""
    names = {path.stem for path in folder.glob("*.py")} | {
        path.name for path in folder.iterdir() if path.is_dir()
    }
    return names - {"__init__", "__main__", "__pycache__"}


@pytest.mark.parametrize(("where", "package"), [("Upstairs", "heartbeat"), ("Downstairs", "alerting")])
def test_every_room_is_in_the_design_and_no_other(where: str, package: str) -> None:
    top: set[str] = set()
    for names, words in (row[:2] for row in rows(section("docs/design.md", f"### {where}: `{package}`"))[1:]):
        (folder, *others) = re.findall(r"`([a-z_/0-9]+)`", names)
        if not folder.endswith("/"):
            top |= {folder, *others}
            continue
        top.add(folder.split("/")[0])
        listed = set(re.findall(r"`([a-z_]+)`", words))
        inside = rooms(ROOT / package / folder)
        if folder == "http/v1/":  # its files are the nouns of the API
            continue
        folders = {path.name for path in (ROOT / package / folder).iterdir() if path.is_dir()}
        assert inside - folders <= listed <= inside, folder
    assert top == rooms(ROOT / package)


def modules() -> Mapping[str, list[Any]]:
    """Every module, under the name by which a page calls it."""
    found: dict[str, list[Any]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if parts[1:]:
                found.setdefault(parts[-1], []).append(import_module(".".join(parts)))
    return found


@pytest.mark.parametrize("page", [ROOT / "docs/design.md", *DECISIONS], ids=shown)
def test_what_the_design_and_the_decisions_name_exists(page: Path) -> None:
    known = modules()
    for room, name in re.findall(r"`(\w+)\.(\w+(?:\.\w+)?)`", page.read_text()):
        if room in known and name not in ("py", "yaml", "db"):
            assert any(_has(module, name) for module in known[room]), f"{room}.{name}"


def _has(module: object, name: str) -> bool:
    for part in name.split("."):
        if not hasattr(module, part):
            return False
        module = getattr(module, part)
    return True


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_file_that_is_named_exists(page: Path) -> None:
    """A path in backticks is one from the top of the project, or from the top of a package."""
    for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", page.read_text()):
        assert any((ROOT / top / name).exists() for top in ("", *PACKAGES)), name


def test_constraints_that_the_documentation_names_exist() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "alembic/versions").glob("*.py"))
    for name in re.findall(r"`((?:ck|uq|ix)_\w+)`", everything()):
        assert f'"{name}"' in sources, name


def test_decisions_are_numbered_whole_and_listed() -> None:
    listed = section("docs/design.md", "## Decisions")
    for number, page in enumerate(DECISIONS, 1):
        text = page.read_text()
        assert page.name.startswith(f"{number:04} ".strip() + "-")
        assert text.startswith(f"# {number:04} ")
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "The check that enforces it"]
        assert f"(decisions/{page.name})" in listed


def test_the_newest_change_is_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    first = re.search(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first
    assert first[1] == version


# --- Every page.


def headings_of(page: Path) -> set[str]:
    """The anchors of a page, as those who show Markdown make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        assert not anchor or anchor in headings_of(there), target


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_test_that_is_named_exists(page: Path) -> None:
    """A test is named behind the link to its file, or behind the link to the directory of it."""
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for name in re.findall(r"`(test_[a-z0-9_]+)`", page.read_text()):
        assert f"def {name}(" in tests, name
    for path, name in re.findall(r"\]\(([^)]*test_\w+\.py)\)\s+`(test_\w+)`", page.read_text()):
        assert f"def {name}(" in (page.parent / path).read_text(), name


def test_every_promise_names_a_test() -> None:
    table = rows(section("README.md", "## What it promises"))[1:]
    assert len(table) >= 7
    assert all(re.search(r"`test_\w+`", row[1]) for row in table)


# The project speaks of itself, and not of the machine or the hands that made it.
FORBIDDEN = re.compile(
    r"/(?:home|root|work|tmp|(?-i:Users)|mnt|srv)/|\.\./shared|\bassistants?\b|\bAI\b|\bhelpers?\b|(?<![-\w`])sessions?(?![-\w`])|"
    r"\bpypi\.org\b|files\.pythonhosted|\bTODO\b|\bsimply\b|\bblazing|\bseamless|\bpowerful\b|\bplease\b",
    re.IGNORECASE,
)
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f]")


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_the_words_are_calm_and_our_own(page: Path) -> None:
    assert not FORBIDDEN.findall(page.read_text())
    assert not EMOJI.findall(page.read_text())
    assert "!" not in prose(page)


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_examples_are_well_formed(page: Path) -> None:
    for text in blocks(page, "json"):
        json.loads(text)
    for text in blocks(page, "python"):
        compile(text, shown(page), "exec")
    assert page.read_text().count("```") % 2 == 0


def test_the_picture_is_small_and_fits_light_and_dark() -> None:
    picture = ROOT / "docs/picture.svg"
    root = ElementTree.parse(picture).getroot()
    assert root.find("{http://www.w3.org/2000/svg}title") is not None
    assert "prefers-color-scheme: dark" in picture.read_text()
    assert picture.stat().st_size < 8_000
