"""Who may do what: the key, the session, the form that is ours, and how often one may try."""

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from http.cookies import SimpleCookie
from itertools import product

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.responses import Response

from heartbeat.app import System
from heartbeat.http import auth, face
from heartbeat.http.problem import Forged
from heartbeat.who import Who
from tests.unit.conftest import NOW
from tests.unit.http.conftest import ADMIN_KEY, SetClock, make_check, visitor


@pytest.fixture
def web(system: System) -> FastAPI:
    """The web application by itself."""
    return face.build(system.door)


def request(web: FastAPI, cookie: str = "", client: str = "192.0.2.1", **headers: str) -> Request:
    """A request as a browser would send it."""
    given = {"host": "test", "cookie": f"{auth.COOKIE}={cookie}"} | headers
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in given.items()]
    return Request({"type": "http", "app": web, "client": (client, 1), "headers": raw, "method": "POST"})


def session(web: FastAPI) -> str:
    """The cookie of a session that has just begun."""
    response = Response()
    auth.sign_in(web.state.door, response)
    return SimpleCookie(response.headers["set-cookie"])[auth.COOKIE].value


def basic(password: str) -> str:
    """The header by which a Prometheus sends a user's password."""
    return f"Basic {b64encode(f'any:{password}'.encode()).decode()}"


async def test_every_address_of_the_api_and_the_metrics_want_the_key(
    web: FastAPI, client: httpx.AsyncClient
) -> None:
    described = web.openapi()["paths"]
    asked = [(verb, path) for path, verbs in described.items() for verb in verbs]
    asked += [("get", "/v1/openapi.json"), ("get", "/metrics")]
    assert len(asked) > 15

    for (verb, path), headers in product(asked, [{}, {"X-Api-Key": "wrong"}, {"Authorization": "Bearer é"}]):
        raw = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = await client.request(verb, path.format(name="job", n=1, number=1), headers=raw)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
        assert "admin key" in answer.text
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


async def test_an_installation_without_a_key_lets_nobody_in(system: System) -> None:
    assert not auth.key_matches(replace(system.door, admin_key=""), "")


async def test_pings_and_health_want_no_key(system: System, client: httpx.AsyncClient) -> None:
    one = await make_check(system)

    for path in (f"/ping/{one.uuid}", "/livez", "/readyz"):
        assert (await client.get(path)).status_code in (200, 503)


def test_a_session_lasts_twelve_hours(web: FastAPI, clock: SetClock) -> None:
    asked = request(web, session(web))

    assert _name(auth.page_actor(asked)) == "admin"
    clock.at = NOW + timedelta(hours=12, seconds=-1)
    assert _name(auth.page_actor(asked)) == "admin"
    clock.at = NOW + timedelta(hours=12)
    assert auth.page_actor(asked) is None


@pytest.mark.parametrize("secret", ["admin_key", "secret_key"])
def test_another_key_ends_the_session(web: FastAPI, secret: str) -> None:
    asked = request(web, session(web))
    web.state.door = replace(web.state.door, **{secret: "another-key-altogether-of-enough-length"})

    assert auth.page_actor(asked) is None


def test_what_is_no_session_signs_nobody_in(web: FastAPI) -> None:
    good = session(web)
    later = str(int(good.partition(".")[0]) + 1) + good[good.index(".") :]

    for cookie in ("", ".", "..", "x.y.z", good[:-1], f"{good}0", later, "é.ü.ß", "9" * 5000, good.upper()):
        assert auth.page_actor(request(web, cookie)) is None


@pytest.mark.parametrize(("public_url", "secure"), [("http://test", False), ("https://test", True)])
def test_the_cookie_is_kept_from_scripts_other_sites_and_clear_text(
    web: FastAPI, public_url: str, secure: bool
) -> None:
    response = Response()
    auth.sign_in(replace(web.state.door, public_url=public_url), response)
    cookie = SimpleCookie(response.headers["set-cookie"])[auth.COOKIE]

    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")
    assert bool(cookie["secure"]) is secure


async def test_signing_in_and_out_in_a_browser(system: System, client: httpx.AsyncClient) -> None:
    await make_check(system)

    assert (await client.post("/sign-in", data={"key": ADMIN_KEY})).status_code == 303
    assert (await client.get("/v1/checks/job")).status_code == 200
    # A foreign page can have a browser send the cookie, so that it changes nothing.
    assert (await client.post("/v1/checks/job/pause")).status_code == 401
    out = Response()
    auth.sign_out(out)
    assert "Max-Age=0" in out.headers["set-cookie"]


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
def test_a_form_of_ours_is_taken(web: FastAPI, headers: dict[str, str]) -> None:
    asked = request(web, session(web), **headers)

    auth.check_csrf(asked, {"csrf": auth.csrf_token(asked)})


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
def test_a_form_from_elsewhere_is_refused(web: FastAPI, headers: dict[str, str]) -> None:
    asked = request(web, session(web), **headers)

    with pytest.raises(Forged, match="another site"):
        auth.check_csrf(asked, {"csrf": auth.csrf_token(asked)})


def test_a_form_of_another_session_is_refused(web: FastAPI) -> None:
    mine, other = request(web, session(web)), request(web, session(web))

    for token in ("", "é", auth.csrf_token(other)):
        with pytest.raises(Forged, match="your session"):
            auth.check_csrf(mine, {"csrf": token})
    with pytest.raises(Forged, match="your session"):
        auth.check_csrf(mine, {})


def test_an_address_has_ten_tries_a_minute(web: FastAPI, clock: SetClock) -> None:
    assert [auth.may_try(request(web)) for _ in range(11)] == [True] * 10 + [False]
    assert auth.may_try(request(web, client="192.0.2.2"))
    clock.advance(seconds=59)
    assert not auth.may_try(request(web))
    clock.advance(seconds=1)
    assert auth.may_try(request(web))


def test_tries_are_counted_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MAX_ADDRESSES", 3)
    tries = auth.Tries()

    for number in range(100):
        assert tries.another(f"192.0.2.{number}", NOW)
    assert len(tries._windows) == 3


def _name(who: Who | None) -> str:
    return who.name if who else ""
