"""Below a path: everything works behind a proxy that takes the path off, and behind one that does not."""

import re
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from heartbeat import public_address
from heartbeat.app import System
from heartbeat.http import app as http_app
from heartbeat.http import home
from heartbeat.http.asgi import Scope
from heartbeat.http.home import Home
from heartbeat.settings import Settings
from heartbeat.signed_link import Answerer, sign
from tests.unit.conftest import NOW
from tests.unit.http.conftest import ADMIN_KEY, SECRET_KEY, SetClock, fall_silent, make_check, ping, visitor
from tests.unit.http.markup import paths_in
from tests.unit.http.pings.test_straight import Case, Ways, request

HOME = "/ops/heartbeat"
HOST = "https://example.com"
BROWSER = {"accept": "text/html"}
KEY = {"authorization": f"Bearer {ADMIN_KEY}"}


class Proxy(httpx.AsyncBaseTransport):
    """A proxy that passes on what lies below `HOME`, with or without that path."""

    def __init__(self, system: System, strips: bool) -> None:
        self._passing = httpx.ASGITransport(app=system.asgi)
        self._strips = strips

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path.startswith(f"{HOME}/"), f"{request.url.path} is not ours"
        if self._strips:
            path = request.url.raw_path.decode().removeprefix(HOME)
            request.url = request.url.copy_with(raw_path=path.encode())
        return await self._passing.handle_async_request(request)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings of a service below a path."""
    return replace(settings, public_url=f"{HOST}{HOME}")


@pytest.fixture(params=[False, True], ids=["kept", "stripped"])
async def outside(system: System, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on the other side of the proxy."""
    proxy = Proxy(system, strips=request.param)
    async with httpx.AsyncClient(transport=proxy, base_url=HOST, headers=BROWSER) as client:
        yield client


@pytest.fixture
async def signed_in(outside: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same browser, of somebody who has signed in."""
    assert (await outside.post(f"{HOME}/sign-in", data={"key": ADMIN_KEY})).status_code == 303
    return outside


async def test_signing_in_leads_from_one_address_below_the_path_to_the_next(
    outside: httpx.AsyncClient,
) -> None:
    away = await outside.get(f"{HOME}/checks?q=a")
    assert away.headers["location"] == f"{HOME}/sign-in?next=/checks%3Fq%3Da"
    form = (await outside.get(away.headers["location"])).text
    assert f'<form method="post" action="{HOME}/sign-in"' in form

    answer = await outside.post(f"{HOME}/sign-in", data={"key": ADMIN_KEY, "next": "/checks?q=a"})
    assert answer.headers["location"] == f"{HOME}/checks?q=a"
    # Not what lies beside it on the same host, and no other installation there, gets the cookie.
    assert answer.headers["set-cookie"].startswith("__Secure-heartbeat=")
    assert f"Path={HOME};" in answer.headers["set-cookie"]
    assert (await outside.get(answer.headers["location"])).status_code == 200


async def test_signing_out_takes_the_cookie_away(signed_in: httpx.AsyncClient) -> None:
    csrf = _csrf((await signed_in.get(f"{HOME}/")).text)
    answer = await signed_in.post(f"{HOME}/sign-out", data={"csrf": csrf})
    assert answer.headers["location"] == f"{HOME}/sign-in"
    assert f"Path={HOME};" in answer.headers["set-cookie"]
    assert not signed_in.cookies


@pytest.mark.parametrize("outside", [False], indirect=True)
async def test_every_address_on_every_page_is_below_the_path(
    system: System, clock: SetClock, signed_in: httpx.AsyncClient
) -> None:
    other = await make_check(system, "other")
    await fall_silent(system, clock, await make_check(system, "job", labels={"host": "web"}))
    await ping(system, other)
    put = {"title": "Public", "components": [{"name": "Jobs", "match": {"host": "web"}}]}
    answer = await signed_in.put(f"{HOME}/v1/status-pages/public", json=put, headers=KEY)
    assert answer.status_code == 201, answer.text
    await system.beside.publisher.look()

    seen, ahead = {f"{HOME}/"}, deque([f"{HOME}/", f"{HOME}/status"])
    while ahead:
        path = ahead.popleft()
        answer = await signed_in.get(path)
        location = answer.headers.get("location", "")
        assert answer.status_code < 500 or "oidc" in path, path
        assert location.startswith(f"{HOME}/") or not location, (path, location)
        is_html = "text/html" in answer.headers.get("content-type", "")
        found = paths_in(answer.text) if is_html else []
        assert [at for at in found if not at.startswith(f"{HOME}/")] == [], path
        new = {*found, *filter(None, [location])} - seen
        # A stream has no end.
        ahead += [at for at in new if not at.startswith(f"{HOME}/live")]
        seen |= new
    screens = {urlsplit(at).path.removeprefix(HOME) for at in seen}
    known = {
        "/checks/job",
        "/incidents/1",
        "/new",
        "/maintenance/new",
        "/users",
        "/audit",
        "/v1/docs",
        "/status/public/",
    }
    assert known <= screens
    assert any(at.startswith("/static/console.js") for at in screens)


async def test_a_form_acts_and_leads_back(system: System, signed_in: httpx.AsyncClient) -> None:
    await make_check(system)
    csrf = _csrf((await signed_in.get(f"{HOME}/checks/job/pause")).text)
    answer = await signed_in.post(f"{HOME}/checks/job/pause", data={"csrf": csrf})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{HOME}/checks/job")
    assert "Paused" in (await signed_in.get(f"{HOME}/checks/job")).text


@pytest.mark.parametrize("origin", [HOST, "https://evil.example"])
async def test_a_form_is_refused_only_if_it_comes_from_another_host(
    outside: httpx.AsyncClient, origin: str
) -> None:
    answer = await outside.post(f"{HOME}/sign-in", data={"key": ADMIN_KEY}, headers={"origin": origin})
    assert answer.status_code == (303 if origin == HOST else 403)


async def test_the_link_in_a_page_is_answered(
    system: System, clock: SetClock, outside: httpx.AsyncClient
) -> None:
    await fall_silent(system, clock, await make_check(system))
    path = f"{HOME}/answer/{sign(SECRET_KEY, Answerer(1, 1, 'first', NOW.replace(year=2025)))}"
    assert f'href="{HOME}/incidents/1"' in (await outside.get(path)).text
    answer = await outside.post(path, data={"answer": "acknowledge"})
    assert answer.headers["location"] == path, answer.text
    assert "cknowledged" in (await outside.get(path)).text


async def test_the_api_names_whole_addresses(outside: httpx.AsyncClient) -> None:
    put = await outside.put(f"{HOME}/v1/checks/job", json={"every": "1h"}, headers=KEY)
    assert (put.status_code, put.headers["location"]) == (201, f"{HOST}{HOME}/v1/checks/job")
    assert put.json()["ping_url"].startswith(f"{HOST}{HOME}/ping/")
    described = (await outside.get(f"{HOME}/v1/openapi.json", headers=KEY)).json()
    assert described["servers"][0]["url"] == f"{HOST}{HOME}"
    unknown = await outside.get(f"{HOME}/v1/nothing", headers=KEY)
    assert unknown.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_the_manual_leads_on_compressed_or_not(signed_in: httpx.AsyncClient, coding: str) -> None:
    manual = await signed_in.get(f"{HOME}/v1/docs", headers={"accept-encoding": coding})
    assert manual.headers.get("content-encoding", "identity") == coding
    assert f'href="{HOME}/v1/openapi.json"' in manual.text
    assert f"{HOST}{HOME}/v1/checks" in manual.text


async def test_a_ping_counts_below_the_path_and_beside_it(system: System, outside: httpx.AsyncClient) -> None:
    check = await make_check(system)
    below = [
        await outside.post(f"{HOME}/ping/{check.uuid}{end}", content=b"words")
        for end in ("", "/start", "/0", "/fail?rid=bad", "/what")
    ]
    async with visitor(system) as job:
        straight = [
            await job.post(f"/ping/{check.uuid}{end}", content=b"words")
            for end in ("", "/start", "/0", "/fail?rid=bad", "/what")
        ]
    assert [(one.status_code, one.text) for one in below] == [(one.status_code, one.text) for one in straight]
    assert [one.status_code for one in below] == [200, 200, 200, 400, 404]


async def test_the_plainest_pings_below_the_path_go_the_short_way_too(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, ways = await make_check(system), Ways(system, monkeypatch)
    short = f"/ping/{check.uuid}"
    for path, is_plain in (
        (short, True),
        (f"{HOME}{short}", True),
        (f"{HOME}/{short}", False),
        (f"{HOME}s{short}", False),
        (f"{HOME}{HOME}{short}", False),
        (f"{HOME}{short}/fail", False),
    ):
        case, ways.taken = Case(path, (request(f"GET {path} HTTP/1.1"),), is_plain), 0
        assert await ways.outcome(case, short=True) == await ways.outcome(case, short=False), path
        assert bool(ways.taken) is is_plain, path


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", f"{HOME}/livez", f"{HOME}/metrics"])
async def test_probes_and_scrapes_go_straight_to_the_port(system: System, path: str) -> None:
    async with visitor(system, **KEY) as prober:
        assert (await prober.get(path)).status_code in (200, 503)


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/café/checks", "/checks"),
        ("/café/", "/"),
        ("/café", "/"),
        ("/checks", "/checks"),
        ("/cafés", "/cafés"),
        ("/café/café/", "/café/"),
    ],
)
def test_the_path_is_taken_off_once(path: str, inside: str) -> None:
    scope: Scope = {"path": path}
    assert Home("/caf%C3%A9").enter(scope) == scope["path"] == inside
    assert home.address(scope, "/checks") == "/caf%C3%A9/checks"


@pytest.mark.parametrize(
    ("html", "whole"),
    [
        (b'<a class="me" href="/keys">', b'<a class="me" href="/home/keys">'),
        (b'<a rel="external" href="/oauth2/sign_out">', b'<a rel="external" href="/oauth2/sign_out">'),
        (b'<a href="https://x.example/">', b'<a href="https://x.example/">'),
        (b'<a href="//x.example/">', b'<a href="//x.example/">'),
        (b'<a href="#ping">', b'<a href="#ping">'),
        (b'<p title="say href=&#34;/x&#34;">', b'<p title="say href=&#34;/x&#34;">'),
        (b'<input name="back" value="/checks">', b'<input name="back" value="/checks">'),
    ],
)
def test_only_addresses_of_ours_become_whole(html: bytes, whole: bytes) -> None:
    scope: Scope = {"path": "/"}
    Home("/home").enter(scope)
    assert home.addressed(scope, html) == whole


def test_no_own_path_begins_like_a_path_that_the_service_may_live_below(system: System) -> None:
    routes = iter_route_contexts(http_app.build(system.context).routes)
    words = {str(getattr(route, "path", "")).split("/")[1] for route in routes} - {""}
    assert words | {"ping", "livez", "status"} == public_address.OWN


def _csrf(html: str) -> str:
    (found, *_) = re.findall(r'name="csrf" value="([^"]+)"', html)
    return str(found)
