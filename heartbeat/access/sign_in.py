"""Signing in: proving who one is, how often that may be tried, and the session that begins then.

Each step is written to the audit log.
"""

import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil
from secrets import token_urlsafe

from sqlalchemy import Connection

from alerting import spell
from heartbeat import audit
from heartbeat.access import account, session, store, token, tries
from heartbeat.access.account import User
from heartbeat.access.hasher import Hasher
from heartbeat.access.session import Limits, Session
from heartbeat.access.tries import ACCOUNT_TRIES, TRIES, TRIES_PER, Tries
from heartbeat.database import Database
from heartbeat.who import Role, Who

ADMIN = "admin"
"""What whoever holds the admin key is called."""
WRONG = "The name or the password is wrong."
_MINUTE = 60
NOTED = 60
"""Failures a minute that are written to the audit log: nobody can flood it from outside."""


@dataclass(frozen=True, slots=True)
class Whence:
    """Where somebody signs in from: the address of the connection, and what the browser says of itself."""

    remote: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nobody was signed in, in words; and how long to wait where there were too many tries."""

    words: str
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """What one process remembers of who tries to come in. By `key` names are hashed whose tries are counted."""

    hasher: Hasher = field(default_factory=Hasher)
    key: str = field(default="", repr=False)
    addresses: Tries = field(default_factory=lambda: Tries(TRIES, TRIES_PER))
    noted: Tries = field(default_factory=lambda: Tries(NOTED, timedelta(minutes=1)))

    def address_may_try(self, remote: str, now: datetime) -> Refused | None:
        """Count a try from this address."""
        wait = self.addresses.another(remote, now)
        return _too_often("from this address", wait) if wait else None

    def may_be_tried(self, db: Connection, name: str, now: datetime) -> Refused | None:
        """Whether this name may be tried once more. Nothing is counted."""
        wait = tries.until_next(store.tries(db, self._hash(name)), now)
        return _too_often("for this name", wait) if wait else None

    def count_try(self, db: Connection, name: str, now: datetime) -> Refused | None:
        """Count a try for this name, whether or not there is such a user; whether its outcome may be told."""
        window = store.count_try(db, self._hash(name), now)
        if window.count <= ACCOUNT_TRIES:
            return None
        return _too_often("for this name", tries.until_next(window, now) or timedelta())

    def forgive(self, db: Connection, name: str) -> None:
        """Whoever has proved to be right starts afresh."""
        store.forget_tries(db, self._hash(name))

    def _hash(self, name: str) -> str:
        return hmac.new(self.key.encode(), f"heartbeat tries\n{name}".encode(), sha256).hexdigest()


async def prove(
    gate: Gate, database: Database, name: str, password: str, whence: Whence, now: datetime
) -> User | Refused:
    """Who this is, by name and password. Raises `hasher.Busy`.

    An unknown name, a disabled user and a wrong password take equally long and are told in the same words.
    """
    called = _called(name)
    if refused := await database.read(lambda db: gate.may_be_tried(db, called or "", now)):
        return refused
    user = await database.read(lambda db: store.user(db, called)) if called else None
    given = account.normal(password[: account.LONGEST_PASSWORD + 1])
    right = await gate.hasher.matches(user.password_hash if user else None, given)
    # Counted once the hash is computed, which bounds how often strangers make us write; and before anything is told,
    # so that many tries at the same moment, here or at other replicas, find out no more than one after the other.
    if refused := await database.write(lambda db: gate.count_try(db, called or "", now)):
        return refused
    if not right or user is None:
        return await refuse(gate, database, called if user else None, "password", whence, now)
    if not user.enabled:
        return await refuse(gate, database, user.name, "disabled", whence, now)
    if user.password_hash and gate.hasher.is_dated(user.password_hash):
        renewed = await gate.hasher.hashed(given)
        await database.write(lambda db: store.change_user(db, user.id, password_hash=renewed))
        # The ticket to the second step is bound to the hash that is kept.
        return replace(user, password_hash=renewed)
    return user


async def refuse(
    gate: Gate, database: Database, name: str | None, why: str, whence: Whence, now: datetime
) -> Refused:
    """Turn somebody away and write it down. What names nobody may be a password in the wrong field: it is not kept."""
    if gate.noted.another("", now) is None:
        who = Who(name or "nobody", Role.VIEWER, "sign-in", whence.remote)
        target = f"user {name}" if name else "unknown user"
        await database.write(
            lambda db: audit.record(db, who, "sign_in.refuse", target, now, after={"wrong": why})
        )
    return Refused(WRONG)


def begin(
    db: Connection,
    user: User | None,
    how: str,
    whence: Whence,
    now: datetime,
    limits: Limits,
    *,
    proof: str | None = None,
    instead_of: str = "",
) -> str:
    """Begin a session, and give its token, which nobody sees again. Without a user it is the admin key's, by `proof`.

    The token is always a new one, and that of the same browser before (`instead_of`) ends, so that no token which
    somebody else has put into a browser ever becomes worth anything.
    """
    if instead_of:
        store.end_session(db, token.hashed(instead_of))
    made = token_urlsafe(token.BYTES)
    agent = whence.agent[: session.LONGEST_AGENT].replace("\0", "")
    one = Session(0, user, how, whence.remote, agent, now, now, proof if user is None else None)
    store.add_session(db, token.hashed(made), one, limits)
    if user is not None:
        store.change_user(db, user.id, last_in_at=now)
    who = actor(one, whence.remote)
    audit.record(db, who, "sign_in", f"user {who.name}" if user else "admin key", now, after={"how": how})
    return made


def actor(one: Session, remote: str) -> Who:
    """Who acts in this session."""
    if one.user is None:
        return Who(ADMIN, Role.ADMIN, "session", remote)
    return Who(one.user.name, one.user.role, "session", remote)


def end(db: Connection, given: str, who: Who | None, now: datetime) -> None:
    """End the session with this token, if there is one."""
    if store.end_session(db, token.hashed(given)) and who is not None:
        audit.record(db, who, "sign_out", f"user {who.name}", now)


def end_of(db: Connection, who: Who, user: User, number: int, now: datetime) -> None:
    """End one of a user's own sessions, by its number."""
    if store.end_session_of(db, user.id, number):
        audit.record(db, who, "sign_out", f"user {user.name}", now, after={"sign_ins": 1})


def end_others(db: Connection, who: Who, user: User, but: int, now: datetime) -> None:
    """End all of a user's own sessions but one."""
    if count := store.end_sessions_of(db, user.id, but):
        audit.record(db, who, "sign_out", f"user {user.name}", now, after={"sign_ins": count})


def seen(db: Connection, given: str, now: datetime, limits: Limits, proof: str) -> Session | None:
    """The session with this token, if it still lets in."""
    found = store.session(db, token.hashed(given))
    return found if found is not None and session.stands(found, now, limits, proof) else None


def _called(name: str) -> str | None:
    try:
        return account.name(name)
    except account.Unfit:
        return None


def _too_often(where: str, wait: timedelta) -> Refused:
    # Rounded up, so that whoever waits that long is let try; a person counts in minutes where it is more than one.
    seconds = ceil(wait.total_seconds())
    told = seconds if seconds <= _MINUTE else ceil(seconds / _MINUTE) * _MINUTE
    words = spell.duration(timedelta(seconds=told))
    return Refused(
        f"There were too many tries {where}. Wait {words}, then try again.", timedelta(seconds=seconds)
    )
