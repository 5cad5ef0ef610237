"""Users whom a provider has signed in: known by its subject, made at the first time, with the role that it gives."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from heartbeat import audit
from heartbeat.access import store
from heartbeat.access.account import User
from heartbeat.access.oidc import Claimed, Failed
from heartbeat.access.users import shown
from heartbeat.who import Who

BY = "OpenID Connect"


def welcome(db: Connection, claimed: Claimed, now: datetime, remote: str) -> User:
    """The user of this subject, made where there is none yet. Raises `oidc.Failed`.

    A user who was made here is never taken over by a provider that uses the same name.
    """
    store.wait_for_turn(db)
    who = Who(claimed.name, claimed.role, BY, remote)
    user = store.user_of_subject(db, claimed.subject)
    if user is None:
        if store.user(db, claimed.name) is not None:
            raise Failed(f"There is a user {claimed.name} here already, who is not yours: ask an admin.")
        user = store.add_user(db, User(0, claimed.name, claimed.role, now, BY, subject=claimed.subject))
        store.end_links_of(db, None)
        audit.record(db, who, "user.make", f"user {user.name}", now, after=shown(user))
        return user
    if not user.enabled:
        raise Failed("You are disabled here: ask an admin.")
    if user.role is not claimed.role:
        after = replace(user, role=claimed.role)
        store.change_user(db, user.id, role=claimed.role)
        store.end_sessions_of(db, user.id)
        audit.record(db, who, "user.role", f"user {user.name}", now, before=shown(user), after=shown(after))
        return after
    return user
