"""ntfy on the wire: its JSON, its limits, its buttons."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Refused
from alerting.notifiers.ntfy import Ntfy
from alerting.severity import Severity

from .loopback import Provider, Request

Sent = Callable[..., Awaitable[Request]]


@pytest.fixture
def sent(http: httpx.AsyncClient, provider: Provider, notice: Notice) -> Sent:
    """Send the notice, changed as a test says, and give back what was on the wire."""
    provider.answers(200, '{"id":"xE73Iyuabi","time":1777777777,"event":"message","topic":"ops-pages"}')

    async def send(**changes: Any) -> Request:
        contact = Contact("ntfy", provider.url + "/ops-pages")
        outcome = await Ntfy.configured({}, http).send(replace(notice, **changes), contact)
        assert outcome == Accepted("200 OK", provider_id="xE73Iyuabi")
        return provider.heard[-1]

    return send


async def test_what_is_on_the_wire(sent: Sent) -> None:
    request = await sent()
    assert request.line == "POST / HTTP/1.1"
    assert "authorization" not in request.headers
    assert request.json() == {
        "topic": "ops-pages",
        "title": "CRITICAL us-housekeeping: 4 of 11 jobs silent",
        "message": "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
        "7 jobs on the host alive, newest 03:04\n"
        "You are first on call (ops). If nobody answers, Ben is paged at 03:20",
        "priority": 5,
        "tags": ["red_circle"],
        "click": "https://hb.example.com/incidents/17",
        "actions": [
            {
                "action": "http",
                "label": "Acknowledge",
                "url": "https://hb.example.com/ack/t0ken",
                "method": "POST",
                "clear": True,
            },
            {"action": "view", "label": "Open", "url": "https://hb.example.com/incidents/17"},
        ],
    }


async def test_a_runbook_is_an_action(sent: Sent) -> None:
    document = (await sent(runbook_url="https://wiki.example.com/cpu")).json()
    assert document["actions"][-1] == {
        "action": "view",
        "label": "Runbook",
        "url": "https://wiki.example.com/cpu",
    }


async def test_only_what_is_fine_as_a_whole_has_a_green_mark(sent: Sent) -> None:
    over = (await sent(kind=NoticeKind.RECOVERED)).json()
    assert "tags" not in over
    fine = (await sent(kind=NoticeKind.RECOVERED, fine=True)).json()
    assert fine["tags"] == ["green_circle"]


async def test_what_cannot_be_pressed_is_not_offered(sent: Sent) -> None:
    document = (await sent(kind=NoticeKind.RECOVERED, open_url=None, ack_url=None)).json()
    assert document["actions"] == []
    assert "click" not in document


@pytest.mark.parametrize(
    ("kind", "severity", "priority"),
    [
        (NoticeKind.PAGE, Severity.CRITICAL, 5),
        (NoticeKind.PAGE, Severity.ERROR, 4),
        (NoticeKind.PAGE, Severity.WARNING, 3),
        (NoticeKind.PAGE, Severity.INFO, 2),
        (NoticeKind.DIGEST, Severity.CRITICAL, 5),
        (NoticeKind.TEST, Severity.CRITICAL, 5),
        (NoticeKind.UPDATE, Severity.CRITICAL, 3),
        (NoticeKind.RECOVERED, Severity.CRITICAL, 3),
        (NoticeKind.ACKNOWLEDGED, Severity.CRITICAL, 2),
    ],
)
async def test_only_what_wants_a_human_is_loud(
    sent: Sent, kind: NoticeKind, severity: Severity, priority: int
) -> None:
    document = (await sent(kind=kind, severity=severity)).json()
    assert document["priority"] == priority
    assert len(document.get("tags", [])) <= 1


@pytest.mark.parametrize(
    ("letter", "printed"),
    [("a", "a"), ("я", "я"), ("日", "日"), ("🟢", "🟢"), ('"', '"'), ("\x01", " "), ("\ud800", " ")],
)
async def test_a_long_message_is_cut_from_its_end_to_what_the_server_takes(
    sent: Sent, letter: str, printed: str
) -> None:
    request = await sent(lines=("first", letter * 5000))
    message = request.json()["message"]
    assert message.startswith("first\n")
    assert len(message.encode()) < 4096
    assert len(request.body) <= 8192
    assert set(message.removeprefix("first\n")) == {printed}
    assert len(request.body) > 4000


async def test_links_that_leave_no_room_cost_the_message_and_not_the_page(sent: Sent) -> None:
    request = await sent(open_url="https://hb.example.com/" + "x" * 9000)
    assert request.json()["message"] == ""


async def test_a_token_is_sent_as_bearer_and_never_shown(
    http: httpx.AsyncClient, provider: Provider, notice: Notice
) -> None:
    provider.answers(403, json.dumps({"code": 40301, "http": 403, "error": "forbidden to tk_5ecret"}))
    ntfy = Ntfy.configured({"token": "tk_5ecret"}, http)
    outcome = await ntfy.send(notice, Contact("ntfy", provider.url + "/ops-pages"))
    assert provider.heard[0].headers["authorization"] == "Bearer tk_5ecret"
    assert outcome == Refused(f"{provider.where} answered 403 Forbidden: forbidden to …")
    assert "5ecret" not in repr(ntfy)


@pytest.mark.parametrize("token", ["tk 5ecret", "tk_5ecret\n", "tk_5ecret\u00e9"])
def test_a_token_that_is_none_is_refused_and_not_repeated(http: httpx.AsyncClient, token: str) -> None:
    with pytest.raises(ValueError, match=r"^token must be an access token") as refusal:
        Ntfy.configured({"token": token}, http)
    assert "5ecret" not in str(refusal.value)


async def test_an_address_that_is_no_topic_is_refused_unsent(
    http: httpx.AsyncClient, provider: Provider, notice: Notice
) -> None:
    outcome = await Ntfy(http=http).send(notice, Contact("ntfy", provider.url + "/a/b"))
    assert outcome == Refused("the address is not a topic's URL")
    assert provider.heard == []
