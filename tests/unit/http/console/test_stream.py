"""The stream of events: who may hear it, what it says, where it goes on, and that it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.types import Message

from heartbeat.access import users
from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.checks import store as check_store
from heartbeat.http.console import stream
from heartbeat.http.pages import live
from heartbeat.http.pages import versions as view_versions
from tests.unit.access.conftest import PASSWORD, ROOT, add
from tests.unit.conftest import a_check
from tests.unit.http.conftest import SetClock, fall_silent, make_check, refuse_database
from tests.unit.http.console.conftest import see


@pytest.fixture(autouse=True)
async def quick(system: System) -> AsyncIterator[None]:
    """Looks follow each other at once."""
    system.context.live._every = 0.0
    yield
    system.context.live.close()


async def versions(system: System, *topics: str) -> str:
    return view_versions.written(
        await system.context.database.read(lambda db: view_versions.versions(db, topics))
    )


class Ear:
    """A browser that listens to a stream until it has heard some words, and then goes away."""

    def __init__(self, browser: httpx.AsyncClient, path: str, until: str, **headers: str) -> None:
        request = browser.build_request("GET", path, headers=headers)
        self.heard = ""
        self.headers: dict[str, str] = {}
        self.joined = asyncio.Event()
        self._said = asyncio.Event()
        self._until = until
        self._gone = asyncio.Event()
        self._scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": request.url.path,
            "raw_path": request.url.raw_path,
            "query_string": request.url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": ("192.0.2.1", 1),
            "server": ("test", 80),
        }

    async def listen(self, system: System) -> str:
        """All that was heard."""
        await asyncio.wait_for(system.asgi(self._scope, self._receive, self._send), 10)
        return self.heard

    async def hear_more(self) -> None:
        """Wait until something is said."""
        self._said.clear()
        await asyncio.wait_for(self._said.wait(), 10)

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        self.heard += message.get("body", b"").decode()
        self.joined.set()
        self._said.set()
        if self._until in self.heard:
            self._gone.set()


async def test_a_stream_sends_events_and_is_never_cached(system: System, browser: httpx.AsyncClient) -> None:
    ear = Ear(browser, "/live?topic=checks", "data:")
    heard = await ear.listen(system)
    assert ear.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert ear.headers["cache-control"] == "no-store"
    assert ear.headers["x-accel-buffering"] == "no"
    assert "content-length" not in ear.headers
    assert heard.startswith(f"retry: {stream.RECONNECT_AFTER}\n\n")
    assert f"id: {await versions(system, 'checks')}\ndata: checks\n\n" in heard
    assert not system.context.live._listeners, "it has left"


async def test_a_reconnecting_browser_gets_what_it_missed(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    known = await versions(system, "checks", "incidents")
    number = await fall_silent(system, clock, await make_check(system))
    assert number == 1
    path = f"/live?topic=checks&topic=incidents&since={known.replace(' ', '+')}"
    heard = await Ear(browser, path, "data:").listen(system)
    assert f"id: {await versions(system, 'checks', 'incidents')}\n" in heard


async def test_the_last_event_id_takes_precedence_over_the_address(
    system: System, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BEAT", 0.01)
    known = await versions(system, "checks")
    path = "/live?topic=checks&since=checks%3Dold"
    assert "data:" not in await Ear(browser, path, ": \n\n", **{"last-event-id": known}).listen(system)
    assert "data:" in await Ear(browser, path, "data:").listen(system)


async def test_a_quiet_stream_sends_signs_of_life_and_ends(
    system: System, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BEAT", 0.001)
    monkeypatch.setattr(stream, "LASTS", 0.2)
    known = await versions(system, "checks")
    said = await browser.get(f"/live?topic=checks&since={known}")
    assert said.text.count(": \n\n") > 2
    assert "data:" not in said.text


async def test_every_live_page_names_its_stream(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    await fall_silent(system, clock, await make_check(system))
    for path, topics in {
        "/": ("checks", "incidents"),
        "/checks": ("checks", "incidents"),
        "/checks/job": ("checks", "checks/job"),
        "/incidents": ("incidents",),
        "/incidents/1": ("incidents/1",),
    }.items():
        html = (await see(browser, path)).html
        since = (await versions(system, *topics)).replace("=", "%3D").replace("/", "%2F").replace(" ", "+")
        asked = "&amp;".join(f"topic={topic.replace('/', '%2F')}" for topic in topics)
        assert f'data-live="/live?{asked}&amp;since={since}"' in html, path
    assert "data-live" not in (await see(browser, "/checks/job/pause")).html


@pytest.mark.parametrize(
    "query", ["", "topic=", "topic=secrets", "topic=incidents/x", f"topic=incidents/{'9' * 40}"]
)
async def test_an_unknown_topic_is_refused(browser: httpx.AsyncClient, query: str) -> None:
    assert (await browser.get(f"/live?{query}")).status_code == 400


async def test_a_stranger_hears_nothing(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get("/live?topic=checks")).status_code == 303


async def heard_while(
    system: System, browser: httpx.AsyncClient, happens: Callable[[], Awaitable[Any]]
) -> str:
    """What a stream still says when this happens while it is open, until it ends by itself."""
    ear = Ear(browser, f"/live?topic=checks&since={await versions(system, 'checks')}", "never said")
    listening = asyncio.create_task(ear.listen(system))
    await ear.joined.wait()
    await happens()
    return await listening


@pytest.mark.parametrize("way", ["signs out", "is disabled", "was idle too long"])
async def test_a_stream_ends_with_the_sign_in(
    system: System, stranger: httpx.AsyncClient, clock: SetClock, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(stream, "BEAT", 0.01)
    await system.context.database.write(lambda db: [add(db, "anna"), add(db, "bob", Role.ADMIN)])
    await stranger.post("/sign-in", data={"name": "anna", "password": PASSWORD})

    async def happens() -> None:
        if way == "signs out":
            csrf = (await see(stranger, "/")).fields["csrf"]
            cookies = dict(stranger.cookies)
            assert (await stranger.post("/sign-out", data={"csrf": csrf})).status_code == 303
            stranger.cookies.update(cookies)
        elif way == "is disabled":
            await system.context.database.write(lambda db: users.disable(db, ROOT, "anna", clock.now()))
        else:
            clock.advance(hours=13)
        # What happens now is none of their business.
        await system.context.database.write(lambda db: check_store.insert(db, [a_check("secret-project")]))

    assert "data:" not in await heard_while(system, stranger, happens)
    assert not system.context.live._listeners, "it has left"
    assert (await stranger.get("/live?topic=checks")).status_code == 303


async def test_a_stream_stays_while_the_database_is_away(
    system: System, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BEAT", 0.01)
    ear = Ear(browser, f"/live?topic=checks&since={await versions(system, 'checks')}", ": \n\n: \n\n: \n\n")
    listening = asyncio.create_task(ear.listen(system))
    await ear.joined.wait()
    refuse_database(system, monkeypatch)
    assert (await listening).count(": \n\n") >= 3


async def test_an_open_stream_does_not_keep_an_idle_sign_in_alive(
    system: System, browser: httpx.AsyncClient, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BEAT", 0.01)
    ear = Ear(browser, f"/live?topic=checks&since={await versions(system, 'checks')}", "never said")
    listening = asyncio.create_task(ear.listen(system))
    await ear.joined.wait()
    for _ in range(2):
        clock.advance(hours=5)
        await ear.hear_more()
        await ear.hear_more()
    clock.advance(hours=2)
    assert "data:" not in await listening


async def test_a_stream_is_refused_once_the_service_stops(system: System, browser: httpx.AsyncClient) -> None:
    system.context.live.close()
    answer = await browser.get("/live?topic=checks")
    assert answer.status_code == 503
    assert "reloads by itself" in answer.text


async def test_a_stop_ends_every_stream_at_once(system: System, browser: httpx.AsyncClient) -> None:
    ear = Ear(browser, f"/live?topic=checks&since={await versions(system, 'checks')}", "never said")
    listening = asyncio.create_task(ear.listen(system))
    await ear.joined.wait()
    await system.rest()
    assert "data:" not in await asyncio.wait_for(listening, live.EVERY)
