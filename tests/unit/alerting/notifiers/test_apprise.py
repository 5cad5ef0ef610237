"""Apprise with a service that it reaches by itself: JSON to a server on loopback."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting.notice import Notice
from alerting.notifiers import apprise
from alerting.notifiers.apprise import BODY_LIMIT, THREADS, Apprise
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable

from .loopback import Provider

# A part of Apprise still imports it where there is one.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

Sending = Callable[..., Awaitable[Outcome]]


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apprise looks for proxies in the environment."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def outcome(http: httpx.AsyncClient, provider: Provider, notice: Notice) -> AsyncIterator[Sending]:
    """Send the notice, changed as a test says."""

    async def send(address: str = f"json://me:5ecret@{provider.where}/hook", **changes: Any) -> Outcome:
        return await Apprise.configured({}, http).send(
            replace(notice, **changes), Contact("apprise", address)
        )

    yield send
    await asyncio.to_thread(_wait_for_threads)


def _wait_for_threads() -> None:
    for thread in threading.enumerate():
        if thread.name == "apprise":
            thread.join(5)


async def test_what_is_on_the_wire(provider: Provider, outcome: Sending) -> None:
    assert await outcome() == Accepted("handed over")
    (request,) = provider.heard
    assert request.line == "POST /hook HTTP/1.1"
    document = request.json()
    assert (document["title"], document["type"]) == (
        "CRITICAL us-housekeeping: 4 of 11 jobs silent",
        "failure",
    )
    assert document["message"] == (
        "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
        "7 jobs on the host alive, newest 03:04\n"
        "You are first on call (ops). If nobody answers, Ben is paged at 03:20\n"
        "Acknowledge: https://hb.example.com/ack/t0ken\n"
        "Open: https://hb.example.com/incidents/17"
    )


async def test_what_is_fine_as_a_whole_is_a_success(provider: Provider, outcome: Sending) -> None:
    await outcome(fine=True)
    assert provider.heard[0].json()["type"] == "success"


async def test_words_of_a_job_call_nobody_and_long_ones_are_cut(provider: Provider, outcome: Sending) -> None:
    await outcome(title="@everyone", lines=["@here", *["x" * 99] * 50], open_url=None, ack_url=None)
    document = provider.heard[0].json()
    assert document["title"] == "@\u200beveryone"
    first, *lines = document["message"].split("\n")
    assert first == "@\u200bhere"
    assert set(lines) == {"x" * 99}
    assert len(document["message"]) <= BODY_LIMIT


@pytest.mark.parametrize("status", [403, 429, 500])
async def test_a_failure_has_no_reason_and_is_tried_again(
    provider: Provider, outcome: Sending, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    provider.answers(status, "5ecret")
    assert await outcome() == Unreachable("Apprise could not hand it over")
    assert "5ecret" not in caplog.text


async def test_an_address_that_apprise_does_not_know_is_refused(outcome: Sending) -> None:
    assert await outcome("nosuchservice://x") == Refused("Apprise does not know this address")


async def test_a_service_that_hangs_holds_nobody(
    http: httpx.AsyncClient, notice: Notice, monkeypatch: pytest.MonkeyPatch, bound: timedelta
) -> None:
    """It keeps its thread. Once all are kept, further sends fail at once."""
    let_go = threading.Event()
    monkeypatch.setattr(apprise, "_notify", lambda *_: let_go.wait(30))
    notifier, contact = Apprise(bound=bound), Contact("apprise", "json://x")
    lost = await asyncio.gather(*(notifier.send(notice, contact) for _ in range(THREADS)))
    assert set(lost) == {Unreachable("Apprise did not answer within 0.15 s", may_have_arrived=True)}
    busy = await notifier.send(notice, contact)
    assert busy == Unreachable("16 sends by Apprise are under way, and none of them ends")
    let_go.set()
    await asyncio.to_thread(_wait_for_threads)
    assert isinstance(await Apprise(free=notifier.free).send(notice, contact), Accepted)


async def test_whatever_a_service_of_apprise_raises_is_a_failure(
    notice: Notice, monkeypatch: pytest.MonkeyPatch
) -> None:
    import apprise as library

    def broken(*_: object, **__: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(library.Apprise, "notify", broken)
    sent = await Apprise().send(notice, Contact("apprise", "json://127.0.0.1"))
    assert sent == Unreachable("Apprise could not hand it over")


def test_without_the_extra_it_says_what_to_install(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprise, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"needs the extra apprise: install heartbeat\[apprise\]"):
        Apprise.configured({}, http)
