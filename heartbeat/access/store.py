"""The SQL of users, sessions, attempts and one-time links: plain functions over a connection."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text, update

from alerting import desk
from alerting.sql import insert_many
from heartbeat.access.account import User
from heartbeat.access.session import Limits, Session
from heartbeat.access.tables import one_time_links, recovery_codes, sessions, sign_in_tries, users
from heartbeat.access.tries import ACCOUNT_TRIES_PER, TryWindow
from heartbeat.actor import Actor, Role

SET_UP_LINKS = 20
"""The largest number of links that can make the first user: each process makes one at each start."""

STEPS_AHEAD = 10
"""Time steps of codes by which the last used one may be ahead of a new one."""

_SESSION = [sessions.c[name] for name in ("id", "how", "remote", "agent", "made_at", "seen_at", "proof")]


def wait_for_turn(db: Connection) -> None:
    """Keep others from changing users until the transaction ends. SQLite has one writer anyway."""
    if db.dialect.name == "postgresql":
        db.execute(text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))


def has_users(db: Connection) -> bool:
    """Return True if there is any user, disabled ones included."""
    return db.execute(select(users.c.id).limit(1)).first() is not None


def every_user(db: Connection) -> list[User]:
    """Return all users, ordered by name."""
    return [_user(row) for row in db.execute(select(users).order_by(users.c.name)).mappings()]


def user(db: Connection, name: str) -> User | None:
    return _user_where(db, users.c.name == name)


def user_of_subject(db: Connection, subject: str) -> User | None:
    """Return the user with this identifier at the identity provider."""
    return _user_where(db, users.c.subject == subject)


def user_by_id(db: Connection, number: int) -> User | None:
    return _user_where(db, users.c.id == number)


def add_user(db: Connection, new: User) -> User:
    """Add a user and return them with their number."""
    values = asdict(new) | {"role": new.role.value}
    del values["id"]
    number = db.execute(insert(users).values(**values).returning(users.c.id)).scalar_one()
    return _user({**asdict(new), "id": number})


def change_user(db: Connection, number: int, **values: Any) -> None:
    """Set columns of a user."""
    if "role" in values:
        values["role"] = Role(values["role"]).value
    db.execute(update(users).where(users.c.id == number).values(**values))


def take_step(db: Connection, number: int, step: int) -> bool:
    """Record the code of this time step as used. Return False if it, or a later one, already was.

    A step far in the future was used while the clock was ahead, and does not count.
    """
    newer = (users.c.id == number) & ((users.c.code_step < step) | (users.c.code_step > step + STEPS_AHEAD))
    return bool(db.execute(update(users).where(newer).values(code_step=step)).rowcount)


def count_wrong_code(db: Connection, number: int, *, reset: bool) -> None:
    """Count a wrong code of the second factor, or with `reset` start again from zero."""
    wrong = 0 if reset else users.c.wrong_codes + 1
    db.execute(update(users).where(users.c.id == number).values(wrong_codes=wrong))


def use_up(db: Connection, hash_: str, until: datetime) -> bool:
    """Return True the first time that this is called for the hash, at all replicas together. Keep it until `until`."""
    # Its window begins when it is worthless anyway, and is deleted later like all others.
    clause = "ON CONFLICT (hash) DO UPDATE SET count = sign_in_tries.count + 1"
    insert_many(db, sign_in_tries, [{"hash": hash_, "began_at": until, "count": 1}], on_conflict=clause)
    window = tries(db, hash_)
    return window is not None and window.count == 1


def add_session(db: Connection, hash_: str, new: Session, limits: Limits) -> None:
    """Add a session, and delete those that have expired."""
    expired = (sessions.c.made_at <= new.made_at - limits.longest) | (
        sessions.c.seen_at <= new.made_at - limits.idle
    )
    db.execute(delete(sessions).where(expired))
    owner = new.user.id if new.user else None
    values = {name: getattr(new, name) for name in ("how", "remote", "agent", "made_at", "seen_at", "proof")}
    db.execute(insert(sessions).values(hash=hash_, user_id=owner, **values))


def session(db: Connection, hash_: str) -> Session | None:
    """Return the session whose token has this hash, with the present state of its user."""
    columns = [*(column.label(f"session_{column.name}") for column in _SESSION), *users.c]
    joined = sessions.outerjoin(users, sessions.c.user_id == users.c.id)
    row = db.execute(select(*columns).select_from(joined).where(sessions.c.hash == hash_)).mappings().first()
    if row is None:
        return None
    owner = None if row["session_proof"] is not None else _user({name: row[name] for name in users.c.keys()})  # noqa: SIM118
    return Session(user=owner, **{column.name: row[f"session_{column.name}"] for column in _SESSION})


def sessions_of(db: Connection, owner: User) -> list[Session]:
    """Return a user's sessions, newest first, expired ones included."""
    query = select(*_SESSION).where(sessions.c.user_id == owner.id).order_by(sessions.c.made_at.desc())
    return [Session(user=owner, **row) for row in db.execute(query).mappings()]


def touch_session(db: Connection, number: int, now: datetime) -> None:
    """Record that a session was used. The time only moves forward."""
    db.execute(
        update(sessions).where((sessions.c.id == number) & (sessions.c.seen_at < now)).values(seen_at=now)
    )


def end_session(db: Connection, hash_: str) -> bool:
    """End the session whose token has this hash. Return False if there was none."""
    return bool(db.execute(delete(sessions).where(sessions.c.hash == hash_)).rowcount)


def end_session_of(db: Connection, owner: int, number: int) -> bool:
    """End one session of a user. Return False if there was none."""
    theirs = (sessions.c.user_id == owner) & (sessions.c.id == number)
    return bool(db.execute(delete(sessions).where(theirs)).rowcount)


def end_sessions_of(db: Connection, owner: int, except_for: int | None = None) -> int:
    """End all sessions of a user, except for one if it is given. Return how many there were."""
    theirs = sessions.c.user_id == owner
    if except_for is not None:
        theirs &= sessions.c.id != except_for
    return db.execute(delete(sessions).where(theirs)).rowcount


def tries(db: Connection, hash_: str) -> TryWindow | None:
    """Return the attempts for the name of this hash. The window may have ended."""
    query = select(sign_in_tries.c.began_at, sign_in_tries.c.count).where(sign_in_tries.c.hash == hash_)
    row = db.execute(query).mappings().first()
    return TryWindow(**row) if row else None


def count_try(db: Connection, hash_: str, now: datetime) -> TryWindow:
    """Count an attempt, safely beside others at the same moment, and delete windows that have ended."""
    db.execute(delete(sign_in_tries).where(sign_in_tries.c.began_at <= now - ACCOUNT_TRIES_PER))
    first = {"hash": hash_, "began_at": now, "count": 1}
    clause = "ON CONFLICT (hash) DO UPDATE SET count = sign_in_tries.count + 1"
    insert_many(db, sign_in_tries, [first], on_conflict=clause)
    return tries(db, hash_) or TryWindow(now, 1)


def forget_tries(db: Connection, hash_: str) -> None:
    db.execute(delete(sign_in_tries).where(sign_in_tries.c.hash == hash_))


def add_link(db: Connection, hash_: str, owner: int | None, now: datetime, ends_at: datetime) -> None:
    """Add a one-time link. Delete those that have expired, and all but the newest of those for the first user."""
    db.execute(delete(one_time_links).where(one_time_links.c.ends_at <= now))
    db.execute(insert(one_time_links).values(hash=hash_, user_id=owner, made_at=now, ends_at=ends_at))
    newest = select(one_time_links.c.hash).where(one_time_links.c.user_id.is_(None))
    newest_hashes = newest.order_by(one_time_links.c.made_at.desc()).limit(SET_UP_LINKS)
    older = one_time_links.c.user_id.is_(None) & one_time_links.c.hash.not_in(newest_hashes)
    db.execute(delete(one_time_links).where(older))


def link(db: Connection, hash_: str, now: datetime) -> tuple[User | None] | None:
    """Return the user of a one-time link (None for the first user to be), or None if there is no such link."""
    valid = (one_time_links.c.hash == hash_) & (one_time_links.c.ends_at > now)
    row = db.execute(select(one_time_links.c.user_id).where(valid)).first()
    if row is None:
        return None
    return (None,) if row.user_id is None else (user_by_id(db, row.user_id),)


def end_links_of(db: Connection, owner: int | None) -> None:
    """Delete the one-time links of a user, or those that make the first user."""
    user_id = one_time_links.c.user_id
    db.execute(delete(one_time_links).where(user_id.is_(None) if owner is None else user_id == owner))


def put_recovery_codes(db: Connection, owner: int, hashes: list[str]) -> None:
    """Replace the recovery codes of a user."""
    db.execute(delete(recovery_codes).where(recovery_codes.c.user_id == owner))
    if hashes:
        db.execute(insert(recovery_codes), [{"user_id": owner, "hash": hash_} for hash_ in hashes])


def take_recovery_code(db: Connection, owner: int, hash_: str) -> bool:
    """Use a recovery code up. Return False if there is no such code."""
    matching = (recovery_codes.c.user_id == owner) & (recovery_codes.c.hash == hash_)
    return bool(db.execute(delete(recovery_codes).where(matching)).rowcount)


def recovery_codes_left(db: Connection, owner: int) -> int:
    """Return the number of recovery codes that a user has left."""
    query = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == owner)
    return int(db.execute(query).scalar_one())


def _user_where(db: Connection, condition: Any) -> User | None:
    row = db.execute(select(users).where(condition)).mappings().first()
    return _user(row) if row else None


def _user(row: Mapping[Any, Any]) -> User:
    return User(**{**row, "role": Role(row["role"])})


def as_person(db: Connection, actor: Actor) -> Actor:
    """Return the actor under the name of the person who signs in as their user, if there is one."""
    person = desk.person_of_user(db, actor.user) if actor.user else None
    if person is None:
        return actor
    name = person.name if actor.account == actor.user else f"{person.name} ({actor.via})"
    return replace(actor, name=name, person=person.id)
