"""Authentication: keys, sessions and forms."""

import re
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from http.cookies import SimpleCookie
from itertools import product

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.responses import Response

from heartbeat import audit
from heartbeat.access import store
from heartbeat.access.tries import KEY_TRIES
from heartbeat.actor import Actor
from heartbeat.app import System
from heartbeat.database import Database, Unavailable
from heartbeat.http import app as http_app
from heartbeat.http import auth
from heartbeat.http.problem import Forged
from tests.unit.conftest import NOW
from tests.unit.http.conftest import ADMIN_KEY, SetClock, make_check, visitor
from tests.unit.http.markup import sound


@pytest.fixture
def web(system: System) -> FastAPI:
    """The web application by itself."""
    return http_app.build(system.context)


def request(web: FastAPI, cookie: str = "", client: str = "192.0.2.1", **headers: str) -> Request:
    """A request as a browser would send it."""
    sent_headers = {"host": "test", "cookie": f"{auth.COOKIE}={cookie}"} | headers
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in sent_headers.items()]
    return Request({"type": "http", "app": web, "client": (client, 1), "headers": raw, "method": "POST"})


async def session(web: FastAPI) -> str:
    """The cookie of a session that has just begun with the admin key."""
    response = Response()
    await auth.begin_session(request(web), response, None, "admin key")
    return SimpleCookie(response.headers["set-cookie"])[auth.COOKIE].value


def basic(password: str) -> str:
    """The header by which a Prometheus sends a user's password."""
    return f"Basic {b64encode(f'any:{password}'.encode()).decode()}"


async def test_the_api_and_the_metrics_need_a_key(
    web: FastAPI, client: httpx.AsyncClient, clock: SetClock
) -> None:
    described = web.openapi()["paths"]
    operations = [(verb, path) for path, verbs in described.items() for verb in verbs]
    operations += [("get", "/v1/openapi.json"), ("get", "/metrics")]
    assert len(operations) > 15

    for (verb, path), headers in product(
        operations, [{}, {"X-Api-Key": "wrong"}, {"Authorization": "Bearer é"}]
    ):
        clock.advance(minutes=1)
        raw = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = await client.request(verb, re.sub(r"{\w+}", "1", path), headers=raw)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
        assert "API key" in answer.text
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": f"Bearer {ADMIN_KEY}"}, 200),
        ({"Authorization": f"bearer {ADMIN_KEY}"}, 200),
        ({"X-Api-Key": ADMIN_KEY}, 200),
        ({"Authorization": f"Bearer {ADMIN_KEY}x"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": "Bearer wrong", "X-Api-Key": ADMIN_KEY}, 401),
        ({"Authorization": ADMIN_KEY}, 401),
        ({"X-Api-Key": ""}, 401),
        # A browser would send a password along with a foreign page's request.
        ({"Authorization": basic(ADMIN_KEY)}, 401),
    ],
)
async def test_the_key_is_a_header(system: System, headers: dict[str, str], status: int) -> None:
    async with visitor(system, **headers) as caller:
        assert (await caller.get("/v1/checks")).status_code == status


async def test_wrong_keys_are_limited_by_address_counted_and_noted(system: System, clock: SetClock) -> None:
    transport = [httpx.ASGITransport(app=system.asgi, client=(f"2001:db8::{number}", 1)) for number in (1, 2)]
    here, beside = [httpx.AsyncClient(transport=one, base_url="http://test") for one in transport]
    right, wrong = {"X-Api-Key": ADMIN_KEY}, {"X-Api-Key": "hb_wrong"}
    assert (await here.get("/v1/checks", headers=right)).status_code == 200
    guesses = [await client.get("/v1/checks", headers=wrong) for client in [here, beside] * 16]
    assert [answer.status_code for answer in guesses] == [401] * KEY_TRIES + [429] * 2
    assert guesses[-1].headers["retry-after"] == "60"
    # A program whose key was right goes on working. Nobody can try whether another one is.
    assert (await beside.get("/v1/checks", headers=right)).status_code == 200
    assert (await here.get("/v1/checks", headers={"X-Api-Key": "another"})).status_code == 429
    metrics = (await here.get("/metrics", headers=right)).text
    assert "heartbeat_wrong_api_keys_total 33.0" in metrics
    deeds = await system.context.database.read(lambda db: audit.listed(db, limit=9))
    assert [(deed.action, deed.target, deed.remote, deed.after) for deed in deeds] == [
        ("sign_in.refuse", "unknown user", "2001:db8::2", {"wrong": "API keys"})
    ]
    clock.advance(minutes=1)
    assert (await here.get("/v1/checks", headers=wrong)).status_code == 401
    for client in (here, beside):
        await client.aclose()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {ADMIN_KEY}", 200),
        (basic(ADMIN_KEY), 200),
        (basic("wrong"), 401),
        ("Basic not-base64!", 401),
        (f"Basic {b64encode(bytes([0xFF])).decode()}", 401),
        ("Digest x", 401),
    ],
)
async def test_a_prometheus_may_send_the_key_as_a_password(
    system: System, authorization: str, status: int
) -> None:
    async with visitor(system, Authorization=authorization) as caller:
        assert (await caller.get("/metrics")).status_code == status


async def test_without_an_admin_key_nobody_can_use_it(system: System) -> None:
    assert not auth.is_admin_key(replace(system.context, admin_key=""), "")


async def test_pings_and_health_need_no_key(system: System, client: httpx.AsyncClient) -> None:
    check = await make_check(system)

    for path in (f"/ping/{check.uuid}", "/livez", "/readyz"):
        assert (await client.get(path)).status_code in (200, 503)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_session_ends_when_it_is_not_used(web: FastAPI, clock: SetClock) -> None:
    visit = request(web, await session(web))

    for hours in (0, 11.9, 11.9):
        clock.advance(hours=hours)
        assert _name(await auth.console_actor(visit)) == "admin"
    clock.advance(hours=12)
    assert await auth.console_actor(visit) is None


async def test_a_session_ends_after_a_week_however_much_it_is_used(web: FastAPI, clock: SetClock) -> None:
    visit = request(web, await session(web))

    for _ in range(21):
        assert _name(await auth.console_actor(visit)) == "admin"
        clock.advance(hours=8)
    assert await auth.console_actor(visit) is None


async def test_another_admin_key_ends_the_session(web: FastAPI) -> None:
    visit = request(web, await session(web))
    web.state.context = replace(web.state.context, admin_key="another-key-altogether-of-enough-length")

    assert await auth.console_actor(visit) is None


async def test_the_use_of_a_session_is_written_once_a_minute(
    web: FastAPI, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = request(web, await session(web))
    wrote = []
    monkeypatch.setattr(store, "touch_session", lambda db, number, now: wrote.append(now))

    for _ in range(3):
        await auth.console_actor(visit)
        clock.advance(seconds=30)
    assert wrote == [NOW + timedelta(minutes=1)]


async def test_reading_works_while_nothing_can_be_written(
    web: FastAPI, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = request(web, await session(web))
    clock.advance(minutes=5)

    async def away(self: Database, work: object) -> None:
        raise Unavailable("full")

    monkeypatch.setattr(Database, "write", away)
    assert _name(await auth.console_actor(visit)) == "admin"


async def test_an_invalid_cookie_is_no_session(web: FastAPI) -> None:
    good = await session(web)

    for cookie in ("", ".", good[:-1], f"{good}0", "é.ü.ß", "9" * 5000, good.swapcase()):
        assert await auth.console_actor(request(web, cookie)) is None


@pytest.mark.parametrize(
    ("public_url", "expected", "path"),
    [
        ("http://test", "heartbeat", "/"),
        ("https://test", "__Host-heartbeat", "/"),
        ("http://test/a/b", "heartbeat", "/a/b"),
        ("https://test/a/b", "__Secure-heartbeat", "/a/b"),
    ],
)
async def test_the_cookie_is_kept_from_scripts_other_sites_and_clear_text(
    web: FastAPI, public_url: str, expected: str, path: str
) -> None:
    web.state.context = replace(web.state.context, public_url=public_url)
    response = Response()
    await auth.begin_session(request(web), response, None, "admin key")
    ((name, cookie),) = SimpleCookie(response.headers["set-cookie"]).items()

    assert name == expected
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", path)
    assert cookie["domain"] == ""
    assert bool(cookie["secure"]) is public_url.startswith("https")


async def test_a_planted_session_token_is_not_used(web: FastAPI) -> None:
    planted = request(web, await session(web))
    response = Response()
    await auth.begin_session(planted, response, None, "admin key")

    assert await auth.console_actor(planted) is None
    assert auth.COOKIE in SimpleCookie(response.headers["set-cookie"])


async def test_a_stolen_cookie_is_useless_after_signing_out(
    system: System, client: httpx.AsyncClient
) -> None:
    await client.post("/sign-in", data={"key": ADMIN_KEY})
    async with visitor(system, Cookie=f"heartbeat={client.cookies['heartbeat']}") as thief:
        assert (await thief.get("/v1/checks")).status_code == 200
        csrf = sound((await client.get("/")).text).fields["csrf"]
        out = await client.post("/sign-out", data={"csrf": csrf})
        assert "Max-Age=0" in out.headers["set-cookie"]
        assert (await thief.get("/v1/checks")).status_code == 401


async def test_signing_in_and_out_in_a_browser(system: System, client: httpx.AsyncClient) -> None:
    await make_check(system)

    assert (await client.post("/sign-in", data={"key": ADMIN_KEY})).status_code == 303
    assert (await client.get("/v1/checks/job")).status_code == 200
    # A foreign page can have a browser send the cookie, so that it changes nothing.
    assert (await client.post("/v1/checks/job/pause")).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-origin", "origin": "null"},
        {"sec_fetch_site": "none"},
        {"origin": "http://test"},
        # Browsers say so where a page sends no referrer, as ours do not; the token decides.
        {"origin": "null"},
        {},
    ],
)
async def test_a_form_of_this_site_is_accepted(web: FastAPI, headers: dict[str, str]) -> None:
    visit = request(web, await session(web), **headers)

    auth.check_csrf(visit, {"csrf": auth.csrf_token(visit)})


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "http://test.evil.example"},
        {"origin": "http://test:1234"},
        {"origin": "x"},
        {"origin": "http://["},
    ],
)
async def test_a_form_of_another_site_is_refused(web: FastAPI, headers: dict[str, str]) -> None:
    visit = request(web, await session(web), **headers)

    with pytest.raises(Forged, match="another site"):
        auth.check_csrf(visit, {"csrf": auth.csrf_token(visit)})


async def test_a_form_of_another_session_is_refused(web: FastAPI) -> None:
    mine, other = request(web, await session(web)), request(web, await session(web))

    for token in ("", "é", auth.csrf_token(other)):
        with pytest.raises(Forged, match="an older sign-in"):
            auth.check_csrf(mine, {"csrf": token})
    with pytest.raises(Forged, match="an older sign-in"):
        auth.check_csrf(mine, {})


def _name(actor: Actor | None) -> str:
    return actor.name if actor else ""
