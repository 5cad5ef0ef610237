"""Users who sign in through a provider: made at their first sign-in, recognized by its subject, with its role."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from heartbeat import audit
from heartbeat.access import store
from heartbeat.access.account import User
from heartbeat.access.oidc import Identity, SignInFailed
from heartbeat.access.users import audit_fields
from heartbeat.actor import Actor

BY = "OpenID Connect"


def welcome(db: Connection, identity: Identity, now: datetime, remote: str) -> User:
    """Return the user of this subject, and make one at the first sign-in. Raises `oidc.SignInFailed`.

    A provider never takes over a local user who has the same name.
    """
    store.wait_for_turn(db)
    user = store.user_of_subject(db, identity.subject)
    name = user.name if user else identity.name
    actor = store.as_person(db, Actor(name, identity.role, BY, remote, user=name))
    if user is None:
        if not identity.name:
            raise SignInFailed("The provider gives no name that a user can have here.")
        if store.user(db, identity.name) is not None:
            raise SignInFailed(f"Another user is already named {identity.name}. Ask an admin.")
        user = store.add_user(db, User(0, identity.name, identity.role, now, BY, subject=identity.subject))
        store.end_links_of(db, None)
        audit.record(db, actor, "user.make", f"user {user.name}", now, after=audit_fields(user))
        return user
    if not user.enabled:
        raise SignInFailed("Your account is disabled. Ask an admin.")
    if user.role is not identity.role:
        changed = replace(user, role=identity.role)
        store.change_user(db, user.id, role=identity.role)
        store.end_sessions_of(db, user.id)
        old, new = audit_fields(user), audit_fields(changed)
        audit.record(db, actor, "user.role", f"user {user.name}", now, before=old, after=new)
        return changed
    return user
