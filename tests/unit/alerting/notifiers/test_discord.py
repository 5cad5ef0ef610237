"""Discord on the wire: the message, its limit and its markup, and the waits that it asks for."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.discord import CONTENT_LIMIT, Discord
from alerting.notifiers.wording import utf16

from .loopback import Provider

Sending = Callable[..., Awaitable[Outcome]]
PATH = "/api/webhooks/1443/5ecret"


@pytest.fixture
def outcome(http: httpx.AsyncClient, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says."""
    provider.answers(200, '{"id":"1444","type":0,"content":"…"}')

    async def send(query: str = "", **changes: Any) -> Outcome:
        contact = Contact("discord", provider.url + PATH + query)
        return await Discord.configured({}, http).send(replace(notice, **changes), contact)

    return send


async def test_what_is_on_the_wire(provider: Provider, outcome: Sending) -> None:
    assert await outcome() == Accepted("200 OK", provider_id="1444")
    (request,) = provider.heard
    assert request.line == f"POST {PATH}?wait=true HTTP/1.1"
    assert request.json() == {
        "content": (
            "**CRITICAL us-housekeeping: 4 of 11 jobs silent**\n"
            "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
            "7 jobs on the host alive, newest 03:04\n"
            "You are first on call (ops). If nobody answers, Ben is paged at 03:20\n"
            "[Acknowledge](<https://hb.example.com/ack/t0ken>) · [Open](<https://hb.example.com/incidents/17>)"
        ),
        "allowed_mentions": {"parse": []},
        "flags": 4,
    }


async def test_a_message_goes_into_the_thread_that_the_address_names(
    provider: Provider, outcome: Sending
) -> None:
    await outcome("?thread_id=7")
    assert provider.heard[0].line == f"POST {PATH}?thread_id=7&wait=true HTTP/1.1"


async def test_nobody_is_mentioned_and_no_markup_is_read(provider: Provider, outcome: Sending) -> None:
    await outcome(title="@everyone *_sync*", lines=("<@1443> `x` ||y||", "- :joy: [a](b)"), ack_url=None)
    message = provider.heard[0].json()
    assert message["allowed_mentions"] == {"parse": []}
    title, first, second, _ = message["content"].split("\n")
    assert title == r"**\@everyone \*\_sync\***"
    assert first == r"\<\@1443\> \`x\` \|\|y\|\|"
    assert second == r"\- \:joy: \[a\](b)"


async def test_a_link_cannot_end_early(provider: Provider, outcome: Sending) -> None:
    await outcome(ack_url=None, open_url=None, runbook_url="https://wiki.example.com/a)>b")
    assert provider.heard[0].json()["content"].endswith("[Runbook](<https://wiki.example.com/a)%3Eb>)")


@pytest.mark.parametrize("character", ["x", "*", "👩"])
async def test_a_long_message_is_cut_at_whole_lines_and_keeps_title_and_links(
    provider: Provider, outcome: Sending, character: str
) -> None:
    await outcome(lines=[f"{number} {character * 90}" for number in range(50)])
    content = provider.heard[0].json()["content"]
    title, *lines, links = content.split("\n")
    assert CONTENT_LIMIT - 200 < utf16(content) <= CONTENT_LIMIT
    assert title.startswith("**CRITICAL")
    assert links.startswith("[Acknowledge]")
    assert {line.count(character) for line in lines} == {90}


async def test_the_names_of_a_digest_are_cut_inside_their_line(provider: Provider, outcome: Sending) -> None:
    await outcome(kind=NoticeKind.DIGEST, lines=(", ".join(["host_name"] * 300), "In all, 300 are open."))
    content = provider.heard[0].json()["content"]
    assert CONTENT_LIMIT - 20 < utf16(content) <= CONTENT_LIMIT
    assert content.split("\n")[1].endswith("…")


@pytest.mark.parametrize(
    ("body", "headers", "pause"),
    [
        ('{"message":"You are being rate limited.","retry_after":0.65}', {}, timedelta(seconds=0.65)),
        ('{"message":"Slow","retry_after":3}', {"Retry-After": "9"}, timedelta(seconds=3)),
        ('{"message":"Slow","retry_after":1e99}', {}, timedelta(days=1)),
        ('{"message":"Slow","retry_after":"soon"}', {"Retry-After": "9"}, timedelta(seconds=9)),
        ('{"message":"Slow","retry_after":-1}', {}, None),
        ('{"message":"Slow","retry_after":NaN}', {}, None),
        ("error code: 1015", {"Retry-After": "9"}, timedelta(seconds=9)),
    ],
)
async def test_a_rate_limit_is_told_with_its_pause(
    provider: Provider, outcome: Sending, body: str, headers: dict[str, str], pause: timedelta | None
) -> None:
    provider.answers(429, body, headers)
    result = await outcome()
    assert isinstance(result, Unreachable)
    assert result.throttled
    assert result.retry_after == pause


async def test_another_failure_is_not_a_limit_and_hides_the_token(
    provider: Provider, outcome: Sending
) -> None:
    provider.answers(503, '{"message":"5ecret is down"}')
    reason = f"{provider.where} answered 503 Service Unavailable: … is down"
    assert await outcome() == Unreachable(reason)


async def test_a_refusal_says_what_discord_said(provider: Provider, outcome: Sending) -> None:
    provider.answers(404, '{"message":"Unknown Webhook","code":10015}')
    assert await outcome() == Refused(f"{provider.where} answered 404 Not Found: Unknown Webhook")


async def test_a_message_without_an_id_was_not_stored(provider: Provider, outcome: Sending) -> None:
    provider.answers(204)
    assert isinstance(await outcome(), Unreachable)
