"""Mattermost on the wire: the webhook, the bot and its threads, the markup, and what the server answers."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.mattermost import MESSAGE_LIMIT, Mattermost

from .loopback import Provider

Sending = Callable[..., Awaitable[Outcome]]
HOOK = "/hooks/5ecret8m1fd7zyfq3n9kq7w1ro"
CHANNEL = "wc3p8rk5wjyjik4b1q9qxg9uto"
POST = f'{{"id":"j1xgq9uto4b1q9qwc3p8rk5wjy","channel_id":"{CHANNEL}"}}'


@pytest.fixture
def outcome(http: httpx.AsyncClient, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says, to the webhook."""
    provider.answers(200, "ok")

    async def send(**changes: Any) -> Outcome:
        contact = Contact("mattermost", provider.url + HOOK)
        return await Mattermost.configured({}, http).send(replace(notice, **changes), contact)

    return send


@pytest.fixture
def by_bot(http: httpx.AsyncClient, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says, to the channel as a bot."""
    provider.answers(201, POST)

    async def send(**changes: Any) -> Outcome:
        bot = Mattermost.configured({"url": provider.url, "token": "t0ken-of-the-bot"}, http)
        return await bot.send(replace(notice, **changes), Contact("mattermost", CHANNEL))

    return send


async def test_what_is_on_the_wire(provider: Provider, outcome: Sending) -> None:
    assert await outcome() == Accepted("ok")
    (request,) = provider.heard
    assert request.line == f"POST {HOOK} HTTP/1.1"
    assert request.json() == {
        "text": (
            "**CRITICAL us-housekeeping: 4 of 11 jobs silent**\n"
            "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
            "7 jobs on the host alive, newest 03:04\n"
            "You are first on call (ops). If nobody answers, Ben is paged at 03:20\n"
            "[Acknowledge](<https://hb.example.com/ack/t0ken>) · [Open](<https://hb.example.com/incidents/17>)"
        )
    }


async def test_a_bot_posts_under_an_id_that_the_server_knows_again(
    provider: Provider, by_bot: Sending
) -> None:
    assert await by_bot() == Accepted("201 Created", provider_id="j1xgq9uto4b1q9qwc3p8rk5wjy")
    (request,) = provider.heard
    assert request.line == "POST /api/v4/posts HTTP/1.1"
    assert request.headers["authorization"] == "Bearer t0ken-of-the-bot"
    post = request.json()
    assert post.pop("message").startswith("**CRITICAL")
    assert post == {"channel_id": CHANNEL, "pending_post_id": "notice_17_0_anna"}


@pytest.mark.parametrize("kind", [NoticeKind.UPDATE, NoticeKind.ACKNOWLEDGED, NoticeKind.RECOVERED])
async def test_the_news_of_a_bot_goes_into_the_thread_of_the_first_page(
    provider: Provider, by_bot: Sending, kind: NoticeKind
) -> None:
    await by_bot(kind=kind, thread="first")
    assert provider.heard[0].json()["root_id"] == "first"


async def test_another_page_of_a_bot_stays_in_the_channel(provider: Provider, by_bot: Sending) -> None:
    await by_bot(thread="first")
    assert "root_id" not in provider.heard[0].json()


async def test_news_whose_thread_was_deleted_goes_to_the_channel(provider: Provider, by_bot: Sending) -> None:
    provider.answers(
        400, '{"id":"api.post.create_post.root_id.app_error","message":"Invalid RootId parameter."}'
    )
    assert isinstance(await by_bot(kind=NoticeKind.RECOVERED, thread="gone"), Refused)
    first, second = (request.json() for request in provider.heard)
    assert first.pop("root_id") == "gone"
    assert first == second


async def test_a_channel_without_a_bot_is_refused(http: httpx.AsyncClient, notice: Notice) -> None:
    refused = await Mattermost.configured({}, http).send(notice, Contact("mattermost", CHANNEL))
    assert refused == Refused("a channel needs a bot: url and token are not set")


async def test_words_of_a_job_call_nobody_and_are_no_markup(provider: Provider, outcome: Sending) -> None:
    await outcome(
        title="@channel *_sync*",
        lines=("mail a.b@example.com, or .@anna", "# :fire: ~town 03:15:10"),
        ack_url=None,
    )
    title, first, second, _ = provider.heard[0].json()["text"].split("\n")
    assert title == "**@\u200bchannel \\*\\_sync\\***"
    assert first == "mail a.b@example.com, or .@\u200banna"
    assert second == "\\# :\u200bfire: \\~town 03:15:10"


@pytest.mark.parametrize("character", ["x", "*"])
async def test_a_long_message_is_cut_at_whole_lines_and_keeps_its_links(
    provider: Provider, outcome: Sending, character: str
) -> None:
    await outcome(lines=[f"a {character * 190}" for _ in range(200)])
    text = provider.heard[0].json()["text"]
    assert MESSAGE_LIMIT - 500 < len(text) <= MESSAGE_LIMIT
    _, *lines, links = text.split("\n")
    assert {line.count(character) for line in lines} == {190}
    assert links.startswith("[Acknowledge]")


async def test_a_refusal_says_what_the_server_said_without_the_address(
    provider: Provider, outcome: Sending
) -> None:
    provider.answers(400, f'{{"id":"web.incoming_webhook.invalid.app_error","message":"{HOOK} is invalid"}}')
    assert await outcome() == Refused(f"{provider.where} answered 400 Bad Request: /hooks/… is invalid")


async def test_200_without_ok_is_not_taken(provider: Provider, outcome: Sending) -> None:
    provider.answers(200, "<html>Mattermost</html>")
    assert isinstance(await outcome(), Unreachable)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"token": "x"}, "belong together"),
        ({"url": "https://mattermost.example.com"}, "belong together"),
        ({"url": "mattermost", "token": "x"}, "url must be"),
        ({"url": "https://mattermost.example.com", "token": "a b"}, "token must be"),
    ],
)
def test_wrong_settings_are_refused(
    http: httpx.AsyncClient, settings: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Mattermost.configured(settings, http)
