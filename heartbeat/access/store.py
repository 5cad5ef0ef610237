"""The SQL of users, sessions, tries and one-time links: plain functions over a connection."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text, update

from alerting.rows import insert_many
from heartbeat.access.account import User
from heartbeat.access.session import Limits, Session
from heartbeat.access.tables import one_time_links, recovery_codes, sessions, sign_in_tries, users
from heartbeat.access.tries import ACCOUNT_TRIES_PER, Window
from heartbeat.who import Role

SET_UP_LINKS = 20
"""Links by which the first user can be made, at most: each process makes one at each start."""

_SESSION = [sessions.c[name] for name in ("id", "how", "remote", "agent", "made_at", "seen_at", "proof")]


def wait_for_turn(db: Connection) -> None:
    """Until the transaction ends, nobody else changes users. SQLite has one writer anyway."""
    if db.dialect.name == "postgresql":
        db.execute(text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))


def has_users(db: Connection) -> bool:
    """Whether there is any user, disabled ones included."""
    return db.execute(select(users.c.id).limit(1)).first() is not None


def every_user(db: Connection) -> list[User]:
    """All users by name."""
    return [_user(row) for row in db.execute(select(users).order_by(users.c.name)).mappings()]


def user(db: Connection, name: str) -> User | None:
    """A user by name."""
    return _one(db, users.c.name == name)


def user_of_subject(db: Connection, subject: str) -> User | None:
    """A user by what an identity provider calls them."""
    return _one(db, users.c.subject == subject)


def user_by_id(db: Connection, number: int) -> User | None:
    """A user by number."""
    return _one(db, users.c.id == number)


def add_user(db: Connection, one: User) -> User:
    """Write a new user; with the number that the row was given."""
    values = asdict(one) | {"role": one.role.value}
    del values["id"]
    number = db.execute(insert(users).values(**values).returning(users.c.id)).scalar_one()
    return _user({**asdict(one), "id": number})


def change_user(db: Connection, number: int, **values: Any) -> None:
    """Set columns of a user."""
    if "role" in values:
        values["role"] = Role(values["role"]).value
    db.execute(update(users).where(users.c.id == number).values(**values))


def take_step(db: Connection, number: int, step: int) -> bool:
    """Note that the code of this time step was taken; False where it, or a later one, was taken before."""
    newer = (users.c.id == number) & (users.c.code_step < step)
    return bool(db.execute(update(users).where(newer).values(code_step=step)).rowcount)


def add_session(db: Connection, hash_: str, one: Session, limits: Limits) -> None:
    """Write a new session, and forget those that are over."""
    over = (sessions.c.made_at <= one.made_at - limits.longest) | (
        sessions.c.seen_at <= one.made_at - limits.idle
    )
    db.execute(delete(sessions).where(over))
    owner = one.user.id if one.user else None
    values = {name: getattr(one, name) for name in ("how", "remote", "agent", "made_at", "seen_at", "proof")}
    db.execute(insert(sessions).values(hash=hash_, user_id=owner, **values))


def session(db: Connection, hash_: str) -> Session | None:
    """The session whose token has this hash, with its user as they are now."""
    columns = [*(column.label(f"session_{column.name}") for column in _SESSION), *users.c]
    joined = sessions.outerjoin(users, sessions.c.user_id == users.c.id)
    row = db.execute(select(*columns).select_from(joined).where(sessions.c.hash == hash_)).mappings().first()
    if row is None:
        return None
    owner = None if row["session_proof"] is not None else _user({name: row[name] for name in users.c.keys()})  # noqa: SIM118
    return Session(user=owner, **{column.name: row[f"session_{column.name}"] for column in _SESSION})


def sessions_of(db: Connection, owner: User) -> list[Session]:
    """A user's sessions, the newest first; those that are over may be among them."""
    query = select(*_SESSION).where(sessions.c.user_id == owner.id).order_by(sessions.c.made_at.desc())
    return [Session(user=owner, **row) for row in db.execute(query).mappings()]


def touch_session(db: Connection, number: int, now: datetime) -> None:
    """Note that a session was seen; a time only moves forward."""
    db.execute(
        update(sessions).where((sessions.c.id == number) & (sessions.c.seen_at < now)).values(seen_at=now)
    )


def end_session(db: Connection, hash_: str) -> bool:
    """End the session whose token has this hash; whether there was one."""
    return bool(db.execute(delete(sessions).where(sessions.c.hash == hash_)).rowcount)


def end_session_of(db: Connection, owner: int, number: int) -> bool:
    """End one session of a user; whether there was one."""
    mine = (sessions.c.user_id == owner) & (sessions.c.id == number)
    return bool(db.execute(delete(sessions).where(mine)).rowcount)


def end_sessions_of(db: Connection, owner: int, but: int | None = None) -> int:
    """End all sessions of a user, or all `but` one; how many there were."""
    theirs = sessions.c.user_id == owner
    if but is not None:
        theirs &= sessions.c.id != but
    return db.execute(delete(sessions).where(theirs)).rowcount


def tries(db: Connection, hash_: str) -> Window | None:
    """The tries for the name of this hash, as they were counted last; the window may be over."""
    query = select(sign_in_tries.c.began_at, sign_in_tries.c.count).where(sign_in_tries.c.hash == hash_)
    row = db.execute(query).mappings().first()
    return Window(**row) if row else None


def count_try(db: Connection, hash_: str, now: datetime) -> Window:
    """Count a try, also where others count at the same moment, and forget windows that are over."""
    db.execute(delete(sign_in_tries).where(sign_in_tries.c.began_at <= now - ACCOUNT_TRIES_PER))
    first = {"hash": hash_, "began_at": now, "count": 1}
    clause = "ON CONFLICT (hash) DO UPDATE SET count = sign_in_tries.count + 1"
    insert_many(db, sign_in_tries, [first], on_conflict=clause)
    return tries(db, hash_) or Window(now, 1)


def forget_tries(db: Connection, hash_: str) -> None:
    """Let the name of this hash start afresh."""
    db.execute(delete(sign_in_tries).where(sign_in_tries.c.hash == hash_))


def add_link(db: Connection, hash_: str, owner: int | None, now: datetime, ends_at: datetime) -> None:
    """Write a one-time link, and forget those that are over, and all but the newest of those for nobody yet."""
    db.execute(delete(one_time_links).where(one_time_links.c.ends_at <= now))
    db.execute(insert(one_time_links).values(hash=hash_, user_id=owner, made_at=now, ends_at=ends_at))
    newest = select(one_time_links.c.hash).where(one_time_links.c.user_id.is_(None))
    kept = newest.order_by(one_time_links.c.made_at.desc()).limit(SET_UP_LINKS)
    older = one_time_links.c.user_id.is_(None) & one_time_links.c.hash.not_in(kept)
    db.execute(delete(one_time_links).where(older))


def link(db: Connection, hash_: str, now: datetime) -> tuple[User | None] | None:
    """Whom a one-time link is for (nobody yet: the first user); None where there is no such link."""
    known = (one_time_links.c.hash == hash_) & (one_time_links.c.ends_at > now)
    row = db.execute(select(one_time_links.c.user_id).where(known)).first()
    if row is None:
        return None
    return (None,) if row.user_id is None else (user_by_id(db, row.user_id),)


def end_links_of(db: Connection, owner: int | None) -> None:
    """Forget the one-time links of a user, or those by which the first user is made."""
    whose = one_time_links.c.user_id
    db.execute(delete(one_time_links).where(whose.is_(None) if owner is None else whose == owner))


def put_recovery_codes(db: Connection, owner: int, hashes: list[str]) -> None:
    """Make these, and no others, the recovery codes of a user."""
    db.execute(delete(recovery_codes).where(recovery_codes.c.user_id == owner))
    if hashes:
        db.execute(insert(recovery_codes), [{"user_id": owner, "hash": one} for one in hashes])


def take_recovery_code(db: Connection, owner: int, hash_: str) -> bool:
    """Use a recovery code up; False where there is no such code."""
    this = (recovery_codes.c.user_id == owner) & (recovery_codes.c.hash == hash_)
    return bool(db.execute(delete(recovery_codes).where(this)).rowcount)


def recovery_codes_left(db: Connection, owner: int) -> int:
    """How many recovery codes a user has left."""
    query = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == owner)
    return int(db.execute(query).scalar_one())


def _one(db: Connection, which: Any) -> User | None:
    row = db.execute(select(users).where(which)).mappings().first()
    return _user(row) if row else None


def _user(row: Mapping[Any, Any]) -> User:
    return User(**{**row, "role": Role(row["role"])})
