"""docs/configuration.md names every key and its limits, and its examples are valid."""

from datetime import timedelta
from pathlib import Path

import pytest

from alerting import answer, incident
from alerting.notifiers import registry
from alerting.person import OPERATOR
from heartbeat import duration
from heartbeat.checks import expectation, schedule
from heartbeat.checks.cause import GROUP_BY
from heartbeat.checks.definition import GRACE
from heartbeat.definitions import document as yaml_document
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import file as configuration_file
from heartbeat.definitions import schema as configuration_schema
from heartbeat.definitions import status_page as definition_status_page
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.ping_key import SHORTEST_KEY
from tests.unit.documents.documentation import ROOT, blocks, read, row_of, rows, section

ENVIRONMENT = {
    "PAGERDUTY_ROUTING_KEY": "0123456789abcdef0123456789abcdef",
    "ANNA_SLACK_WEBHOOK": "https://hooks.slack.com/services/anna",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/ops",
    "HEARTBEAT_PING_KEY": "a-ping-key-that-nobody-guesses",
    "SMTP_PASSWORD": "a password",
    "TWILIO_AUTH_TOKEN": "a token",
    "NTFY_TOKEN": "tk_token",
    "MATRIX_TOKEN": "syt_token",
    "WEB_CALENDAR": "https://calendar.example.com/web.ics",
}


def content(path: Path) -> str:
    """Return the content of a file that an example refers to."""
    return (
        "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3" if "webhook" in path.name else f"a-key-in-{path.stem}"
    )


def parsed(text: str) -> Configuration:
    return configuration_file.parse(
        text, "heartbeat.yaml", notifiers=registry.installed().kinds, env=ENVIRONMENT, read=content
    )


@pytest.mark.parametrize("number", range(len(blocks(ROOT / "docs/configuration.md", "yaml"))))
def test_every_example_of_the_configuration_is_right(number: int) -> None:
    configuration = parsed(blocks(ROOT / "docs/configuration.md", "yaml")[number])
    assert configuration != Configuration()
    assert all("there are none, so pages reach only" in warning for warning in configuration.warnings)


def test_the_long_example_uses_every_section() -> None:
    example = parsed(blocks(ROOT / "docs/configuration.md", "yaml")[0])
    assert all((example.checks, example.people, example.policies, example.notifiers, example.status_pages))
    assert example.warnings == ()


def test_the_examples_of_notifiers_are_right_with_the_plugin_installed() -> None:
    kinds = {**registry.installed().kinds, "carrier-pigeon": registry.installed().kinds["console"]}
    for text in blocks(ROOT / "docs/notifiers.md", "yaml"):
        whole = text + 'notifiers: {email: {smtp: "smtp://h", from: a@example.com}}\n' * ("people" in text)
        assert configuration_file.parse(
            whole, "heartbeat.yaml", notifiers=kinds, env=ENVIRONMENT, read=content
        )


@pytest.mark.parametrize(
    ("heading", "keys"),
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
def test_every_key_is_documented_and_no_other(heading: str, keys: frozenset[str]) -> None:
    named = {row[0].strip("`") for row in rows(section("docs/configuration.md", heading))} - {"Key"}
    assert named == keys


def span(limits_: definition_entry.Range) -> str:
    return f"{duration.written(limits_[0])} to {_long(limits_[1])}"


def _long(length: timedelta) -> str:
    return f"{length.days}d" if length.days and not length.seconds else duration.written(length)


@pytest.mark.parametrize(
    ("heading", "key", "phrase"),
    [
        ("## The top", "group_by", f"{definition_entry.MAX_GROUP_BY} labels"),
        ("## The top", "group_by", f"`[{', '.join(GROUP_BY)}]`"),
        ("## The top", "gathering", span(definition_entry.GATHERING)),
        ("## The top", "gathering", f"`{duration.written(incident.GATHERING)}`"),
        ("## The top", "acknowledge_for", span(definition_entry.ACKNOWLEDGE_FOR)),
        ("## The top", "acknowledge_for", f"`{duration.written(answer.ACKNOWLEDGED_FOR)}`"),
        ("## The top", "grace", span(definition_entry.GRACE)),
        ("## The top", "grace", f"`{duration.written(GRACE)}`"),
        ("## The top", "ping_keys", f"{definition_entry.MAX_PING_KEYS:,}"),
        ("## The top", "peers", f"{definition_entry.MAX_PEERS:,}"),
        ("## The top", "checks", f"{definition_entry.MAX_CHECKS:,}"),
        ("## The top", "people", f"{definition_entry.MAX_PEOPLE:,}"),
        ("## The top", "channels", f"{definition_entry.MAX_CHANNELS:,}"),
        ("## The top", "rotations", f"{definition_entry.MAX_ROTATIONS:,}"),
        ("## The top", "teams", f"{definition_entry.MAX_TEAMS:,}"),
        ("## rotations", "layers", f"1 to {definition_entry.MAX_LAYERS}"),
        ("## rotations", "people", f"1 to {definition_entry.MAX_TURNS}"),
        ("## rotations", "only", f"up to {definition_entry.MAX_WINDOWS} windows"),
        ("## rotations", "ical", f"{definition_entry.MAX_ADDRESS:,} characters"),
        ("## rotations", "from", "a day, or a day and a time"),
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
        ("## checks", "stuck_after", span(definition_entry.STUCK_AFTER)),
        ("## checks", "min_runtime", span(definition_entry.MIN_RUNTIME)),
        ("## checks", "at_most", f"1 to {expectation.MOST_RUNS} per {span(expectation.PERIODS)}"),
        (
            "## checks",
            "labels",
            f"{definition_entry.MAX_LABELS}; values of one line, {definition_entry.MAX_LABEL_VALUE} characters",
        ),
        ("## checks", "formerly", str(definition_entry.MAX_FORMERLY)),
        ("## checks", "after", str(definition_entry.MAX_AFTER)),
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
def test_the_limits_of_keys_are_those_of_the_code(heading: str, key: str, phrase: str) -> None:
    assert phrase in row_of(section("docs/configuration.md", heading), f"`{key}`")


def test_the_other_numbers_of_the_configuration_are_those_of_the_code() -> None:
    page = read("docs/configuration.md")
    for phrase in (
        f"at least {SHORTEST_KEY} characters",
        f"at most {yaml_document.MAX_CHARACTERS:,} characters, {yaml_document.MAX_NODES:,} values (aliases "
        f"counted each time) and {yaml_document.MAX_DEPTH} levels",
        f"a list of 1 to {definition_entry.MAX_STEPS} steps",
        f"at most {definition_entry.MAX_ADDRESS:,} characters",
        f"The name `{OPERATOR.id}` is taken",
    ):
        assert phrase in page
