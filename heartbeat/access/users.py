"""Changes of users: the first one, invitations, roles, passwords, disabling. In the caller's transaction.

The audit log records each of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Connection

from heartbeat import audit
from heartbeat.access import account, store, token
from heartbeat.access.account import User
from heartbeat.actor import Actor, Role

LINK_LASTS = timedelta(hours=24)
"""The time for which a one-time link is valid."""
BY_LINK = "one-time link"
"""The way in of a user who chooses a password through such a link."""


class UserExists(Exception):
    """A user of this name already exists."""


class LinkGone(Exception):
    """A one-time link was used, has expired or never existed."""

    def __init__(self) -> None:
        super().__init__(
            "This link was already used or has expired. Ask an admin for a new one. If there are no users yet, "
            "heartbeat prints a new one each time it starts."
        )


def set_up_link(db: Connection, now: datetime) -> str | None:
    """Return the token of a link that makes the first user, or None if there are users."""
    if store.has_users(db):
        return None
    return _new_link(db, None, now)


def link_is_for(db: Connection, token_: str, now: datetime) -> User | None:
    """Return the user of a one-time link, or None if it makes the first user. Raises `LinkGone`."""
    link = store.link(db, token.hashed(token_), now)
    if link is None:
        raise LinkGone
    (user,) = link
    used_up = store.has_users(db) if user is None else not user.enabled
    if used_up:
        raise LinkGone
    return user


def make_first(
    db: Connection, token_: str, name: str, password_hash: str, now: datetime, remote: str
) -> User:
    """Make the first user, an admin, through the link that was printed at the start. Raises `LinkGone`."""
    store.wait_for_turn(db)
    if link_is_for(db, token_, now) is not None:
        raise LinkGone
    user = store.add_user(db, User(0, name, Role.ADMIN, now, "set-up", password_hash))
    store.end_links_of(db, None)
    actor = store.as_person(db, Actor(name, Role.ADMIN, BY_LINK, remote, user=name))
    audit.record(db, actor, "user.make", f"user {name}", now, after=audit_fields(user))
    return user


def invite(db: Connection, actor: Actor, name: str, role: Role, now: datetime) -> tuple[User, str]:
    """Make a user; return them and the token of the link for choosing a password. Raises `UserExists`."""
    store.wait_for_turn(db)
    if store.user(db, name) is not None:
        raise UserExists(f"A user named {name} already exists. Choose another name.")
    user = store.add_user(db, User(0, name, role, now, actor.account))
    audit.record(db, actor, "user.invite", f"user {name}", now, after=audit_fields(user))
    return user, _new_link(db, user.id, now)


def accept(db: Connection, token_: str, password_hash: str, now: datetime, remote: str) -> User:
    """Set the password of a one-time link's user, and end their sessions. Raises `LinkGone`."""
    store.wait_for_turn(db)
    user = link_is_for(db, token_, now)
    if user is None:
        raise LinkGone
    actor = store.as_person(db, Actor(user.name, user.role, BY_LINK, remote, user=user.name))
    set_password(db, actor, user, password_hash, now)
    return replace(user, password_hash=password_hash)


def set_password(db: Connection, actor: Actor, user: User, password_hash: str, now: datetime) -> None:
    """Set a user's password. All their sessions and one-time links end."""
    store.change_user(db, user.id, password_hash=password_hash)
    store.end_sessions_of(db, user.id)
    store.end_links_of(db, user.id)
    old = {**audit_fields(user), **_proofs(user)}
    new_fields = audit_fields(replace(user, password_hash=password_hash))
    new = {**new_fields, **_proofs(user), "password": "a new one"}
    audit.record(db, actor, "user.password", f"user {user.name}", now, before=old, after=new)


def reset(db: Connection, actor: Actor, name: str, now: datetime) -> tuple[User, str] | None:
    """Remove a user's password and second factor; return the user and the token of a link for choosing new ones.

    Return None if there is no such user. Raises `LastAdmin`: a link that can be lost must not be the only way in.
    """
    store.wait_for_turn(db)
    user = store.user(db, name)
    if user is None:
        return None
    account.refuse_to_lose_admins(user, replace(user, password_hash=None, subject=None), store.every_user(db))
    store.change_user(db, user.id, password_hash=None, code_secret=None, wrong_codes=0)
    store.put_recovery_codes(db, user.id, [])
    store.end_sessions_of(db, user.id)
    changed = replace(user, password_hash=None, code_secret=None)
    old, new = ({**audit_fields(state), **_proofs(state)} for state in (user, changed))
    audit.record(db, actor, "user.reset", f"user {name}", now, before=old, after=new)
    return user, _new_link(db, user.id, now)


def change_role(db: Connection, actor: Actor, name: str, role: Role, now: datetime) -> User | None:
    """Change what a user may do. Return None if there is no such user. Raises `LastAdmin`."""
    return _change(db, actor, name, "user.role", now, role=role)


def disable(db: Connection, actor: Actor, name: str, now: datetime) -> User | None:
    """Lock a user out and end their sessions. Return None if there is no such user. Raises `LastAdmin`."""
    return _change(db, actor, name, "user.disable", now, disabled_at=now)


def enable(db: Connection, actor: Actor, name: str, now: datetime) -> User | None:
    """Let a disabled user sign in again. Return None if there is no such user."""
    return _change(db, actor, name, "user.enable", now, disabled_at=None)


def audit_fields(user: User) -> Mapping[str, Any]:
    """Return the fields of a user that the audit log records."""
    return {"role": user.role.value, "state": user.state}


def _proofs(user: User) -> Mapping[str, Any]:
    return {
        "password": "set" if user.password_hash else "none",
        "second_factor": "on" if user.code_secret else "off",
    }


def _change(
    db: Connection, actor: Actor, name: str, action: str, now: datetime, **values: Any
) -> User | None:
    store.wait_for_turn(db)
    user = store.user(db, name)
    if user is None:
        return None
    changed = replace(user, **values)
    if audit_fields(changed) == audit_fields(user):
        return user
    account.refuse_to_lose_admins(user, changed, store.every_user(db))
    store.change_user(db, user.id, **values)
    store.end_sessions_of(db, user.id)
    if not changed.enabled:
        store.end_links_of(db, user.id)
    audit.record(
        db, actor, action, f"user {name}", now, before=audit_fields(user), after=audit_fields(changed)
    )
    return changed


def _new_link(db: Connection, owner: int | None, now: datetime) -> str:
    link_token = token_urlsafe(token.BYTES)
    if owner is not None:
        store.end_links_of(db, owner)
    store.add_link(db, token.hashed(link_token), owner, now, now + LINK_LASTS)
    return link_token
