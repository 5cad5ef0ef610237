"""The common behaviour of notifiers that speak HTTP, against a provider in every mood."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from alerting.notice import Notice
from alerting.notifiers.alertmanager import Alertmanager
from alerting.notifiers.contract import Accepted, Contact, Notifier, Outcome, Refused, Unreachable
from alerting.notifiers.discord import Discord
from alerting.notifiers.matrix import Matrix
from alerting.notifiers.mattermost import Mattermost
from alerting.notifiers.ntfy import Ntfy
from alerting.notifiers.opsgenie import Opsgenie
from alerting.notifiers.pagerduty import PagerDuty
from alerting.notifiers.pushover import Pushover
from alerting.notifiers.signal import Signal
from alerting.notifiers.slack import Slack
from alerting.notifiers.slack_bot import SlackBot
from alerting.notifiers.sms import Sms
from alerting.notifiers.teams import Teams
from alerting.notifiers.telegram import Telegram
from alerting.notifiers.transport.http import BOUND
from alerting.notifiers.twilio import Account
from alerting.notifiers.voice import Voice
from alerting.notifiers.webhook import Webhook

from .loopback import Provider

SECRET = "5ecret".ljust(32, "0")
TAKEN: dict[str, list[tuple[int, str]]] = {
    "webhook": [(204, "")],
    "ntfy": [(200, '{"id":"xE73Iyuabi","event":"message"}')],
    "slack": [(200, "ok")],
    "pagerduty": [(202, '{"status":"success","message":"Event processed","dedup_key":"heartbeat/17"}')],
    "discord": [(200, '{"id":"1443","type":0,"content":"…"}')],
    "teams": [(202, "")],
    "matrix": [(200, '{"event_id":"$Yg0oWzRvXcXPyOfC1cwFLuoMJ6vUV2SdbVBVxTLDyvU"}')],
    "mattermost": [(200, "ok")],
    "signal": [(201, '{"timestamp":"1777777777123"}')],
    "alertmanager": [(200, "")],
    "opsgenie": [(202, '{"requestId":"1"}'), (200, '{"data":{"isSuccess":true,"alertId":"2"}}')],
    "pushover": [(200, json.dumps({"status": 1, "request": "1", "receipt": 30 * "r"}))],
    "sms": [(201, json.dumps({"sid": f"SM{32 * '0'}", "status": "queued", "error_code": None}))],
    "voice": [(201, json.dumps({"sid": f"CA{32 * '0'}", "status": "queued"}))],
    "telegram": [(200, '{"ok":true,"result":{"message_id":7,"chat":{"id":123456789}}}')],
    "slack_bot": [(200, '{"ok":true,"channel":"C024BE91L","ts":"1503435956.000247"}')],
}


FORMS = {"pushover", "sms", "voice"}
"""Kinds whose provider takes forms, and no JSON."""

Send = Callable[..., Coroutine[Any, Any, Outcome]]


def account(http: httpx.AsyncClient, url: str, bound: timedelta) -> Account:
    """An account at Twilio whose token is the secret."""
    return Account(http=http, sid=f"AC{32 * '0'}", token=SECRET, sender="+15005550006", url=url, bound=bound)


@pytest.fixture(params=TAKEN)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def send(kind: str, fenced: httpx.AsyncClient, provider: Provider, notice: Notice) -> Send:
    """Send the notice by this kind to the provider, or to wherever a test says."""

    async def sent(bound: timedelta = BOUND, url: str = provider.url) -> Outcome:
        notifiers: dict[str, tuple[Notifier, str]] = {
            "webhook": (Webhook(http=fenced, bound=bound), f"{url}/{SECRET}"),
            "ntfy": (Ntfy(http=fenced, token=SECRET, bound=bound), f"{url}/ops-pages"),
            "slack": (Slack(http=fenced, bound=bound), f"{url}/services/T0/B0/{SECRET}"),
            "sms": (Sms(account=account(fenced, url, bound)), "+4915112345678"),
            "pushover": (Pushover(http=fenced, token=SECRET, url=url, bound=bound), 30 * "u"),
            "voice": (Voice(account=account(fenced, url, bound)), "+4915112345678"),
            "telegram": (Telegram(http=fenced, token=f"1:{SECRET}", url=url, bound=bound), "123456789"),
            "slack_bot": (SlackBot(http=fenced, token=SECRET, url=url, bound=bound), "C024BE91L"),
            "pagerduty": (PagerDuty(http=fenced, url=f"{url}/v2/enqueue", bound=bound), SECRET),
            "matrix": (Matrix(http=fenced, url=url, token=SECRET, bound=bound), "!ops:example.com"),
            "mattermost": (Mattermost(http=fenced, bound=bound), f"{url}/hooks/{SECRET}"),
            "signal": (
                Signal(
                    http=fenced,
                    url=url.replace("//", f"//me:{SECRET}@"),
                    number="+4915112345678",
                    bound=bound,
                ),
                "+4915187654321",
            ),
            "opsgenie": (Opsgenie(http=fenced, url=url, bound=bound), SECRET),
            "alertmanager": (Alertmanager(http=fenced, bound=bound), url.replace("//", f"//me:{SECRET}@")),
            "discord": (Discord(http=fenced, bound=bound), f"{url}/api/webhooks/1/{SECRET}"),
            "teams": (
                Teams(http=fenced, bound=bound),
                f"{url}/workflows/a/triggers/manual/paths/invoke?sig={SECRET}",
            ),
        }
        notifier, address = notifiers[kind]
        return await notifier.send(notice, Contact(kind, address))

    return sent


async def test_success(kind: str, provider: Provider, send: Send) -> None:
    provider.answers_in_turn(*TAKEN[kind])
    assert isinstance(await send(), Accepted)
    assert len(provider.heard) == len(TAKEN[kind])


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 410, 413, 422])
async def test_what_a_retry_cannot_help_is_refused(provider: Provider, send: Send, status: int) -> None:
    provider.answers(status, headers={"Location": "/elsewhere"})
    outcome = await send()
    assert isinstance(outcome, Refused)
    assert f"{provider.where} answered {status} " in outcome.reason
    assert len(provider.heard) == 1


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
async def test_what_a_retry_can_help_is_unreachable(provider: Provider, send: Send, status: int) -> None:
    provider.answers(status, headers={"Retry-After": "7"})
    outcome = await send()
    assert isinstance(outcome, Unreachable)
    assert outcome.retry_after == timedelta(seconds=7)
    assert not outcome.throttled


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (401, "401 Unauthorized"),
        (429, "429 Too Many Requests"),
        (500, "500 Internal Server Error"),
        (503, "503 Service Unavailable"),
        (520, "520 Server Error"),
    ],
)
@pytest.mark.parametrize("body", ["", "{}", "<html>Oops</html>"])
async def test_a_failure_without_words_of_the_provider_is_told_by_its_status(
    provider: Provider, send: Send, status: int, line: str, body: str
) -> None:
    provider.answers(status, body)
    outcome = await send()
    assert isinstance(outcome, Refused | Unreachable)
    assert outcome.reason == f"{provider.where} answered {line}"


@pytest.mark.parametrize("after", ["30", "Sun, 03 May 2026 12:00:30 GMT"])
async def test_a_rate_limit_is_told_with_its_pause(provider: Provider, send: Send, after: str) -> None:
    provider.answers(429, headers={"Retry-After": after, "Date": "Sun, 03 May 2026 12:00:00 GMT"})
    outcome = await send()
    assert isinstance(outcome, Unreachable)
    assert outcome.throttled
    assert outcome.retry_after == timedelta(seconds=30)


async def test_a_provider_that_hangs_holds_nobody(provider: Provider, send: Send, bound: timedelta) -> None:
    provider.hangs()
    began = time.monotonic()
    assert isinstance(await send(bound), Unreachable)
    assert time.monotonic() - began < 2


async def test_a_provider_that_trickles_holds_nobody(
    provider: Provider, send: Send, bound: timedelta
) -> None:
    provider.trickles(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n")
    assert isinstance(await send(bound), Unreachable)


async def test_nobody_there(send: Send, unused_tcp_port: int) -> None:
    outcome = await send(url=f"http://127.0.0.1:{unused_tcp_port}")
    assert outcome == Unreachable(f"connection refused by 127.0.0.1:{unused_tcp_port}")


async def test_garbage(provider: Provider, send: Send) -> None:
    provider.says(b"220 mail.example.com ESMTP\r\n")
    fault = f"{provider.where} does not speak HTTP"
    assert await send() == Unreachable(fault, may_have_arrived=True)


async def test_a_stranger_who_says_200_to_everything_is_not_the_provider(
    kind: str, provider: Provider, send: Send
) -> None:
    provider.answers(200, "<html>Welcome to our guest network</html>")
    outcome = await send()
    # A webhook's 2xx is all there is to know; the others would say more.
    assert isinstance(outcome, Accepted if kind == "webhook" else Unreachable)


@pytest.mark.parametrize("status", [200, 404, 503])
@pytest.mark.parametrize(
    "shape", ["{0}", '{{"error":"{0}"}}', '{{"message":"{0}","errors":["{0}"]}}', '{{"id":"{0}"}}']
)
async def test_no_secret_is_shown_to_people_even_where_the_provider_repeats_it(
    provider: Provider, send: Send, status: int, shape: str
) -> None:
    provider.answers(status, shape.format(f"Cannot POST /{SECRET}"))
    outcome = await send()
    assert SECRET not in repr(outcome)


async def test_cancellation_passes_through(provider: Provider, send: Send) -> None:
    provider.hangs()
    sending = asyncio.create_task(send())
    await provider.asked.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


@pytest.mark.parametrize("kind", sorted(TAKEN.keys() - FORMS), indirect=True)
async def test_the_body_is_json_and_says_so(kind: str, provider: Provider, send: Send) -> None:
    provider.answers_in_turn(*TAKEN[kind])
    await send()
    request = provider.heard[0]
    assert request.line.startswith("PUT " if kind == "matrix" else "POST ")
    assert request.headers["content-type"].startswith("application/json")
    assert isinstance(json.loads(request.body), list if kind == "alertmanager" else dict)


@pytest.mark.parametrize("kind", sorted(FORMS), indirect=True)
async def test_the_body_is_a_form_and_says_so(kind: str, provider: Provider, send: Send) -> None:
    provider.answers_in_turn(*TAKEN[kind])
    await send()
    request = provider.heard[0]
    assert request.line.startswith("POST ")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.body.decode(), strict_parsing=True)
