"""Matrix on the wire: the transaction, the event, its thread and its size, and what a homeserver answers."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.matrix import CONTENT_LIMIT, Matrix

from .loopback import Provider

Sending = Callable[..., Awaitable[Outcome]]
EVENT = "$Yg0oWzRvXcXPyOfC1cwFLuoMJ6vUV2SdbVBVxTLDyvU"


@pytest.fixture
def outcome(http: httpx.AsyncClient, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says."""
    provider.answers(200, f'{{"event_id":"{EVENT}"}}')

    async def send(room: str = "!ops:example.com", **changes: Any) -> Outcome:
        matrix = Matrix.configured({"url": provider.url + "/", "token": "5ecret"}, http)
        return await matrix.send(replace(notice, **changes), Contact("matrix", room))

    return send


async def test_what_is_on_the_wire(provider: Provider, outcome: Sending) -> None:
    assert await outcome() == Accepted("200 OK", provider_id=EVENT)
    (request,) = provider.heard
    path = "/_matrix/client/v3/rooms/%21ops%3Aexample.com/send/m.room.message/notice_17_0_anna"
    assert request.line == f"PUT {path} HTTP/1.1"
    assert request.headers["authorization"] == "Bearer 5ecret"
    lines = (
        "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)",
        "7 jobs on the host alive, newest 03:04",
        "You are first on call (ops). If nobody answers, Ben is paged at 03:20",
    )
    links = (
        '<a href="https://hb.example.com/ack/t0ken">Acknowledge</a> · '
        '<a href="https://hb.example.com/incidents/17">Open</a>'
    )
    title = "CRITICAL us-housekeeping: 4 of 11 jobs silent"
    plain = "Acknowledge: https://hb.example.com/ack/t0ken", "Open: https://hb.example.com/incidents/17"
    assert request.json() == {
        "msgtype": "m.text",
        "body": "\n".join((title, *lines, *plain)),
        "format": "org.matrix.custom.html",
        "formatted_body": "<br>".join((f"<strong>{title}</strong>", *lines, links)),
        "m.mentions": {},
    }


async def test_a_retry_is_the_same_transaction(
    http: httpx.AsyncClient, provider: Provider, notice: Notice, bound: timedelta
) -> None:
    """The homeserver answers it with the event that it has."""
    matrix = Matrix(http=http, url=provider.url, token="5ecret", bound=bound)
    contact = Contact("matrix", "!ops:example.com")
    provider.hangs()
    lost = await matrix.send(notice, contact)
    assert isinstance(lost, Unreachable)
    assert lost.may_have_arrived
    provider.answers(200, f'{{"event_id":"{EVENT}"}}')
    assert await matrix.send(notice, contact) == Accepted("200 OK", provider_id=EVENT)
    first, second = provider.heard
    assert (first.line, first.body) == (second.line, second.body)


async def test_an_id_of_ours_is_one_part_of_the_path(provider: Provider, outcome: Sending) -> None:
    await outcome(room="!a/b?c:example.com", id="page/1 #2")
    path = "/_matrix/client/v3/rooms/%21a%2Fb%3Fc%3Aexample.com/send/m.room.message/page%2F1%20%232"
    assert provider.heard[0].line == f"PUT {path} HTTP/1.1"


@pytest.mark.parametrize(
    ("kind", "type_", "threaded"),
    [
        (NoticeKind.PAGE, "m.text", False),
        (NoticeKind.UPDATE, "m.text", True),
        (NoticeKind.ACKNOWLEDGED, "m.notice", True),
        (NoticeKind.RECOVERED, "m.text", True),
    ],
)
async def test_news_goes_into_the_thread_of_the_first_page_and_pages_stay_in_the_room(
    provider: Provider, outcome: Sending, kind: NoticeKind, type_: str, threaded: bool
) -> None:
    await outcome(kind=kind, thread="$first")
    content = provider.heard[0].json()
    assert content["msgtype"] == type_
    relation = {
        "rel_type": "m.thread",
        "event_id": "$first",
        "is_falling_back": True,
        "m.in_reply_to": {"event_id": "$first"},
    }
    assert content.get("m.relates_to") == (relation if threaded else None)


async def test_words_of_a_job_call_nobody_and_are_no_markup(provider: Provider, outcome: Sending) -> None:
    await outcome(
        title="<b>@room</b>",
        lines=('<a href="x">&',),
        open_url=None,
        ack_url="https://hb.test/?a=1&b='\"><i>",
    )
    content = provider.heard[0].json()
    assert content["m.mentions"] == {}
    assert content["formatted_body"] == (
        "<strong>&lt;b&gt;@room&lt;/b&gt;</strong><br>&lt;a href=&quot;x&quot;&gt;&amp;<br>"
        '<a href="https://hb.test/?a=1&amp;b=&#x27;&quot;&gt;&lt;i&gt;">Acknowledge</a>'
    )


@pytest.mark.parametrize("character", ["x", "€", "&"])
async def test_a_large_message_is_cut_at_whole_lines(
    provider: Provider, outcome: Sending, character: str
) -> None:
    await outcome(lines=[character * 190 for _ in range(1000)])
    assert CONTENT_LIMIT - 4000 < len(provider.heard[0].body) <= CONTENT_LIMIT
    lines = [line for line in provider.heard[0].json()["body"].split("\n") if character * 9 in line]
    assert {len(line) for line in lines} == {190}


async def test_a_rate_limit_is_told_with_its_pause(provider: Provider, outcome: Sending) -> None:
    provider.answers(429, '{"errcode":"M_LIMIT_EXCEEDED","error":"Too fast","retry_after_ms":2500}')
    reason = f"{provider.where} answered 429 Too Many Requests: M_LIMIT_EXCEEDED Too fast"
    assert await outcome() == Unreachable(reason, timedelta(seconds=2.5), throttled=True)


@pytest.mark.parametrize(
    ("status", "code", "name"), [(403, "M_FORBIDDEN", "Forbidden"), (401, "M_UNKNOWN_TOKEN", "Unauthorized")]
)
async def test_a_refusal_says_what_the_homeserver_said(
    provider: Provider, outcome: Sending, status: int, code: str, name: str
) -> None:
    provider.answers(status, f'{{"errcode":"{code}","error":"5ecret may not post"}}')
    assert await outcome() == Refused(f"{provider.where} answered {status} {name}: {code} … may not post")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "url must be"),
        ({"url": "matrix.example.com", "token": "x"}, "url must be"),
        ({"url": "https://matrix.example.com"}, "token must be"),
        ({"url": "https://matrix.example.com", "token": "a b"}, "token must be"),
    ],
)
def test_wrong_settings_are_refused(
    http: httpx.AsyncClient, settings: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Matrix.configured(settings, http)
