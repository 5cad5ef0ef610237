"""What is done to users: the first one, invitations, roles, passwords, the way out. Each in the caller's transaction,
and each written to the audit log."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Connection

from heartbeat import audit
from heartbeat.access import account, store, token
from heartbeat.access.account import User
from heartbeat.who import Role, Who

LINK_LASTS = timedelta(hours=24)
"""How long a one-time link can be used."""
BY_LINK = "one-time link"
"""How somebody has come in who has chosen a password by such a link."""


class Taken(Exception):
    """There is a user of this name already."""


class LinkGone(Exception):
    """A one-time link was used, has expired, or never was one."""

    def __init__(self) -> None:
        super().__init__(
            "This link was used already or has expired. Ask an admin for another one; where there are no users yet, "
            "heartbeat prints a new one at each start."
        )


def set_up_link(db: Connection, now: datetime) -> str | None:
    """The token of a link by which the first user is made; None where there are users already."""
    if store.has_users(db):
        return None
    return _link(db, None, now)


def link_is_for(db: Connection, given: str, now: datetime) -> User | None:
    """Whom a one-time link is for; None: for whoever makes the first user. Raises `LinkGone`."""
    found = store.link(db, token.hashed(given), now)
    if found is None or (found[0] is None and store.has_users(db)):
        raise LinkGone
    if found[0] is not None and not found[0].enabled:
        raise LinkGone
    return found[0]


def make_first(db: Connection, given: str, name: str, password_hash: str, now: datetime, remote: str) -> User:
    """The first user, an admin, by the link that was printed at the start. Raises `LinkGone`."""
    store.wait_for_turn(db)
    if link_is_for(db, given, now) is not None:
        raise LinkGone
    made = store.add_user(db, User(0, name, Role.ADMIN, now, "set-up", password_hash))
    store.end_links_of(db, None)
    who = Who(name, Role.ADMIN, BY_LINK, remote)
    audit.record(db, who, "user.make", f"user {name}", now, after=shown(made))
    return made


def invite(db: Connection, who: Who, name: str, role: Role, now: datetime) -> tuple[User, str]:
    """A new user, and the token of the link by which they choose their password. Raises `Taken`."""
    store.wait_for_turn(db)
    if store.user(db, name) is not None:
        raise Taken(f"There is a user {name} already: choose another name.")
    made = store.add_user(db, User(0, name, role, now, who.name))
    audit.record(db, who, "user.invite", f"user {name}", now, after=shown(made))
    return made, _link(db, made.id, now)


def accept(db: Connection, given: str, password_hash: str, now: datetime, remote: str) -> User:
    """Give the user of a one-time link their password; whatever sign-ins they had are over. Raises `LinkGone`."""
    store.wait_for_turn(db)
    user = link_is_for(db, given, now)
    if user is None:
        raise LinkGone
    who = Who(user.name, user.role, BY_LINK, remote)
    set_password(db, who, user, password_hash, now)
    return replace(user, password_hash=password_hash)


def set_password(db: Connection, who: Who, user: User, password_hash: str, now: datetime) -> None:
    """Give a user a new password. All their sign-ins end, and links that were made for them."""
    store.change_user(db, user.id, password_hash=password_hash)
    store.end_sessions_of(db, user.id)
    store.end_links_of(db, user.id)
    was, is_now = {**shown(user), **_proofs(user)}, shown(replace(user, password_hash=password_hash))
    after = {**is_now, **_proofs(user), "password": "a new one"}
    audit.record(db, who, "user.password", f"user {user.name}", now, before=was, after=after)


def reset(db: Connection, who: Who, name: str, now: datetime) -> tuple[User, str] | None:
    """Take a user's password and second factor away and give the token of a link to choose new ones with.

    None where there is no such user. Raises `LastAdmin`: a link that is lost must not be the only way in.
    """
    store.wait_for_turn(db)
    user = store.user(db, name)
    if user is None:
        return None
    account.refuse_to_lose_admins(user, replace(user, password_hash=None, subject=None), store.every_user(db))
    store.change_user(db, user.id, password_hash=None, code_secret=None)
    store.put_recovery_codes(db, user.id, [])
    store.end_sessions_of(db, user.id)
    after = replace(user, password_hash=None, code_secret=None)
    was, is_now = {**shown(user), **_proofs(user)}, {**shown(after), **_proofs(after)}
    audit.record(db, who, "user.reset", f"user {name}", now, before=was, after=is_now)
    return user, _link(db, user.id, now)


def change_role(db: Connection, who: Who, name: str, role: Role, now: datetime) -> User | None:
    """Let a user do more or less from now on; None where there is none. Raises `LastAdmin`."""
    return _change(db, who, name, "user.role", now, role=role)


def disable(db: Connection, who: Who, name: str, now: datetime) -> User | None:
    """Let a user in no more, and end their sign-ins; None where there is none. Raises `LastAdmin`."""
    return _change(db, who, name, "user.disable", now, disabled_at=now)


def enable(db: Connection, who: Who, name: str, now: datetime) -> User | None:
    """Let a disabled user in again; None where there is none."""
    return _change(db, who, name, "user.enable", now, disabled_at=None)


def shown(user: User) -> Mapping[str, Any]:
    """What the audit log says of a user."""
    return {"role": user.role.value, "state": user.state}


def _proofs(user: User) -> Mapping[str, Any]:
    return {
        "password": "set" if user.password_hash else "none",
        "second_factor": "on" if user.code_secret else "off",
    }


def _change(db: Connection, who: Who, name: str, action: str, now: datetime, **values: Any) -> User | None:
    store.wait_for_turn(db)
    before = store.user(db, name)
    if before is None:
        return None
    after = replace(before, **values)
    if shown(after) == shown(before):
        return before
    account.refuse_to_lose_admins(before, after, store.every_user(db))
    store.change_user(db, before.id, **values)
    store.end_sessions_of(db, before.id)
    if not after.enabled:
        store.end_links_of(db, before.id)
    audit.record(db, who, action, f"user {name}", now, before=shown(before), after=shown(after))
    return after


def _link(db: Connection, owner: int | None, now: datetime) -> str:
    made = token_urlsafe(token.BYTES)
    if owner is not None:
        store.end_links_of(db, owner)
    store.add_link(db, token.hashed(made), owner, now, now + LINK_LASTS)
    return made
