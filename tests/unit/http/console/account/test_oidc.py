"""Signing in by a provider in a browser: there and back."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from heartbeat import audit
from heartbeat.access import store
from heartbeat.access.oidc import Oidc
from heartbeat.app import System
from heartbeat.http import app as http_app
from tests.unit.access.provider import LocalProvider
from tests.unit.access.test_oidc import SETUP
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock
from tests.unit.http.markup import sound

BACK = "http://test/sign-in/oidc/back"


@pytest.fixture
def provider() -> LocalProvider:
    return LocalProvider(NOW)


@pytest.fixture
async def browser(system: System, provider: LocalProvider) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of an installation that has a provider."""
    context = replace(system.context, oidc=Oidc(SETUP, provider.http(), BACK))
    transport = httpx.ASGITransport(app=http_app.build(context))
    headers = {"accept": "text/html"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as made:
        yield made


async def leave(browser: httpx.AsyncClient, provider: LocalProvider) -> tuple[str, str]:
    """Go there and sign in: the code and the state with which one is sent back."""
    gone = await browser.get("/sign-in/oidc?next=/checks")
    assert gone.status_code == 303
    return provider.sign_in(gone.headers["location"])


async def come_back(browser: httpx.AsyncClient, code: str, state: str) -> httpx.Response:
    return await browser.get("/sign-in/oidc/back", params={"code": code, "state": state})


async def test_a_user_signs_in_through_the_provider(
    system: System, browser: httpx.AsyncClient, provider: LocalProvider
) -> None:
    assert "Sign in with your provider" in sound((await browser.get("/sign-in")).text).words
    done = await come_back(browser, *await leave(browser, provider))
    assert (done.status_code, done.headers["location"]) == (303, "/checks")
    assert "You have the role responder" in sound((await browser.get("/account")).text).words
    (anna,) = await system.context.database.read(store.every_user)
    assert (anna.name, anna.password_hash) == ("anna", None)
    deeds = await system.context.database.read(lambda db: audit.listed(db, limit=9))
    assert [(one.action, one.actor, one.via, one.remote) for one in reversed(deeds)] == [
        ("user.make", "anna", "OpenID Connect", "127.0.0.1"),
        ("sign_in", "anna", "session", "127.0.0.1"),
    ]
    assert deeds[0].after == {"how": "OpenID Connect"}


async def test_an_answer_that_this_browser_did_not_ask_for_is_refused(
    browser: httpx.AsyncClient, provider: LocalProvider, clock: SetClock
) -> None:
    code, state = await leave(browser, provider)
    for given in ("", "another", state[:-1]):
        refused = await come_back(browser, code, given)
        assert (refused.status_code, "Start again" in sound(refused.text).words) == (403, True)
    clock.advance(minutes=10)
    assert (await come_back(browser, code, state)).status_code == 403
    browser.cookies.clear()
    assert (await come_back(browser, code, state)).status_code == 403
    assert (await browser.get("/")).status_code == 303


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_an_answer_counts_once(
    browser: httpx.AsyncClient, provider: LocalProvider, clock: SetClock
) -> None:
    code, state = await leave(browser, provider)
    cookies = dict(browser.cookies)
    assert (await come_back(browser, code, state)).status_code == 303
    clock.advance(minutes=9)
    # A thief has the address and the cookie, and a provider takes the code again.
    browser.cookies.clear()
    browser.cookies.update(cookies)
    refused = await come_back(browser, code, state)
    assert (refused.status_code, "Start again" in sound(refused.text).words) == (403, True)


async def test_a_refusal_by_the_provider_is_shown(
    browser: httpx.AsyncClient, provider: LocalProvider
) -> None:
    _, state = await leave(browser, provider)
    refused = await browser.get("/sign-in/oidc/back", params={"error": "access_denied", "state": state})
    assert "refused the sign-in" in sound(refused.text).words
    provider.claims |= {"nonce": "replayed"}
    refused = await come_back(browser, *await leave(browser, provider))
    assert (refused.status_code, "another sign-in" in sound(refused.text).words) == (403, True)
    provider.down = True
    code, state = await leave(browser, provider)
    away = await come_back(browser, code, state)
    assert (away.status_code, "To the sign-in page" in sound(away.text).words) == (502, True)


async def test_a_user_of_the_provider_has_no_password_or_second_factor_here(
    system: System, browser: httpx.AsyncClient, provider: LocalProvider
) -> None:
    await come_back(browser, *await leave(browser, provider))
    page = sound((await browser.get("/account")).text)
    assert "You sign in through your provider." in page.words
    assert "Change the password" not in page.words
    csrf = page.fields["csrf"]
    assert (await browser.get("/account/second-factor")).status_code == 409
    for path in ("/account/second-factor", "/account/password", "/account/second-factor/off"):
        refused = await browser.post(path, data={"csrf": csrf, "new": "x" * 12, "again": "x" * 12})
        assert (refused.status_code, "through a provider" in sound(refused.text).words) == (409, True), path


async def test_too_many_callbacks_are_refused_with_a_waiting_time(
    browser: httpx.AsyncClient, provider: LocalProvider
) -> None:
    for _ in range(10):
        assert (await come_back(browser, "code", "state")).status_code == 403
    refused = await come_back(browser, *await leave(browser, provider))
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert (
        "Wait 60 s, then try again" in sound(refused.text).words or "Wait 1 min" in sound(refused.text).words
    )


async def test_without_a_provider_the_routes_answer_404(client: httpx.AsyncClient) -> None:
    assert (await client.get("/sign-in/oidc")).status_code == 404
    assert (await client.get("/sign-in/oidc/back?code=x&state=y")).status_code == 403
