"""Opsgenie on the wire: what is asked, what came of it, and what its webhook reports."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import (
    Accepted,
    Acknowledgement,
    Call,
    Contact,
    Malformed,
    Outcome,
    Refused,
    Unreachable,
    Unsigned,
)
from alerting.notifiers.opsgenie import Opsgenie
from alerting.severity import Severity

from .loopback import Provider

Sending = Callable[..., Awaitable[Outcome]]
KEY = "0f1e2d3c-aaaa-bbbb-cccc-0123456789ab"
TOKEN = "a-token-that-nobody-guesses"
QUEUED = 202, '{"result":"Request will be processed","took":0.1,"requestId":"43a29c5c-3dbf"}'
UNKNOWN = 404, '{"message":"Request not found. It might not be processed, yet.","took":0.1}'


def truth(success: bool = True, status: str = "Created alert", alert: str = "8743a1b2-1") -> tuple[int, str]:
    """What Opsgenie says of a request that it has processed."""
    data = {
        "success": success,
        "isSuccess": success,
        "status": status,
        "alertId": alert,
        "alias": "heartbeat/17",
    }
    return 200, json.dumps({"data": data, "took": 0.02, "requestId": "ec7e1d8e"})


@pytest.fixture
def outcome(http: httpx.AsyncClient, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says."""
    provider.answers_in_turn(QUEUED, truth())

    async def send(bound: timedelta = timedelta(seconds=15), **changes: Any) -> Outcome:
        opsgenie = Opsgenie(http=http, url=provider.url, bound=bound, pause=timedelta())
        return await opsgenie.send(replace(notice, **changes), Contact("opsgenie", KEY))

    return send


async def test_what_is_on_the_wire(provider: Provider, outcome: Sending) -> None:
    assert await outcome() == Accepted("Created alert", provider_id="8743a1b2-1")
    created, asked = provider.heard
    assert created.line == "POST /v2/alerts HTTP/1.1"
    assert asked.line == "GET /v2/alerts/requests/43a29c5c-3dbf HTTP/1.1"
    assert {request.headers["authorization"] for request in provider.heard} == {f"GenieKey {KEY}"}
    assert created.json() == {
        "message": "CRITICAL us-housekeeping: 4 of 11 jobs silent",
        "alias": "heartbeat/17",
        "description": "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
        "7 jobs on the host alive, newest 03:04\n"
        "You are first on call (ops). If nobody answers, Ben is paged at 03:20",
        "priority": "P1",
        "details": {
            "Acknowledge": "https://hb.example.com/ack/t0ken",
            "Open": "https://hb.example.com/incidents/17",
        },
        "source": "heartbeat",
        "user": "heartbeat",
    }


async def test_queued_is_not_accepted_until_it_is_processed(provider: Provider, outcome: Sending) -> None:
    provider.answers_in_turn(QUEUED, UNKNOWN, (503, ""), UNKNOWN, truth())
    assert isinstance(await outcome(), Accepted)
    assert len(provider.heard) == 5


async def test_a_request_that_is_never_processed_is_sent_again(
    provider: Provider, outcome: Sending, bound: timedelta
) -> None:
    provider.answers_in_turn(QUEUED)
    provider.answers(*UNKNOWN)
    reason = f"{provider.where} has queued the request, but not processed it in time"
    assert await outcome(bound) == Unreachable(reason, may_have_arrived=True)


async def test_a_question_that_hangs_holds_nobody(
    provider: Provider, outcome: Sending, bound: timedelta
) -> None:
    provider.answers_in_turn(QUEUED)
    provider.hangs()
    assert isinstance(await outcome(bound), Unreachable)


async def test_an_alert_that_could_not_be_made_is_refused(provider: Provider, outcome: Sending) -> None:
    provider.answers_in_turn(QUEUED, truth(False, f"The integration {KEY} is not enabled"))
    assert await outcome() == Refused("Opsgenie: The integration … is not enabled")


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (NoticeKind.UPDATE, "notes"),
        (NoticeKind.ACKNOWLEDGED, "acknowledge"),
        (NoticeKind.RECOVERED, "close"),
    ],
)
async def test_news_is_about_the_alert_of_the_page(
    provider: Provider, outcome: Sending, kind: NoticeKind, path: str
) -> None:
    await outcome(kind=kind, title="News", lines=("of it",))
    request = provider.heard[0]
    assert request.line == f"POST /v2/alerts/heartbeat%2F17/{path}?identifierType=alias HTTP/1.1"
    assert request.json() == {"user": "heartbeat", "source": "heartbeat", "note": "News\nof it"}


async def test_an_alert_that_is_gone_needs_no_end(provider: Provider, outcome: Sending) -> None:
    provider.answers_in_turn(QUEUED, truth(False, "Alert does not exist", ""))
    assert await outcome(kind=NoticeKind.RECOVERED) == Accepted("Alert does not exist")


async def test_a_page_after_a_quiet_is_another_alert(provider: Provider, outcome: Sending) -> None:
    provider.answers_in_turn(QUEUED, truth(status="Closed alert"), QUEUED, truth(alert="another"))
    assert await outcome(reopens=True) == Accepted("Created alert", provider_id="another")
    assert [request.line.split()[1] for request in provider.heard[::2]] == [
        "/v2/alerts/heartbeat%2F17/close?identifierType=alias",
        "/v2/alerts",
    ]


async def test_a_page_after_a_quiet_has_not_arrived_if_only_the_end_was_sent(
    provider: Provider, outcome: Sending, bound: timedelta
) -> None:
    provider.answers_in_turn()
    provider.hangs()
    lost = await outcome(bound, reopens=True)
    assert isinstance(lost, Unreachable)
    assert not lost.may_have_arrived


@pytest.mark.parametrize(
    ("severity", "priority"),
    [(Severity.CRITICAL, "P1"), (Severity.ERROR, "P2"), (Severity.WARNING, "P3"), (Severity.INFO, "P4")],
)
async def test_a_severity_is_a_priority(
    provider: Provider, outcome: Sending, severity: Severity, priority: str
) -> None:
    await outcome(severity=severity)
    assert provider.heard[0].json()["priority"] == priority


async def test_long_texts_and_keys_are_within_the_limits(provider: Provider, outcome: Sending) -> None:
    await outcome(title="x" * 200, lines=["y" * 150] * 200, dedup_key="k" * 600)
    document = provider.heard[0].json()
    assert len(document["message"]) == 130
    assert 14_800 < len(document["description"]) <= 15_000
    assert len(document["alias"]) == 64


async def test_a_refusal_says_what_opsgenie_said(provider: Provider, outcome: Sending) -> None:
    provider.answers_in_turn((422, f'{{"message":"Key format of {KEY} is not valid!","took":0}}'))
    reason = f"{provider.where} answered 422 Unprocessable Entity: Key format of … is not valid!"
    result = await outcome()
    assert isinstance(result, Refused)
    assert result.reason.replace("Content", "Entity") == reason


REPORT = {
    "action": "Acknowledge",
    "alert": {"alertId": "8743a1b2-1", "alias": "heartbeat/17", "username": "anna@example.com"},
    "source": {"name": "web", "type": "web"},
}


def received(report: object, token: str | None = TOKEN, configured: str = TOKEN) -> object:
    opsgenie = Opsgenie(http=httpx.AsyncClient(), callback_token=configured)
    body = report if isinstance(report, bytes) else json.dumps(report).encode()
    return opsgenie.received(Call({} if token is None else {"x-heartbeat-token": token}, body))


def test_an_acknowledgement_there_comes_back() -> None:
    assert received(REPORT) == [Acknowledgement("8743a1b2-1", "anna@example.com")]


@pytest.mark.parametrize("action", ["Create", "Close", "AddNote", "UnAcknowledge", "Snooze"])
def test_other_reports_are_no_answers(action: str) -> None:
    assert received(REPORT | {"action": action}) == []


def test_our_own_acknowledgement_is_not_an_answer() -> None:
    assert received(REPORT | {"alert": {"alertId": "8743a1b2-1", "username": "heartbeat"}}) == []


@pytest.mark.parametrize(("token", "configured"), [(None, TOKEN), ("", ""), ("x" * 20, TOKEN), ("é", TOKEN)])
def test_a_report_without_the_token_is_not_believed(token: str | None, configured: str) -> None:
    assert isinstance(received(REPORT, token, configured), Unsigned)


@pytest.mark.parametrize(
    "body", [b"{", b"[" * 60_000, b"[]", b"\xff", b'{"alert":{}}', b'{"action":"Acknowledge","alert":{}}x']
)
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    assert isinstance(received(body), Malformed)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [({"url": "api"}, "url must be"), ({"callback_token": "short"}, "callback_token must be")],
)
def test_wrong_settings_are_refused(
    http: httpx.AsyncClient, settings: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Opsgenie.configured(settings, http)
