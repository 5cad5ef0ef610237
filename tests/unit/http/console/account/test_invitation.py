"""One-time links in a browser: the first user, and whoever was invited."""

from datetime import timedelta

import httpx
import pytest

from alerting import desk
from alerting.person import Person
from heartbeat.access import store, users
from heartbeat.actor import Role
from heartbeat.app import System
from tests.unit.access.conftest import PASSWORD, ROOT
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock
from tests.unit.http.console.conftest import see
from tests.unit.http.markup import sound


async def set_up(system: System) -> str:
    """The path of a link that makes the first user."""
    return f"/join/{await system.context.database.write(lambda db: users.set_up_link(db, NOW))}"


async def join(browser: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """The form of the page, filled in."""
    return await browser.post(path, data={"name": "anna", "password": PASSWORD, "again": PASSWORD} | fields)


async def test_the_link_creates_the_first_user_and_signs_them_in(
    system: System, stranger: httpx.AsyncClient
) -> None:
    path = await set_up(system)
    asked = await see(stranger, path)
    assert "Create the first user" in asked.words
    assert (await stranger.get(path)).headers["x-robots-tag"] == "noindex"

    done = await join(stranger, path)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert (await stranger.get("/")).status_code == 200
    (anna,) = await system.context.database.read(store.every_user)
    assert (anna.name, anna.role) == ("anna", Role.ADMIN)
    assert "already used" in (await see(stranger, path, 410)).words
    assert (await join(stranger, path, name="eve")).status_code == 410


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "A B"}, "name: must be 1 to 100"),
        ({"password": "short", "again": "short"}, "12 to 200 characters"),
        ({"again": "another password"}, "the two entries differ"),
        ({"name": "anna.adamson", "password": "Anna.Adamson", "again": "Anna.Adamson"}, "own name"),
    ],
)
async def test_an_unfit_password_or_name_leaves_the_link_usable(
    system: System, stranger: httpx.AsyncClient, fields: dict[str, str], words: str
) -> None:
    path = await set_up(system)
    wrong = await join(stranger, path, **fields)
    assert wrong.status_code == 422
    asked = sound(wrong.text)
    assert words in asked.words
    assert asked.fields["password"] == ""
    assert (await join(stranger, path)).status_code == 303


async def test_an_invited_user_chooses_only_a_password(
    system: System, stranger: httpx.AsyncClient, clock: SetClock
) -> None:
    invite = lambda db: users.invite(db, ROOT, "bob", Role.VIEWER, NOW)  # noqa: E731
    _, token = await system.context.database.write(invite)
    assert "You will sign in as bob, with the role viewer" in (await see(stranger, f"/join/{token}")).words
    assert (await join(stranger, f"/join/{token}", name="root")).status_code == 303
    (bob,) = await system.context.database.read(store.every_user)
    assert (bob.name, bob.state) == ("bob", "active")


async def test_the_audit_log_has_one_name_for_a_person_and_their_user(
    system: System, stranger: httpx.AsyncClient
) -> None:
    ben = Person("ben", "Ben", (), user="benjamin")
    await system.context.database.write(lambda db: desk.install(db, [ben], [], {}))
    invite = lambda db: users.invite(db, ROOT, "benjamin", Role.ADMIN, NOW)  # noqa: E731
    _, token = await system.context.database.write(invite)
    assert (await join(stranger, f"/join/{token}")).status_code == 303
    log = (await see(stranger, "/audit")).words
    assert "Ben changed the password of user benjamin" in log
    assert "Ben signed in as user benjamin" in log
    shown = await see(stranger, "/users/benjamin")
    assert "Pages and timelines call them Ben" in shown.words
    assert "/on-call/people/ben" in shown.links


async def test_a_link_expires(system: System, stranger: httpx.AsyncClient, clock: SetClock) -> None:
    path = await set_up(system)
    clock.advance(hours=24)
    assert "prints a new one each time it starts" in (await see(stranger, path, 410)).words


async def test_another_site_cannot_use_a_link(system: System, stranger: httpx.AsyncClient) -> None:
    path = await set_up(system)
    stranger.headers["sec-fetch-site"] = "cross-site"
    assert (await join(stranger, path)).status_code == 403
    assert await system.context.database.read(store.every_user) == []


async def test_the_link_lasts_a_day() -> None:
    assert timedelta(hours=24) == users.LINK_LASTS
