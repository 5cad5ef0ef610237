"""API keys: their rights, their storage, and their revocation."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from heartbeat.access import api_key, api_keys, token, users
from heartbeat.access.account import Unfit
from heartbeat.access.api_key import Key, Scope
from heartbeat.access.api_keys import KeyExists
from heartbeat.actor import Actor, Role
from heartbeat.database import Database
from heartbeat.pings import keys as ping_keys
from tests.unit.access.conftest import ROOT, add, deeds
from tests.unit.conftest import NOW

READ, WRITE, PING = Scope.READ, Scope.WRITE, Scope.PING


async def make(database: Database, *scopes: Scope, name: str = "deploy", hours: int = 0) -> tuple[Key, str]:
    ends = NOW + timedelta(hours=hours) if hours else None
    role = Role.RESPONDER
    return await database.write(lambda db: api_keys.make(db, ROOT, name, scopes, role, ends, NOW))


async def test_a_key_is_found_by_its_hash_and_shown_by_its_prefix(database: Database) -> None:
    new_key, clear = await make(database, READ)
    assert clear.startswith("hb_")
    assert new_key.prefix == clear[:9]
    key = await database.read(lambda db: api_keys.valid_key(db, clear, NOW))
    assert key is not None
    assert (key.name, key.scopes, key.acts_as) == ("deploy", (READ,), Role.VIEWER)
    for other in (clear[:-1], "", token.hashed(clear), "hb_"):
        assert await database.read(lambda db: api_keys.valid_key(db, other, NOW)) is None  # noqa: B023  # asked at once
    (deed,) = await deeds(database)
    assert (deed.action, deed.target) == ("key.make", "key deploy")
    assert clear not in repr(deed)


@pytest.mark.parametrize(
    ("scopes", "reads", "role"),
    [
        ((READ,), True, Role.VIEWER),
        ((WRITE,), True, Role.RESPONDER),
        ((READ, WRITE), True, Role.RESPONDER),
        ((PING,), False, Role.VIEWER),
        ((READ, PING), True, Role.VIEWER),
    ],
)
def test_a_scope_decides_what_a_key_may_do(scopes: tuple[Scope, ...], reads: bool, role: Role) -> None:
    key = Key(1, "deploy", "hb_", scopes, Role.RESPONDER, NOW, "root")
    assert (key.reads, key.acts_as) == (reads, role)


async def test_a_key_expires_and_is_revoked(database: Database) -> None:
    _, clear = await make(database, READ, hours=1)
    times = (NOW + timedelta(minutes=59), NOW + timedelta(hours=1))
    keys = [await database.read(partial(api_keys.valid_key, text=clear, now=at)) for at in times]
    assert [key is not None for key in keys] == [True, False]
    assert await database.write(lambda db: api_keys.revoke(db, ROOT, "deploy", NOW)) is not None
    assert await database.write(lambda db: api_keys.revoke(db, ROOT, "deploy", NOW)) is None
    assert await database.read(lambda db: api_keys.valid_key(db, clear, NOW)) is None
    assert [deed.action for deed in await deeds(database)] == ["key.revoke", "key.make"]


async def test_a_key_has_no_higher_role_than_its_user_has_now(database: Database) -> None:
    scopes, now = (READ, WRITE, PING), NOW
    anna = Actor("anna", Role.ADMIN, "session", user="anna")
    user = await database.write(lambda db: add(db, "anna"))
    await database.write(lambda db: add(db, "other"))
    made = await database.write(lambda db: api_keys.make(db, anna, "hers", scopes, Role.ADMIN, None, now))
    # A key that her key makes is hers too, whatever name she has as a person.
    child = Actor("Anna Bach (key hers)", Role.ADMIN, "key hers", user=made[0].made_by)
    second = await database.write(lambda db: api_keys.make(db, child, "next", scopes, Role.ADMIN, None, now))

    async def roles() -> list[Role | None]:
        keys = [
            await database.read(partial(api_keys.valid_key, text=key, now=now)) for _, key in (made, second)
        ]
        return [key.acts_as if key else None for key in keys]

    assert await roles() == [Role.ADMIN, Role.ADMIN]
    for role in (Role.RESPONDER, Role.VIEWER):
        await database.write(partial(users.change_role, actor=ROOT, name="anna", role=role, now=now))
        assert await roles() == [role, role]
    await database.write(lambda db: users.disable(db, ROOT, user.name, now))
    assert await roles() == [None, None]
    # Jobs go on pinging: their checks would all look silent at once.
    hashed = token.hashed(made[1])
    assert await database.read(lambda db: ping_keys.names(db, {hashed})) == {hashed: "key:hers"}
    await database.write(lambda db: users.enable(db, ROOT, user.name, now))
    assert await roles() == [Role.VIEWER, Role.VIEWER]


async def test_a_key_for_pings_works_until_it_is_revoked(database: Database) -> None:
    _, clear = await make(database, PING)
    await make(database, READ, name="other")
    hashed = token.hashed(clear)
    assert await database.read(lambda db: ping_keys.names(db, {hashed})) == {hashed: "key:deploy"}
    await database.write(lambda db: api_keys.revoke(db, ROOT, "deploy", NOW))
    assert await database.read(lambda db: ping_keys.names(db, {hashed})) == {}


async def test_names_and_the_number_of_keys_are_limited(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(database, READ)
    with pytest.raises(KeyExists, match="key named deploy already"):
        await make(database, READ)
    monkeypatch.setattr(api_key, "MOST", 1)
    with pytest.raises(Unfit, match="no more than 1 keys"):
        await make(database, READ, name="other")


@pytest.mark.parametrize(
    ("scopes", "role", "hours", "problem"),
    [
        ((WRITE,), Role.VIEWER, 0, "role: a key that writes"),
        ((READ,), Role.ADMIN, -1, "ends_at: must be after now"),
        ((READ, PING), Role.ADMIN, 1, "a key for pings does not expire"),
    ],
)
def test_scopes_role_and_expiry_must_go_together(
    scopes: tuple[Scope, ...], role: Role, hours: int, problem: str
) -> None:
    ends = NOW + timedelta(hours=hours) if hours else None
    with pytest.raises(Unfit, match=problem):
        api_key.refuse_unfit(scopes, role, ends, NOW)


@pytest.mark.parametrize("name", ["", "A", "-a", "a b", "a" * 101, "a:b", "a\n"])
def test_an_invalid_key_name_is_refused(name: str) -> None:
    with pytest.raises(Unfit, match=r"^name: must be 1 to 100"):
        api_key.name(name)


@pytest.mark.parametrize("scopes", [[], ["root"], ["read", "root"]])
def test_unknown_scopes_are_refused(scopes: list[str]) -> None:
    with pytest.raises(Unfit, match=r"^scopes: must name at least one of read, write, ping"):
        api_key.scopes(scopes)
    assert api_key.scopes(["ping", "read", "read"]) == (READ, PING)


def test_the_use_of_a_key_is_recorded_once_a_minute() -> None:
    key = Key(1, "deploy", "hb_", (READ,), Role.VIEWER, NOW, "root")
    assert api_key.wants_touch(key, NOW)
    used = replace(key, last_used_at=NOW)
    assert not api_key.wants_touch(used, NOW + timedelta(seconds=59))
    assert api_key.wants_touch(used, NOW + timedelta(minutes=1))
