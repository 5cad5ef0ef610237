"""The second factor in a browser: turned on, asked for, and turned off."""

import re
from collections.abc import AsyncIterator

import httpx
import pyotp
import pytest

from heartbeat.app import System
from tests.unit.access.conftest import PASSWORD, add
from tests.unit.http.conftest import ADMIN_KEY, SetClock, visitor
from tests.unit.http.console.conftest import BROWSER, press, see
from tests.unit.http.markup import sound


@pytest.fixture
async def anna(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of a user."""
    await system.context.database.write(add)
    async with visitor(system, **BROWSER) as made:
        await made.post("/sign-in", data={"name": "anna", "password": PASSWORD})
        yield made


async def turn_on(anna: httpx.AsyncClient, clock: SetClock) -> tuple[pyotp.TOTP, list[str]]:
    """Her phone, and her recovery codes."""
    asked = await see(anna, "/account/second-factor")
    found = re.search(r"by hand: ((?:[A-Z2-7]{4} ?)+)", asked.words)
    assert found
    phone = pyotp.TOTP(found[1].replace(" ", ""))
    assert phone.secret not in asked.fields["secret"]
    fields = {"secret": asked.fields["secret"], "code": phone.at(clock.now())}
    done = sound((await press(anna, "/account/second-factor", **fields)).text)
    codes = re.findall(r"[0-9a-f]{5}(?:-[0-9a-f]{5}){3}", done.words)
    assert len(codes) == 10
    clock.advance(seconds=30)
    return phone, codes


async def test_a_code_is_required_after_the_password(
    system: System, anna: httpx.AsyncClient, stranger: httpx.AsyncClient, clock: SetClock
) -> None:
    phone, codes = await turn_on(anna, clock)
    asked = sound((await stranger.post("/sign-in", data={"name": "anna", "password": PASSWORD})).text)
    assert "Enter your code" in asked.words
    assert (await stranger.get("/")).status_code == 303
    ticket = asked.fields["ticket"]
    wrong = await stranger.post("/sign-in", data={"ticket": ticket, "code": "000000"})
    assert (wrong.status_code, "Wait for the next one" in sound(wrong.text).words) == (403, True)
    code = phone.at(clock.now())
    done = await stranger.post("/sign-in", data={"ticket": ticket, "code": code, "next": "/checks"})
    assert (done.status_code, done.headers["location"]) == (303, "/checks")
    async with visitor(system, **BROWSER) as thief:
        assert (await thief.post("/sign-in", data={"ticket": ticket, "code": code})).status_code == 403
        assert (await thief.post("/sign-in", data={"ticket": ticket, "code": codes[0]})).status_code == 303
    assert "9 recovery codes are left" in (await see(anna, "/account")).words


async def test_a_ticket_expires_after_five_minutes(
    anna: httpx.AsyncClient, stranger: httpx.AsyncClient, clock: SetClock
) -> None:
    phone, _ = await turn_on(anna, clock)
    asked = sound((await stranger.post("/sign-in", data={"name": "anna", "password": PASSWORD})).text)
    clock.advance(minutes=5)
    late = {"ticket": asked.fields["ticket"], "code": phone.at(clock.now())}
    refused = await stranger.post("/sign-in", data=late)
    assert (refused.status_code, "took too long" in sound(refused.text).words) == (403, True)


async def test_codes_cannot_be_guessed_by_trying(
    system: System, anna: httpx.AsyncClient, clock: SetClock
) -> None:
    phone, _ = await turn_on(anna, clock)
    async with visitor(system, **BROWSER) as thief:
        asked = sound((await thief.post("/sign-in", data={"name": "anna", "password": PASSWORD})).text)
        for _ in range(9):
            clock.advance(seconds=7)
            await thief.post("/sign-in", data={"ticket": asked.fields["ticket"], "code": "000000"})
        clock.advance(seconds=7)
        refused = await thief.post(
            "/sign-in", data={"ticket": asked.fields["ticket"], "code": phone.at(clock.now())}
        )
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 100


async def test_only_the_password_exchanges_the_phone(anna: httpx.AsyncClient, clock: SetClock) -> None:
    old, _ = await turn_on(anna, clock)
    asked = await see(anna, "/account/second-factor")
    found = re.search(r"by hand: ((?:[A-Z2-7]{4} ?)+)", asked.words)
    assert found
    phone = pyotp.TOTP(found[1].replace(" ", ""))
    assert phone.secret != old.secret
    fields = {"secret": asked.fields["secret"], "code": phone.at(clock.now())}
    for password in ({}, {"password": "wrong"}):
        assert (await press(anna, "/account/second-factor", **fields, **password)).status_code == 403
    done = await press(anna, "/account/second-factor", **fields, password=PASSWORD)
    assert "Your second factor is on" in sound(done.text).words


async def test_the_password_turns_it_off(
    anna: httpx.AsyncClient, stranger: httpx.AsyncClient, clock: SetClock
) -> None:
    await turn_on(anna, clock)
    assert (await press(anna, "/account/second-factor/off", password="wrong")).status_code == 403
    assert (await press(anna, "/account/second-factor/off", password=PASSWORD)).status_code == 303
    done = await stranger.post("/sign-in", data={"name": "anna", "password": PASSWORD})
    assert done.status_code == 303


async def test_the_admin_key_resets_the_only_admin(
    system: System, anna: httpx.AsyncClient, stranger: httpx.AsyncClient, clock: SetClock
) -> None:
    await turn_on(anna, clock)
    async with visitor(system, **BROWSER) as root, visitor(system, **BROWSER) as second:
        await root.post("/sign-in", data={"key": ADMIN_KEY})
        refused = await press(root, "/users/anna/reset")
        assert "anna is the last admin: make somebody else an admin first." in sound(refused.text).words
        # As docs/access.md has it.
        for one, browser, path in (
            ("carl", second, "/users"),
            ("anna", stranger, "/users/anna/reset"),
        ):
            done = sound((await press(root, path, name="carl", role="admin")).text).words
            link = re.search(r"http://test(/join/[\w-]+)", done)
            assert link, one
            chosen = {"password": f"{PASSWORD} of {one}", "again": f"{PASSWORD} of {one}"}
            assert (await browser.post(link[1], data=chosen)).headers["location"] == "/"
        assert "Off. Turn it on" in (await see(stranger, "/account")).words


async def test_the_secret_of_another_user_is_refused(anna: httpx.AsyncClient, clock: SetClock) -> None:
    forged = await press(anna, "/account/second-factor", secret="v1:x:y", code="000000")
    assert forged.headers["location"] == "/account/second-factor"
    asked = await see(anna, "/account/second-factor")
    wrong = await press(anna, "/account/second-factor", secret=asked.fields["secret"], code="000000")
    assert wrong.status_code == 422
    assert "Off. Turn it on" in (await see(anna, "/account")).words
