"""Slack on the wire: text and blocks, its escapes and limits, and what it says."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.slack import Slack

from .loopback import Provider

Sending = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def outcome(http: httpx.AsyncClient, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says."""
    provider.answers(200, "ok")

    async def send(**changes: Any) -> Outcome:
        contact = Contact("slack", provider.url + "/services/T0/B0/5ecret")
        return await Slack.configured({}, http).send(replace(notice, **changes), contact)

    return send


async def test_what_is_on_the_wire(provider: Provider, outcome: Sending) -> None:
    assert await outcome() == Accepted("ok")
    (request,) = provider.heard
    facts = (
        "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
        "7 jobs on the host alive, newest 03:04\n"
        "You are first on call (ops). If nobody answers, Ben is paged at 03:20"
    )
    assert request.line == "POST /services/T0/B0/5ecret HTTP/1.1"
    assert request.json() == {
        "text": "CRITICAL us-housekeeping: 4 of 11 jobs silent\n" + facts,
        "blocks": [
            {
                "type": "header",
                "text": {
                    "type": "plain_text",
                    "text": "CRITICAL us-housekeeping: 4 of 11 jobs silent",
                    "emoji": False,
                },
            },
            {"type": "section", "text": {"type": "plain_text", "text": facts, "emoji": False}},
            {
                "type": "actions",
                "elements": [
                    {
                        "type": "button",
                        "text": {"type": "plain_text", "text": "Acknowledge", "emoji": False},
                        "url": "https://hb.example.com/ack/t0ken",
                        "style": "primary",
                    },
                    {
                        "type": "button",
                        "text": {"type": "plain_text", "text": "Open", "emoji": False},
                        "url": "https://hb.example.com/incidents/17",
                    },
                ],
            },
        ],
    }


async def test_a_runbook_is_a_button(provider: Provider, outcome: Sending) -> None:
    await outcome(runbook_url="https://wiki.example.com/cpu")
    (*_, button) = provider.heard[0].json()["blocks"][-1]["elements"]
    assert (button["text"]["text"], button["url"]) == ("Runbook", "https://wiki.example.com/cpu")


async def test_a_notice_without_facts_or_links_has_no_empty_blocks(
    provider: Provider, outcome: Sending
) -> None:
    await outcome(kind=NoticeKind.TEST, lines=(), open_url=None, ack_url=None)
    assert [block["type"] for block in provider.heard[0].json()["blocks"]] == ["header"]


async def test_what_slack_would_read_as_its_own_is_escaped(provider: Provider, outcome: Sending) -> None:
    await outcome(title="R&D <!channel>", lines=("load > 5 && <@U1>",))
    message = provider.heard[0].json()
    assert message["text"] == "R&amp;D &lt;!channel&gt;\nload &gt; 5 &amp;&amp; &lt;@U1&gt;"
    assert message["blocks"][0]["text"]["text"] == "R&amp;D &lt;!channel&gt;"
    assert message["blocks"][1]["text"]["text"] == "load &gt; 5 &amp;&amp; &lt;@U1&gt;"


@pytest.mark.parametrize("lead", ["", "a", "ab", "abc", "abcd"])
async def test_long_texts_are_cut_and_never_inside_an_escape(
    provider: Provider, outcome: Sending, lead: str
) -> None:
    await outcome(title=lead + "&" * 500, lines=(lead + "&" * 5000,))
    header, section = (block["text"]["text"] for block in provider.heard[0].json()["blocks"][:2])
    assert 145 < len(header) <= 150
    assert 2995 < len(section) <= 3000
    for text in (header, section):
        assert text.replace("&amp;", "&").strip(lead) == "&" * text.count("&amp;")


@pytest.mark.parametrize(
    ("status", "word", "name"),
    [
        (400, "invalid_payload", "Bad Request"),
        (403, "action_prohibited", "Forbidden"),
        (404, "no_service", "Not Found"),
        (410, "channel_is_archived", "Gone"),
    ],
)
async def test_a_refusal_says_what_slack_said(
    provider: Provider, outcome: Sending, status: int, word: str, name: str
) -> None:
    provider.answers(status, word)
    assert await outcome() == Refused(f"{provider.where} answered {status} {name}: {word}")


async def test_trouble_at_slack_is_not_a_refusal(provider: Provider, outcome: Sending) -> None:
    provider.answers(500, "rollup_error")
    words = f"{provider.where} answered 500 Internal Server Error: rollup_error"
    assert await outcome() == Unreachable(words)


async def test_200_without_ok_is_not_taken(provider: Provider, outcome: Sending) -> None:
    provider.answers(200, "ok, but later")
    assert isinstance(await outcome(), Unreachable)
