"""Signal on the wire, as signal-cli-rest-api speaks it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.signal import MESSAGE_LIMIT, Signal
from alerting.notifiers.wording import utf16

from .loopback import Provider

Sending = Callable[..., Awaitable[Outcome]]
SENDER, ANNA = "+4915112345678", "+4915187654321"


@pytest.fixture
def outcome(http: httpx.AsyncClient, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says."""
    provider.answers(201, '{"timestamp":"1777777777123"}')

    async def send(to: str = ANNA, **changes: Any) -> Outcome:
        signal = Signal.configured({"url": provider.url + "/", "number": SENDER}, http)
        return await signal.send(replace(notice, **changes), Contact("signal", to))

    return send


async def test_what_is_on_the_wire(provider: Provider, outcome: Sending) -> None:
    assert await outcome() == Accepted("201 Created", provider_id="1777777777123")
    (request,) = provider.heard
    assert request.line == "POST /v2/send HTTP/1.1"
    assert request.json() == {
        "message": (
            "CRITICAL us-housekeeping: 4 of 11 jobs silent\n"
            "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
            "7 jobs on the host alive, newest 03:04\n"
            "You are first on call (ops). If nobody answers, Ben is paged at 03:20\n"
            "Acknowledge: https://hb.example.com/ack/t0ken\n"
            "Open: https://hb.example.com/incidents/17"
        ),
        "number": SENDER,
        "recipients": [ANNA],
        "text_mode": "normal",
    }


async def test_a_group_is_a_recipient_too(provider: Provider, outcome: Sending) -> None:
    await outcome("group.bXlncm91cC1vZi1vcHM=")
    assert provider.heard[0].json()["recipients"] == ["group.bXlncm91cC1vZi1vcHM="]


@pytest.mark.parametrize("character", ["x", "👩"])
async def test_a_long_message_is_cut_at_whole_lines_and_keeps_its_links(
    provider: Provider, outcome: Sending, character: str
) -> None:
    await outcome(lines=[character * 90 for _ in range(200)])
    text = provider.heard[0].json()["message"]
    assert MESSAGE_LIMIT - 200 < utf16(text) <= MESSAGE_LIMIT
    assert text.endswith("Open: https://hb.example.com/incidents/17")


@pytest.mark.parametrize(
    "error", ["Unregistered user: +491", "Failed: Invalid group id", "User +49 is not registered."]
)
async def test_a_number_that_takes_nothing_is_refused(
    provider: Provider, outcome: Sending, error: str
) -> None:
    provider.answers(400, f'{{"error":"{error}"}}')
    assert await outcome() == Refused(f"{provider.where} answered 400 Bad Request: {error}")


async def test_400_is_also_the_answer_when_signal_could_not_be_reached(
    provider: Provider, outcome: Sending
) -> None:
    provider.answers(400, '{"error":"Failed to send message: connect timed out"}')
    reason = f"{provider.where} answered 400 Bad Request: Failed to send message: connect timed out"
    assert await outcome() == Unreachable(reason)


async def test_a_rate_limit_holds_back_the_others(provider: Provider, outcome: Sending) -> None:
    provider.answers(429, '{"error":"Rate limit","challenge_tokens":["x"],"account":"+49"}')
    result = await outcome()
    assert isinstance(result, Unreachable)
    assert result.throttled


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "url must be"),
        ({"url": "signal:8080", "number": SENDER}, "url must be"),
        ({"url": "http://signal:8080"}, "number must be"),
        ({"url": "http://signal:8080", "number": "0151 1234"}, "number must be"),
    ],
)
def test_wrong_settings_are_refused(
    http: httpx.AsyncClient, settings: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Signal.configured(settings, http)
