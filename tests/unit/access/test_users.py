"""Users: the first one, invitations, resets, roles, and the last admin."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection

from heartbeat.access import sign_in, store, users
from heartbeat.access.account import LastAdmin, User
from heartbeat.access.session import Limits
from heartbeat.access.users import LinkGone, UserExists
from heartbeat.actor import Role
from heartbeat.database import Database
from tests.unit.access.conftest import HERE, ROOT, add, deeds
from tests.unit.conftest import NOW

LIMITS = Limits(idle=timedelta(hours=12), longest=timedelta(days=7))
LATER = NOW + users.LINK_LASTS


async def begin(database: Database, user: User) -> str:
    return await database.write(lambda db: sign_in.begin(db, user, "password", HERE, NOW, LIMITS))


async def is_in(database: Database, token: str) -> bool:
    return await database.read(lambda db: sign_in.valid_session(db, token, NOW, LIMITS, "")) is not None


async def test_the_first_user_is_made_once_through_the_link_of_any_start(database: Database) -> None:
    first, second = [await database.write(lambda db: users.set_up_link(db, NOW)) for _ in range(2)]
    assert first
    assert second
    for token in (first, second):
        assert await database.read(partial(users.link_is_for, token_=token, now=NOW)) is None
    user = await database.write(lambda db: users.make_first(db, first, "anna", "hash", NOW, "192.0.2.1"))
    assert (user.role, user.state) == (Role.ADMIN, "active")
    for token in (first, second):
        with pytest.raises(LinkGone, match="already used or has expired"):
            await database.write(
                partial(users.make_first, token_=token, name="eve", password_hash="hash", now=NOW, remote="")
            )
    assert await database.write(lambda db: users.set_up_link(db, NOW)) is None
    (deed,) = await deeds(database)
    assert (deed.actor, deed.action, deed.via, deed.remote) == (
        "anna",
        "user.make",
        "one-time link",
        "192.0.2.1",
    )


async def test_two_who_open_the_link_at_once_make_one_user(database: Database) -> None:
    token = await database.write(lambda db: users.set_up_link(db, NOW))
    tried = [
        database.write(
            partial(users.make_first, token_=str(token), name=name, password_hash="hash", now=NOW, remote="")
        )
        for name in ("anna", "eve", "mallory")
    ]
    outcomes = await asyncio.gather(*tried, return_exceptions=True)
    assert sum(isinstance(outcome, User) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, LinkGone) for outcome in outcomes) == 2


async def test_a_link_expires_and_cannot_be_guessed(database: Database) -> None:
    token = str(await database.write(lambda db: users.set_up_link(db, NOW)))
    for guess, at in ((token, LATER), (token[:-1], NOW), ("", NOW), ("\ud800", NOW)):
        with pytest.raises(LinkGone):
            await database.read(partial(users.link_is_for, token_=guess, now=at))


async def test_an_invitation_is_accepted_once(database: Database) -> None:
    invited, token = await database.write(lambda db: users.invite(db, ROOT, "bob", Role.RESPONDER, NOW))
    assert invited.state == "invited"
    with pytest.raises(UserExists, match="user named bob already"):
        await database.write(lambda db: users.invite(db, ROOT, "bob", Role.ADMIN, NOW))
    bob = await database.write(lambda db: users.accept(db, token, "hash", NOW, ""))
    assert (bob.role, bob.state) == (Role.RESPONDER, "active")
    with pytest.raises(LinkGone):
        await database.write(lambda db: users.accept(db, token, "other", NOW, ""))
    assert [deed.action for deed in await deeds(database)] == ["user.password", "user.invite"]
    assert "hash" not in repr(await deeds(database))


async def test_the_link_of_a_disabled_user_is_invalid(database: Database) -> None:
    _, token = await database.write(lambda db: users.invite(db, ROOT, "bob", Role.RESPONDER, NOW))
    await database.write(lambda db: users.disable(db, ROOT, "bob", NOW))
    with pytest.raises(LinkGone):
        await database.write(lambda db: users.accept(db, token, "hash", NOW, ""))
    await database.write(lambda db: users.enable(db, ROOT, "bob", NOW))
    with pytest.raises(LinkGone):
        await database.write(lambda db: users.accept(db, token, "hash", NOW, ""))


DEEDS: dict[str, Callable[[Connection, User], object]] = {
    "user.password": lambda db, bob: users.set_password(db, ROOT, bob, "new", NOW),
    "user.role": lambda db, bob: users.change_role(db, ROOT, "bob", Role.VIEWER, NOW),
    "user.disable": lambda db, bob: users.disable(db, ROOT, "bob", NOW),
    "user.reset": lambda db, bob: users.reset(db, ROOT, "bob", NOW),
}


@pytest.mark.parametrize("action", DEEDS)
async def test_a_change_of_a_user_ends_only_their_own_sessions(database: Database, action: str) -> None:
    anna, bob = await database.write(lambda db: (add(db), add(db, "bob", Role.RESPONDER)))
    hers, his = await begin(database, anna), await begin(database, bob)
    await database.write(lambda db: DEEDS[action](db, bob))
    assert await is_in(database, hers)
    assert not await is_in(database, his)
    newest = (await deeds(database))[0]
    assert (newest.actor, newest.action, newest.target) == ("root", action, "user bob")


async def test_a_change_without_effect_is_not_recorded(database: Database) -> None:
    await database.write(add)
    await database.write(lambda db: users.change_role(db, ROOT, "anna", Role.ADMIN, NOW))
    await database.write(lambda db: users.enable(db, ROOT, "anna", NOW))
    assert await deeds(database) == []
    works: list[Callable[..., object]] = [users.disable, users.enable, users.reset]
    for work in works:
        assert await database.write(partial(work, actor=ROOT, name="nobody", now=NOW)) is None


async def test_the_last_admin_cannot_be_removed(database: Database) -> None:
    await database.write(lambda db: (add(db), add(db, "bob", Role.RESPONDER)))
    works: list[Callable[[Connection], object]] = [
        lambda db: users.change_role(db, ROOT, "anna", Role.VIEWER, NOW),
        lambda db: users.disable(db, ROOT, "anna", NOW),
        lambda db: users.reset(db, ROOT, "anna", NOW),
    ]
    for work in works:
        with pytest.raises(LastAdmin):
            await database.write(work)
    await database.write(lambda db: users.change_role(db, ROOT, "bob", Role.ADMIN, NOW))
    assert await database.write(lambda db: users.disable(db, ROOT, "anna", NOW)) is not None


async def test_two_admins_cannot_disable_each_other_at_once(database: Database) -> None:
    await database.write(lambda db: (add(db), add(db, "bob")))
    outcomes = await asyncio.gather(
        *(database.write(partial(users.disable, actor=ROOT, name=name, now=NOW)) for name in ("anna", "bob")),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, LastAdmin) for outcome in outcomes) == 1
    left = await database.read(store.every_user)
    assert [outcome.enabled for outcome in left].count(True) == 1
