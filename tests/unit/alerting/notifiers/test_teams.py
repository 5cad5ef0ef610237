"""Microsoft Teams on the wire: the adaptive card, its size, and what a workflow answers."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.teams import MESSAGE_LIMIT, Teams

from .loopback import Provider

Sending = Callable[..., Awaitable[Outcome]]
PATH = "/workflows/1f/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sig=5ecret"


@pytest.fixture
def outcome(http: httpx.AsyncClient, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says."""
    provider.answers(202)

    async def send(**changes: Any) -> Outcome:
        return await Teams.configured({}, http).send(
            replace(notice, **changes), Contact("teams", provider.url + PATH)
        )

    return send


def card_of(provider: Provider) -> Any:
    (attachment,) = provider.heard[0].json()["attachments"]
    return attachment["content"]


def texts(card: Any) -> list[str]:
    return [run["text"] for block in card["body"] for run in block["inlines"]]


async def test_what_is_on_the_wire(provider: Provider, outcome: Sending) -> None:
    assert await outcome() == Accepted("202 Accepted")
    (request,) = provider.heard
    assert request.line == f"POST {PATH} HTTP/1.1"
    title = {
        "type": "TextRun",
        "text": "CRITICAL us-housekeeping: 4 of 11 jobs silent",
        "weight": "Bolder",
        "size": "Medium",
        "color": "Attention",
    }
    lines = (
        "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)",
        "7 jobs on the host alive, newest 03:04",
        "You are first on call (ops). If nobody answers, Ben is paged at 03:20",
    )
    runs = [title, *({"type": "TextRun", "text": line} for line in lines)]
    assert request.json() == {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "msteams": {"width": "Full"},
                    "body": [{"type": "RichTextBlock", "spacing": "Small", "inlines": [run]} for run in runs],
                    "actions": [
                        {
                            "type": "Action.OpenUrl",
                            "title": "Acknowledge",
                            "url": "https://hb.example.com/ack/t0ken",
                        },
                        {
                            "type": "Action.OpenUrl",
                            "title": "Open",
                            "url": "https://hb.example.com/incidents/17",
                        },
                    ],
                },
            }
        ],
    }


@pytest.mark.parametrize(
    ("kind", "fine", "color"),
    [
        (NoticeKind.DIGEST, False, "Attention"),
        (NoticeKind.ACKNOWLEDGED, False, "Default"),
        (NoticeKind.RECOVERED, False, "Default"),
        (NoticeKind.RECOVERED, True, "Good"),
    ],
)
async def test_only_what_is_wrong_is_red_and_only_what_is_fine_is_green(
    provider: Provider, outcome: Sending, kind: NoticeKind, fine: bool, color: str
) -> None:
    await outcome(kind=kind, fine=fine)
    assert card_of(provider)["body"][0]["inlines"][0]["color"] == color


async def test_text_is_in_runs_which_know_no_markup_and_no_mentions(
    provider: Provider, outcome: Sending
) -> None:
    await outcome(title="<at>Everyone</at> *_sync*", lines=("[a](https://evil.example)\x1b[31m",))
    card = card_of(provider)
    assert texts(card) == ["<at>Everyone</at> *_sync*", "[a](https://evil.example) [31m"]
    assert {run["type"] for block in card["body"] for run in block["inlines"]} == {"TextRun"}
    assert "entities" not in card["msteams"]


@pytest.mark.parametrize("character", ["x", "€", '"'])
async def test_a_large_card_is_cut_at_whole_lines_and_keeps_its_buttons(
    provider: Provider, outcome: Sending, character: str
) -> None:
    await outcome(lines=[character * 190 for _ in range(500)])
    assert MESSAGE_LIMIT - 1500 < len(provider.heard[0].body) <= MESSAGE_LIMIT
    card = card_of(provider)
    assert {len(text) for text in texts(card)[1:]} == {190}
    assert [action["title"] for action in card["actions"]] == ["Acknowledge", "Open"]


async def test_a_refusal_has_the_code_of_the_error_and_not_its_message(
    provider: Provider, outcome: Sending
) -> None:
    provider.answers(401, '{"error":{"code":"DirectApiAuthorizationRequired","message":"sig=5ecret is bad"}}')
    assert await outcome() == Refused(
        f"{provider.where} answered 401 Unauthorized: DirectApiAuthorizationRequired"
    )


async def test_a_code_that_is_not_a_word_is_not_shown(provider: Provider, outcome: Sending) -> None:
    provider.answers(502, '{"error":{"code":"5ecret said","message":""}}')
    assert await outcome() == Unreachable(f"{provider.where} answered 502 Bad Gateway")


@pytest.mark.parametrize(("status", "body"), [(200, ""), (200, "1"), (204, "")])
async def test_only_202_says_that_a_workflow_has_begun(
    provider: Provider, outcome: Sending, status: int, body: str
) -> None:
    provider.answers(status, body)
    assert isinstance(await outcome(), Unreachable)
