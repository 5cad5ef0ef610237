"""docs/notifiers.md names every notifier and its settings, and the contract of a plugin."""

import json
import re
import tomllib

import httpx
import pytest

from alerting import courier, delivery, digest, notice, retelling, sending
from alerting.notice import NoticeKind
from alerting.notifiers import (
    alertmanager,
    apprise,
    discord,
    email,
    matrix,
    mattermost,
    ntfy,
    opsgenie,
    pagerduty,
    pushover,
    registry,
    signal,
    sms,
    teams,
    voice,
    webhook,
)
from alerting.notifiers.contract import (
    Acknowledgement,
    Arrived,
    Malformed,
    Notifier,
    Reply,
    Undelivered,
    Unsigned,
)
from alerting.notifiers.transport import http as transport_http
from alerting.severity import Severity
from tests.unit.alerting import subjects
from tests.unit.documents.documentation import HOUR, ROOT, blocks, read, row_of, rows, section


def settings_of(notifier: type[Notifier]) -> set[str]:
    """Return the settings that a notifier lists when it refuses an unknown one."""
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


def test_it_is_said_of_every_notifier_how_to_answer() -> None:
    listed = rows(section("docs/notifiers.md", "## Answers and receipts"))
    named = [kind for row in listed[1:] for kind in row[0].split(", ")]
    assert sorted(named) == [notifier.kind for notifier in registry.BUILT_IN]


def test_no_notifier_is_documented_that_does_not_exist() -> None:
    headings = re.findall(r"^## ([a-z_]+)$", (ROOT / "docs/notifiers.md").read_text(), re.MULTILINE)
    assert headings == [notifier.kind for notifier in registry.BUILT_IN]


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_kind_of_notice_is_documented(kind: NoticeKind) -> None:
    assert row_of(section("docs/notifiers.md", "## What is sent"), kind.value)


def test_the_example_of_a_notifier_is_the_one_that_the_tests_install() -> None:
    plugin = ROOT / "tests" / "plugin" / "carrier_pigeon" / "__init__.py"
    assert blocks(ROOT / "docs/notifiers.md", "python") == [plugin.read_text()]
    (announced,) = blocks(ROOT / "docs/notifiers.md", "toml")
    points = tomllib.loads(announced)["project"]["entry-points"]
    assert points == {registry.GROUP: {"carrier-pigeon": "carrier_pigeon:CarrierPigeon"}}


def test_the_example_of_a_webhook_has_every_member_of_the_body() -> None:
    (example,) = map(json.loads, blocks(ROOT / "docs/notifiers.md", "json"))
    page = notice.compose(subjects.subject(symptoms=subjects.JOBS[:1]), subjects.AT)
    assert members(example) == members(json.loads(json.dumps(webhook._event(page))))


def members(value: object) -> object:
    """Return the names in a JSON value without their values. Labels have any names, lists any length."""
    if isinstance(value, list):
        return [members(element) for element in value[:1]]
    if isinstance(value, dict):
        return {name: members(inner) for name, inner in value.items() if name != "labels"}
    return None


def test_the_contract_of_a_notifier_is_documented() -> None:
    text = section("docs/notifiers.md", "## Writing one of your own")
    members = {row[0].strip("`").partition("(")[0] for row in rows(text)}
    optional = {
        "by_device",
        "replaces",
        "file_only",
        "receipt_within",
        "received",
        "poll_every",
        "response",
        "send_again",
        "called_back_at",
        "shared",
        "pages_only",
        "edits",
        "server_in_settings",
    }
    assert members == {"Member", "kind", *registry._CONTRACT, *optional}
    receipts = (Arrived, Undelivered, Acknowledgement, Reply, Unsigned, Malformed)
    assert all(f"`{receipt.__name__}" in text for receipt in receipts)
    assert f"at most {delivery.LONGEST_ID} printable characters" in " ".join(text.split())


def test_the_numbers_of_notifiers_are_those_of_the_code() -> None:
    page = read("docs/notifiers.md")
    priority = ntfy._PAGE_PRIORITY
    for phrase in (
        f"at most {notice.TITLE_LIMIT} characters",
        f"after {delivery.FIRST_RETRY.seconds} s, then {2 * delivery.FIRST_RETRY.seconds} s",
        f"up to {delivery.LONGEST_RETRY.seconds // 60} min",
        "After three attempts, the next contact",
        f"given up after {delivery.TELL_FOR // HOUR} hours",
        f"at most {transport_http.BOUND.seconds} seconds in all",
        f"At most {transport_http.READ_LIMIT:,} bytes of an answer",
        f"{transport_http.LONGER_READ_LIMIT // 1000} kB, since these repeat the message",
        f"At most {courier.HANDS} sends are under way",
        f"up to {digest.HANDFUL} pages one by one within a minute",
        f"the next digest comes {digest.GAP.seconds} s later",
        f"up to {digest.NAMED} for each cause, and {digest.NAMES_LIMIT:,}",
        f"given up after {sending.SEND_BOUND:g}, which is less than the {delivery.LEASE.seconds} seconds",
        f"cut to {ntfy.MESSAGE_LIMIT:,} bytes",
        f"at most {sms.SEGMENTS} segments: {sms.SEGMENTS * 153} characters, or {sms.SEGMENTS * 67} if",
        f"every {pushover.Pushover.poll_every.seconds} s, and needs no public address",
        f"After {pushover.LONGEST // 3600} h without",
        f"at least {email.SHORTEST_SECRET} characters",
        f"no report within {sms.REPORTS_WITHIN.seconds} s",
        f"no report within {voice.REPORTS_WITHIN.seconds} s",
        f"It rings for {voice.RINGS} s",
        f"at most {voice.SPOKEN} characters, are read up to {voice.READINGS} times",
        f"more than {pagerduty.EVENT_LIMIT:,} bytes",
        f"cut to {discord.CONTENT_LIMIT:,} characters",
        f"cut to {matrix.CONTENT_LIMIT:,} bytes",
        f"cut to {mattermost.MESSAGE_LIMIT:,} characters",
        f"up to {opsgenie.MESSAGE_LIMIT} characters, a description up to {opsgenie.DESCRIPTION_LIMIT:,}",
        f"At most {apprise.THREADS} sends are under way",
        f"lines are cut to {apprise.BODY_LIMIT:,} characters",
        f"{retelling.ENDED_FOR.seconds // 60} minutes that one is over",
        f"ends {alertmanager.FIRES_FOR.seconds // 60} minutes after it was told last",
        f"cut to {signal.MESSAGE_LIMIT:,} characters",
        f"cut to {teams.MESSAGE_LIMIT:,} bytes",
        f"priority {priority[Severity.CRITICAL]} for critical, {priority[Severity.ERROR]} for error, "
        f"{priority[Severity.WARNING]} for warning and {priority[Severity.INFO]} for info",
    ):
        assert phrase in page
    assert delivery.TRIES_A_CONTACT == 3
    assert email.Email.secret_settings == {"password", "reply_secret"}
