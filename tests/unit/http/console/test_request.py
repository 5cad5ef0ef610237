"""Requests of the console: signing in first, forms of ours only, unknown addresses, and changes by POST only."""

import re
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from heartbeat.app import System
from heartbeat.checks.check import State
from heartbeat.database import Database
from heartbeat.http import console
from heartbeat.http.console.request import local
from tests.unit.http.conftest import (
    ADMIN_KEY,
    SetClock,
    fall_silent,
    incident_of,
    make_check,
    read_check,
)
from tests.unit.http.console.conftest import press, see
from tests.unit.http.markup import sound


def _addresses(system: System) -> list[tuple[str, str]]:
    open_to_all = {
        "/static/{name}",
        "/sign-in",
        "/sign-in/oidc",
        "/sign-in/oidc/back",
        "/join/{token}",
        "/answer/{token}",
    }
    routes = [route for route in console.router(system.context).routes if isinstance(route, Route)]
    return [
        (method, re.sub(r"\{(\w+)(:int)?\}", "1", route.path))
        for route in routes
        for method in route.methods or ()
        if route.path not in open_to_all
    ]


async def test_without_signing_in_every_address_leads_to_the_sign_in(
    system: System, stranger: httpx.AsyncClient
) -> None:
    addresses = _addresses(system)
    assert len(addresses) > 18
    for method, path in addresses:
        answer = await stranger.request(method, path)
        if path == "/sign-out":
            assert answer.status_code == 403
            continue
        assert answer.status_code == 303, (method, path)
        assert answer.headers["location"].startswith("/sign-in?next=/")


async def test_signing_in_leads_to_the_requested_path(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/checks?page=2")
    screen = await see(stranger, answer.headers["location"])
    assert screen.fields["next"] == "/checks?page=2"

    answer = await stranger.post("/sign-in", data={"key": ADMIN_KEY, "next": screen.fields["next"]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/checks?page=2")
    assert (await stranger.get("/sign-in")).headers["location"] == "/"


async def test_a_form_sent_signed_out_leads_back_to_its_screen(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.post("/incidents/3/acknowledge")
    assert answer.headers["location"] == "/sign-in?next=/incidents/3"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example.com/",
        "//evil.example.com/",
        "/\\evil.example.com",
        "\\\\evil.example.com",
        "///evil.example.com",
        "javascript:alert(1)",
        "/\n/evil.example.com",
        "/\t/evil.example.com",
        "evil",
        "",
        "/sign-out",
        "/sign-in?next=/",
        "//[",
        "/../wiki",
        "/checks/%2E%2e/..?a=b",
        "/.",
    ],
)
async def test_signing_in_never_leads_to_another_site(stranger: httpx.AsyncClient, elsewhere: str) -> None:
    assert local(elsewhere) == "/"
    answer = await stranger.post("/sign-in", data={"key": ADMIN_KEY, "next": elsewhere})
    assert answer.headers["location"] == "/"


async def test_a_wrong_key_is_refused_and_attempts_are_limited(stranger: httpx.AsyncClient) -> None:
    for _ in range(10):
        answer = await stranger.post("/sign-in", data={"key": "wrong", "next": "/checks"})
        screen = sound(answer.text)
        assert (answer.status_code, screen.fields["next"]) == (403, "/checks")
        assert "not the admin key" in screen.words
        assert "wrong" not in screen.fields.values()
    answer = await stranger.post("/sign-in", data={"key": ADMIN_KEY})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert "Wait 1 min, then" in sound(answer.text).words


async def test_signing_out_ends_it(browser: httpx.AsyncClient) -> None:
    answer = await press(browser, "/sign-out")
    assert answer.headers["location"] == "/sign-in"
    assert (await browser.get("/")).status_code == 303


@pytest.mark.parametrize("csrf", [None, "", "forged"])
async def test_a_form_with_a_wrong_token_changes_nothing(
    system: System, browser: httpx.AsyncClient, clock: SetClock, csrf: str | None
) -> None:
    job = await make_check(system)
    number = await fall_silent(system, clock, job)
    data = {} if csrf is None else {"csrf": csrf}
    for path in ("/checks/job/pause", f"/incidents/{number}/acknowledge", f"/incidents/{number}/resolve"):
        answer = await browser.post(path, data=data)
        assert answer.status_code == 403
        assert "Reload it and try again" in sound(answer.text).words
    assert (await read_check(system)).state is State.DOWN
    assert await incident_of(system, job) == number


async def test_an_unknown_check_or_incident_is_not_found(browser: httpx.AsyncClient) -> None:
    for path in (
        "/checks/nope",
        "/checks/nope/pause",
        "/checks/nope/pings/1",
        "/incidents/9",
        "/incidents/9/resolve",
    ):
        screen = await see(browser, path, 404)
        assert "Not found" in screen.words
        assert "/" in screen.links
    assert (await browser.get("/nothing")).status_code == 404
    for path in (
        "/checks/nope/pause",
        "/checks/nope/resume",
        "/incidents/9/acknowledge",
        "/incidents/9/resolve",
    ):
        assert (await press(browser, path)).status_code == 404, path
    assert (await press(browser, "/incidents/9/snooze", **{"for": "1h"})).status_code == 404


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_impossible_numbers_and_slugs_are_not_found(browser: httpx.AsyncClient) -> None:
    for path in (
        f"/incidents/{10**30}",
        f"/incidents/{10**30}/resolve",
        "/checks/%00",
        f"/checks/a/pings/{10**30}",
    ):
        await see(browser, path, 404)
    for path in (f"/incidents/{10**30}/acknowledge", f"/incidents/{10**30}/resolve", "/checks/%00/pause"):
        assert (await press(browser, path)).status_code == 404, path
    assert (await browser.get(f"/incidents?before={10**30}")).status_code == 200


async def test_a_button_wakes_the_ticker(
    system: System, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_check(system)
    woken: list[None] = []
    monkeypatch.setattr(system.ticker, "wake", lambda: woken.append(None))
    await see(browser, "/checks/job/pause")
    assert woken == []
    await press(browser, "/checks/job/pause")
    assert woken == [None]


@pytest.mark.parametrize(
    "path", ["/checks/job/pause", "/checks/job/resume", "/incidents/1/acknowledge", "/sign-out"]
)
async def test_only_post_changes_anything(system: System, browser: httpx.AsyncClient, path: str) -> None:
    await make_check(system)
    for method in ("GET", "HEAD", "OPTIONS"):
        await browser.request(method, path)
    assert (await read_check(system)).state is State.NEW
    assert (await browser.get("/")).status_code == 200


async def test_an_unreachable_database_is_reported(
    system: System, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from heartbeat.database import Unavailable

    async def away(*_: Any) -> Any:
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(Database, "read", away)
    screen = await see(browser, "/", 503)
    assert "The database does not answer" in screen.words


async def test_only_the_overview_and_the_list_reload_themselves(
    system: System, browser: httpx.AsyncClient
) -> None:
    await make_check(system)
    for path in ("/", "/checks"):
        answer = await browser.get(path)
        assert '<noscript><meta http-equiv="refresh" content="30"></noscript>' in answer.text
        assert "refresh" not in answer.headers, (
            "where there is script it would load the page under the reader's hands"
        )
    for path in ("/checks/job", "/checks/job/pause", "/incidents"):
        assert "refresh" not in (await browser.get(path)).text
