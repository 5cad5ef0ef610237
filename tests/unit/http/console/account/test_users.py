"""The account, users, keys and the audit log on the console."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from heartbeat.access import store
from heartbeat.actor import Role
from heartbeat.app import System
from tests.unit.access.conftest import PASSWORD, add
from tests.unit.http.conftest import visitor
from tests.unit.http.console.conftest import BROWSER, press, see
from tests.unit.http.markup import sound

NEW = "another horse battery"


@pytest.fixture
async def anna(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of an admin."""
    await system.context.database.write(add)
    async with visitor(system, **BROWSER) as made:
        await made.post("/sign-in", data={"name": "anna", "password": PASSWORD})
        yield made


@asynccontextmanager
async def second_browser(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Another browser of hers."""
    async with visitor(system, **BROWSER, **{"user-agent": "a phone"}) as made:
        await made.post("/sign-in", data={"name": "anna", "password": PASSWORD})
        yield made


async def test_a_new_password_ends_all_other_sign_ins(system: System, anna: httpx.AsyncClient) -> None:
    async with second_browser(system) as phone:
        before = anna.cookies["heartbeat"]
        done = await press(anna, "/account/password", password=PASSWORD, new=NEW, again=NEW)
        assert done.headers["location"] == "/account"
        assert anna.cookies["heartbeat"] != before
        assert (await phone.get("/")).status_code == 303
        assert (await anna.get("/")).status_code == 200
        assert (await phone.post("/sign-in", data={"name": "anna", "password": PASSWORD})).status_code == 403
        assert (await phone.post("/sign-in", data={"name": "anna", "password": NEW})).status_code == 303


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"password": "wrong"}, 403, "this is not your current password"),
        ({"new": "short", "again": "short"}, 422, "12 to 200"),
        ({"again": "different"}, 422, "the two entries differ"),
    ],
)
async def test_a_password_change_needs_the_current_password_and_two_equal_entries(
    anna: httpx.AsyncClient, fields: dict[str, str], status: int, words: str
) -> None:
    refused = await press(
        anna, "/account/password", **{"password": PASSWORD, "new": NEW, "again": NEW} | fields
    )
    assert (refused.status_code, words in sound(refused.text).words) == (status, True)


async def test_sign_ins_are_listed_and_ended(system: System, anna: httpx.AsyncClient) -> None:
    async with second_browser(system) as phone, second_browser(system) as third:
        shown = await see(anna, "/account")
        assert "a phone" in shown.words
        ends = [path for path in shown.forms if path.startswith("/account/sign-ins/") and path[18].isdigit()]
        assert len(ends) == 2
        await press(anna, ends[0])
        assert sorted([(await one.get("/")).status_code for one in (phone, third)]) == [200, 303]
        await press(anna, "/account/sign-ins/end")
        assert [(await one.get("/")).status_code for one in (anna, phone, third)] == [200, 303, 303]


async def test_nobody_ends_the_sign_in_of_another(system: System, anna: httpx.AsyncClient) -> None:
    await system.context.database.write(lambda db: add(db, "bob", Role.VIEWER))
    async with visitor(system, **BROWSER) as bob:
        await bob.post("/sign-in", data={"name": "bob", "password": PASSWORD})
        hers = await system.context.database.read(lambda db: store.user(db, "anna"))
        assert hers is not None
        (one,) = await system.context.database.read(lambda db: store.sessions_of(db, hers))
        assert (await press(bob, f"/account/sign-ins/{one.id}/end")).status_code == 303
        await press(bob, "/account/sign-ins/end")
        assert (await anna.get("/")).status_code == 200


async def test_the_holder_of_the_admin_key_has_no_password(browser: httpx.AsyncClient) -> None:
    assert "no password to change" in (await see(browser, "/account")).words
    refused = await press(browser, "/account/password", password="x", new=NEW, again=NEW)
    assert refused.status_code == 409


async def test_a_user_is_invited_and_joins(system: System, anna: httpx.AsyncClient) -> None:
    done = sound((await press(anna, "/users", name="bob", role="viewer")).text)
    link = next(word for word in done.words.split() if "/join/" in word)
    async with visitor(system, **BROWSER) as bob:
        await bob.post(link.removeprefix("http://test"), data={"password": NEW, "again": NEW})
        assert (await bob.get("/")).status_code == 200
        assert (await bob.get("/users")).status_code == 403
        assert "Users" not in (await see(bob, "/account")).words
    shown = await see(anna, "/users")
    assert "bob viewer active" in shown.words
    assert link not in shown.words


async def test_an_unfit_invitation_is_refused(anna: httpx.AsyncClient) -> None:
    for fields, status, words in (
        ({"name": "A B", "role": "viewer"}, 422, "name: must be"),
        ({"name": "bob", "role": "root"}, 422, "role: must be"),
        ({"name": "anna", "role": "viewer"}, 409, "user named anna already"),
    ):
        refused = await press(anna, "/users", **fields)
        assert (refused.status_code, words in sound(refused.text).words) == (status, True)


async def test_changes_of_a_user_ask_first(system: System, anna: httpx.AsyncClient) -> None:
    await system.context.database.write(lambda db: add(db, "bob", Role.VIEWER))
    assert "Disable bob?" in (await see(anna, "/users/bob/disable")).words
    await press(anna, "/users/bob/disable")
    assert "Viewer, disabled." in (await see(anna, "/users/bob")).words
    await press(anna, "/users/bob/enable")
    await press(anna, "/users/bob/role", role="responder")
    assert "Responder, active." in (await see(anna, "/users/bob")).words
    assert "second factor are removed" in (await see(anna, "/users/bob/reset")).words
    assert "/join/" in sound((await press(anna, "/users/bob/reset")).text).words
    found = await system.context.database.read(lambda db: store.user(db, "bob"))
    assert found is not None
    assert found.state == "invited"
    for path in ("/users/nobody", "/users/nobody/disable", "/users/nobody/reset"):
        assert (await anna.get(path)).status_code == 404


async def test_the_last_admin_stays(anna: httpx.AsyncClient) -> None:
    for path, fields in (("disable", {}), ("reset", {}), ("role", {"role": "viewer"})):
        refused = await press(anna, f"/users/anna/{path}", **fields)
        assert (refused.status_code, "the last admin" in sound(refused.text).words) == (409, True)


async def test_a_key_is_created_shown_once_and_revoked(system: System, anna: httpx.AsyncClient) -> None:
    done = sound(
        (await press(anna, "/keys", name="deploy", scope=["read", "write"], role="admin", days="30")).text
    )
    key = next(word for word in done.words.split() if word.startswith("hb_"))
    async with visitor(system, **{"X-Api-Key": key}) as program:
        assert (await program.get("/v1/users")).status_code == 200
        shown = await see(anna, "/keys")
        assert key not in shown.words
        assert f"{key[:9]}… read, write as admin" in shown.words
        assert "Revoke the key deploy?" in (await see(anna, "/keys/deploy/revoke")).words
        await press(anna, "/keys/deploy/revoke")
        assert (await program.get("/v1/users")).status_code == 401
    assert (await press(anna, "/keys/deploy/revoke")).status_code == 404


async def test_an_unfit_key_is_refused(anna: httpx.AsyncClient) -> None:
    await press(anna, "/keys", name="deploy", scope="read")
    for fields, status, words in (
        ({"name": "deploy", "scope": "read"}, 409, "key named deploy already"),
        ({"name": "a", "scope": []}, 422, "scopes: must name"),
        ({"name": "a", "scope": "ping", "days": "30"}, 422, "does not expire"),
    ):
        refused = await press(anna, "/keys", **fields)
        assert (refused.status_code, words in sound(refused.text).words) == (status, True)
        assert refused.text.count(" checked>") == bool(fields["scope"]), (
            "it keeps the scope that was ticked, and no other"
        )
        assert f'value="{fields["name"]}"' in refused.text


async def test_the_audit_log_shows_actors_and_changes(system: System, anna: httpx.AsyncClient) -> None:
    await press(anna, "/users", name="bob", role="viewer")
    shown = await see(anna, "/audit")
    assert "anna invited user bob by session" in shown.words
    assert "role viewer" in shown.words
    narrowed = await see(anna, "/audit?target=user%20bob")
    assert "signed in" not in narrowed.words
    assert "No changes of it." in (await see(anna, "/audit?target=nothing")).words
    assert "No older changes." in (await see(anna, "/audit?before=1")).words
    for odd in ("x", "9" * 30, "-1", "%00"):
        assert (await anna.get(f"/audit?before={odd}&target={odd}")).status_code == 200
