"""PagerDuty on the wire: Events API v2, its actions, its limits, its complaints."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers import pagerduty
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
from alerting.notifiers.pagerduty import URL, PagerDuty

from .loopback import Provider

KEY = "0123456789abcdef0123456789ABCDEF"


Sending = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def outcome(http: httpx.AsyncClient, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says."""
    provider.answers(202, '{"status":"success","message":"Event processed","dedup_key":"heartbeat/17"}')

    async def send(**changes: Any) -> Outcome:
        pagerduty = PagerDuty.configured({"url": provider.url + "/v2/enqueue"}, http)
        return await pagerduty.send(replace(notice, **changes), Contact("pagerduty", KEY))

    return send


async def test_what_is_on_the_wire(provider: Provider, outcome: Sending) -> None:
    assert await outcome() == Accepted("202 Accepted", provider_id="heartbeat/17")
    (request,) = provider.heard
    assert request.line == "POST /v2/enqueue HTTP/1.1"
    assert request.json() == {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "heartbeat/17",
        "payload": {
            "summary": "CRITICAL us-housekeeping: 4 of 11 jobs silent",
            "source": "heartbeat",
            "severity": "critical",
            "timestamp": "2026-05-03T03:05:00+00:00",
            "custom_details": {
                "facts": "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
                "7 jobs on the host alive, newest 03:04\n"
                "You are first on call (ops). If nobody answers, Ben is paged at 03:20",
                "silent": 4,
                "of": 11,
            },
        },
        "client": "heartbeat",
        "client_url": "https://hb.example.com/incidents/17",
        "links": [
            {"href": "https://hb.example.com/ack/t0ken", "text": "Acknowledge"},
            {"href": "https://hb.example.com/incidents/17", "text": "Open"},
        ],
    }


async def test_a_runbook_is_a_link(provider: Provider, outcome: Sending) -> None:
    await outcome(runbook_url="https://wiki.example.com/cpu")
    links = provider.heard[0].json()["links"]
    assert links[-1] == {"href": "https://wiki.example.com/cpu", "text": "Runbook"}


@pytest.mark.parametrize(
    ("symptoms", "total", "whence"),
    [
        (["daily reset"], 11, {"source": "us-1", "component": "daily reset", "group": "us-1"}),
        (["daily reset", "hourly"], 11, {"source": "us-1", "group": "us-1"}),
        (["daily reset"], 1, {"source": "us-1", "component": "daily reset"}),
    ],
)
async def test_what_is_affected_stands_in_fields_of_its_own(
    provider: Provider, outcome: Sending, symptoms: list[str], total: int, whence: dict[str, str]
) -> None:
    details = {"title": "us-1", "total": total, "symptoms": [{"title": title} for title in symptoms]}
    await outcome(details=details)
    payload = provider.heard[0].json()["payload"]
    assert {name: payload[name] for name in ("source", "component", "group") if name in payload} == whence


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        (NoticeKind.PAGE, "trigger"),
        (NoticeKind.UPDATE, "trigger"),
        (NoticeKind.TEST, "trigger"),
        (NoticeKind.ACKNOWLEDGED, "acknowledge"),
        (NoticeKind.RECOVERED, "resolve"),
    ],
)
async def test_the_action_follows_the_kind_under_one_dedup_key(
    provider: Provider, outcome: Sending, kind: NoticeKind, action: str
) -> None:
    await outcome(kind=kind)
    event = provider.heard[0].json()
    assert (event["event_action"], event["dedup_key"]) == (action, "heartbeat/17")
    assert ("payload" in event) == (action == "trigger")


async def test_what_pages_again_after_a_quiet_is_opened_afresh_there(
    provider: Provider, outcome: Sending
) -> None:
    assert isinstance(await outcome(reopens=True), Accepted)
    ended, opened = (request.json() for request in provider.heard)
    assert ended == {"routing_key": KEY, "event_action": "resolve", "dedup_key": "heartbeat/17"}
    assert (opened["event_action"], opened["dedup_key"]) == ("trigger", "heartbeat/17")


async def test_a_page_whose_predecessor_could_not_be_ended_has_not_arrived(
    provider: Provider, outcome: Sending
) -> None:
    provider.hangs(after=b"")
    lost = await outcome(reopens=True)
    assert isinstance(lost, Unreachable)
    assert not lost.may_have_arrived


async def test_a_long_summary_is_cut(provider: Provider, outcome: Sending) -> None:
    await outcome(title="x" * 2000)
    assert provider.heard[0].json()["payload"]["summary"] == "x" * 1024


async def test_long_dedup_keys_stay_apart(provider: Provider, outcome: Sending) -> None:
    await outcome(dedup_key="x" * 255)
    await outcome(dedup_key="x" * 256)
    await outcome(dedup_key="x" * 257)
    keys = [request.json()["dedup_key"] for request in provider.heard]
    assert keys[0] == "x" * 255
    assert len(set(keys)) == 3
    assert all(len(key) <= 255 for key in keys)


async def test_an_event_that_is_too_large_loses_its_details_and_nothing_else(
    provider: Provider, outcome: Sending
) -> None:
    await outcome(details={"log": "x" * 600_000})
    (request,) = provider.heard
    assert len(request.body) <= 512_000
    assert "custom_details" not in request.json()["payload"]
    assert request.json()["payload"]["summary"] == "CRITICAL us-housekeeping: 4 of 11 jobs silent"


async def test_a_refusal_says_what_pagerduty_said_without_the_key(
    provider: Provider, outcome: Sending
) -> None:
    answer = {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": [f"Length of 'routing_key' {KEY} is incorrect (should be 32 characters)"],
    }
    provider.answers(400, json.dumps(answer))
    assert await outcome() == Refused(
        f"{provider.where} answered 400 Bad Request: Event object is invalid; "
        "Length of 'routing_key' … is incorrect (should be 32 characters)"
    )


def test_events_go_to_pagerduty_unless_told_otherwise(http: httpx.AsyncClient) -> None:
    assert PagerDuty.configured({}, http).url == URL
    with pytest.raises(ValueError, match=r"^url must be a URL that takes events"):
        PagerDuty.configured({"url": "events.pagerduty.com"}, http)


SECRET = "what-pagerduty-signs-with"


def event(**changes: Any) -> bytes:
    """An event of a webhook subscription, in the form of its documentation."""
    usual = {
        "id": "5ac64822-4adc-4fda-ade0-410becf0de4f",
        "event_type": "incident.acknowledged",
        "resource_type": "incident",
        "occurred_at": "2026-05-03T03:16:22.169Z",
        "agent": {"id": "PLH1HKV", "summary": "Anna Li", "type": "user_reference"},
        "data": {
            "id": "PGR0VU2",
            "type": "incident",
            "incident_key": "heartbeat/17",
            "status": "acknowledged",
        },
    }
    return json.dumps({"event": usual | changes}).encode()


def received(http: httpx.AsyncClient, body: bytes, *signing: str, secrets: str = SECRET) -> object:
    """What a call with these signatures means."""
    signed = ",".join(pagerduty.signature(secret, body) for secret in signing or (SECRET,))
    notifier = PagerDuty.configured({"webhook_secret": secrets}, http)
    return notifier.received(Call({"x-pagerduty-signature": signed}, body))


ANSWER = Acknowledgement(
    "heartbeat/17", "Anna Li (on PagerDuty)", before=datetime(2026, 5, 3, 3, 16, 22, 169_000, UTC)
)


@pytest.mark.parametrize("what", ["incident.acknowledged", "incident.resolved"])
def test_an_answer_there_is_an_acknowledgement_here(http: httpx.AsyncClient, what: str) -> None:
    assert received(http, event(event_type=what)) == [ANSWER]


@pytest.mark.parametrize(
    "changes",
    [
        {"event_type": "incident.triggered"},
        {"event_type": "incident.unacknowledged"},
        {"event_type": "pagey.ping", "data": {"message": "Hello from your friend Pagey!", "type": "ping"}},
        {"agent": {"id": "P1", "summary": "heartbeat", "type": "inbound_integration_reference"}},
        {"agent": None},
        {"data": {"id": "PGR0VU2", "incident_key": None}},
    ],
)
def test_what_no_user_did_is_no_answer(http: httpx.AsyncClient, changes: dict[str, Any]) -> None:
    """We acknowledge and resolve there ourselves, and hear of that too."""
    assert received(http, event(**changes)) == []


def test_any_signature_of_any_secret_will_do(http: httpx.AsyncClient) -> None:
    assert received(http, event(), "an-older-one", SECRET) == [ANSWER]
    assert received(http, event(), secrets=f"another {SECRET}") == [ANSWER]


@pytest.mark.parametrize("secrets", [SECRET, ""])
def test_a_call_that_pagerduty_has_not_signed_is_refused(http: httpx.AsyncClient, secrets: str) -> None:
    assert isinstance(received(http, event(), "guessed", secrets=secrets), Unsigned)
    assert isinstance(PagerDuty.configured({}, http).received(Call({}, event())), Unsigned)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"{", b"\xff"])
def test_what_is_no_event_is_malformed(http: httpx.AsyncClient, body: bytes) -> None:
    assert isinstance(received(http, body), Malformed)


@pytest.mark.parametrize("at", [None, "", "yesterday", "2026-05-03T03:16:22"])
def test_an_answer_without_a_time_counts_too(http: httpx.AsyncClient, at: object) -> None:
    assert received(http, event(occurred_at=at)) == [replace(ANSWER, before=None)]
