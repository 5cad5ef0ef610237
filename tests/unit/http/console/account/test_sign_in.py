"""Signing in by name and password in a browser."""

from dataclasses import replace

import httpx
import pytest

from heartbeat import audit
from heartbeat.access import hasher, users
from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.http import app as http_app
from heartbeat.settings import Settings
from tests.unit.access.conftest import PASSWORD, ROOT, add
from tests.unit.conftest import NOW
from tests.unit.http.conftest import ADMIN_KEY, SetClock, make_check, visitor
from tests.unit.http.console.conftest import press, see
from tests.unit.http.markup import sound


@pytest.fixture
async def anna(system: System) -> str:
    """A user who is an admin."""
    return (await system.context.database.write(add)).name


async def sign_in(browser: httpx.AsyncClient, name: str = "anna", password: str = PASSWORD) -> httpx.Response:
    return await browser.post("/sign-in", data={"name": name, "password": password})


async def test_a_user_signs_in_and_acts_under_their_name(
    system: System, stranger: httpx.AsyncClient, anna: str
) -> None:
    await make_check(system)
    assert "Password" in (await see(stranger, "/sign-in")).words
    assert (await sign_in(stranger)).status_code == 303
    await press(stranger, "/checks/job/pause")
    newest = (await system.context.database.read(lambda db: audit.listed(db, limit=1)))[0]
    assert (newest.actor, newest.via, newest.action) == ("anna", "session", "check.pause")


async def test_a_wrong_password_and_an_unknown_name_look_the_same(
    stranger: httpx.AsyncClient, anna: str
) -> None:
    wrong, unknown = [await sign_in(stranger, name, "wrong") for name in ("anna", "eve!")]
    assert (wrong.status_code, unknown.status_code) == (403, 403)
    assert "The name or the password is wrong." in sound(wrong.text).words
    assert wrong.text.replace("anna", "X") == unknown.text.replace("eve!", "X")


async def test_too_many_attempts_are_refused_with_a_waiting_time(
    stranger: httpx.AsyncClient, anna: str
) -> None:
    for _ in range(10):
        assert (await sign_in(stranger, password="wrong")).status_code == 403
    refused = await sign_in(stranger)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")


async def test_a_viewer_can_look_but_not_change(
    system: System, stranger: httpx.AsyncClient, anna: str
) -> None:
    await make_check(system)
    await system.context.database.write(lambda db: add(db, "vera", Role.VIEWER))
    await sign_in(stranger, "vera")
    assert (await stranger.get("/")).status_code == 200
    refused = await press(stranger, "/checks/job/pause")
    assert refused.status_code == 403
    assert "vera has the role viewer" in sound(refused.text).words


async def test_a_new_role_applies_at_once(system: System, stranger: httpx.AsyncClient, anna: str) -> None:
    await system.context.database.write(lambda db: add(db, "bob", Role.ADMIN))
    await sign_in(stranger, "bob")
    await system.context.database.write(lambda db: users.change_role(db, ROOT, "bob", Role.VIEWER, NOW))
    assert (await stranger.get("/")).status_code == 303


async def test_a_form_of_another_site_signs_nobody_in(stranger: httpx.AsyncClient, anna: str) -> None:
    stranger.headers["sec-fetch-site"] = "cross-site"
    assert (await sign_in(stranger)).status_code == 403
    assert "heartbeat" not in stranger.cookies


async def test_the_admin_key_still_opens_the_console_quietly(stranger: httpx.AsyncClient, anna: str) -> None:
    assert "Sign in with the admin key" in (await see(stranger, "/sign-in")).words
    assert (await stranger.post("/sign-in", data={"key": ADMIN_KEY})).status_code == 303


async def test_the_admin_key_can_be_kept_from_the_console(
    settings: Settings, system: System, clock: SetClock
) -> None:
    context = replace(system.context, ways=replace(system.context.ways, admin_key=False))
    transport = httpx.ASGITransport(app=http_app.build(context))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
        assert "Admin key" in sound((await browser.get("/sign-in")).text).words
        await system.context.database.write(add)
        assert "Admin key" not in sound((await browser.get("/sign-in")).text).words
        refused = await browser.post("/sign-in", data={"key": ADMIN_KEY})
        assert refused.status_code == 403
        assert "no longer opens the console" in sound(refused.text).words
    async with visitor(system, Authorization=f"Bearer {ADMIN_KEY}") as program:
        assert (await program.get("/v1/checks")).status_code == 200


async def test_a_sign_in_while_too_many_others_sign_in_is_told_to_wait(
    stranger: httpx.AsyncClient, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hasher, "AT_ONCE", -hasher.IN_LINE)
    refused = await sign_in(stranger, anna)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert "Too many people are signing in" in sound(refused.text).words


@pytest.mark.parametrize(("public_url", "told"), [("http://test", False), ("https://test", True)])
async def test_browsers_are_told_to_use_https_where_the_public_url_does(
    system: System, public_url: str, told: bool
) -> None:
    web = http_app.build(replace(system.context, public_url=public_url))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=web), base_url="http://test") as browser:
        for path in ("/sign-in", "/nothing", "/v1/checks"):
            answer = await browser.get(path)
            assert ("strict-transport-security" in answer.headers) is told, path
