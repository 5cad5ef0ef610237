"""Signing in: the proof of identity, the limits on attempts, and the session that follows.

The audit log records each step.
"""

import hmac
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil
from secrets import token_urlsafe

from sqlalchemy import Connection

from alerting import times
from heartbeat import audit
from heartbeat.access import account, session, store, token, tries
from heartbeat.access.account import User
from heartbeat.access.hasher import Hasher
from heartbeat.access.refusal_log import RefusalLog
from heartbeat.access.session import Limits, Session
from heartbeat.access.tries import ACCOUNT_TRIES, KEY_TRIES, TRIES, TRIES_PER, AddressTries
from heartbeat.actor import Actor, Role
from heartbeat.database import Database

ADMIN = "admin"
"""The name under which the holder of the admin key acts."""
WRONG_CREDENTIALS = "The name or the password is wrong."
_MINUTE = 60
GOOD_KEYS = 2_000
"""Right API keys that a process remembers."""


@dataclass(frozen=True, slots=True)
class Client:
    """The browser that signs in: the address of its connection, and its User-Agent."""

    remote: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused sign-in: a message for the user, and the wait if there were too many attempts."""

    message: str
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """The attempts that one process remembers. The names whose attempts are counted are hashed with `key`."""

    hasher: Hasher = field(default_factory=Hasher)
    key: str = field(default="", repr=False)
    addresses: AddressTries = field(default_factory=lambda: AddressTries(TRIES, TRIES_PER))
    keys: AddressTries = field(default_factory=lambda: AddressTries(KEY_TRIES, TRIES_PER))
    good_keys: OrderedDict[str, None] = field(default_factory=OrderedDict, repr=False)
    """Hashes of keys that were right lately: they work although others at the same address send wrong ones."""
    refusals: RefusalLog = field(default_factory=RefusalLog)

    def address_may_try(self, remote: str, now: datetime) -> Refused | None:
        """Count an attempt from this address, and refuse it if there were too many."""
        wait = self.addresses.count(remote, now)
        return _too_often("from this address", wait) if wait else None

    def key_may_try(self, hash_: str, remote: str, now: datetime) -> timedelta | None:
        """Return the wait before an API key is looked at, after too many wrong ones from its address. Count nothing."""
        return None if hash_ in self.good_keys else self.keys.wait(remote, now)

    def take_key(self, hash_: str) -> None:
        """Remember a right key."""
        self.good_keys[hash_] = None
        self.good_keys.move_to_end(hash_)
        if len(self.good_keys) > GOOD_KEYS:
            self.good_keys.popitem(last=False)

    def may_be_tried(self, db: Connection, name: str, now: datetime) -> Refused | None:
        """Refuse the attempt if there were too many for this name. Count nothing."""
        wait = tries.until_next(store.tries(db, self._hash(name)), now)
        return _too_often("for this name", wait) if wait else None

    def count_try(self, db: Connection, name: str, now: datetime) -> Refused | None:
        """Count an attempt for this name, known or not, and refuse it if there were too many."""
        window = store.count_try(db, self._hash(name), now)
        if window.count <= ACCOUNT_TRIES:
            return None
        return _too_often("for this name", tries.until_next(window, now) or timedelta())

    def forgive(self, db: Connection, name: str) -> None:
        """Forget the attempts for this name, after a successful one."""
        store.forget_tries(db, self._hash(name))

    def _hash(self, name: str) -> str:
        return hmac.new(self.key.encode(), f"heartbeat tries\n{name}".encode(), sha256).hexdigest()


async def prove(
    gate: Gate, database: Database, name: str, password: str, client: Client, now: datetime
) -> User | Refused:
    """Return the user with this name and password. Raises `hasher.Busy`.

    An unknown name, a disabled user and a wrong password take equally long and get the same words.
    """
    tidy = _tidy(name)
    if refused := await database.read(lambda db: gate.may_be_tried(db, tidy or "", now)):
        return refused
    user = await database.read(lambda db: store.user(db, tidy)) if tidy else None
    normal = account.normal(password[: account.LONGEST_PASSWORD + 1])
    matches = await gate.hasher.matches(user.password_hash if user else None, normal)
    # Count after hashing, which bounds how often strangers make us write, and before answering: many attempts at one
    # moment, here or at other replicas, then learn no more than the same attempts in a row.
    if refused := await database.write(lambda db: gate.count_try(db, tidy or "", now)):
        return refused
    if not matches or user is None:
        return await refuse(gate, database, tidy if user else None, "password", client, now)
    if not user.enabled:
        return await refuse(gate, database, user.name, "disabled", client, now)
    if user.password_hash and gate.hasher.is_dated(user.password_hash):
        renewed = await gate.hasher.hashed(normal)
        await database.write(lambda db: store.change_user(db, user.id, password_hash=renewed))
        # The pending sign-in is bound to the stored hash.
        return replace(user, password_hash=renewed)
    return user


async def refuse(
    gate: Gate, database: Database, name: str | None, reason: str, client: Client, now: datetime
) -> Refused:
    """Refuse a sign-in and record it. An unknown name may be a mistyped password, so it is not stored."""
    await gate.refusals.note(database, name, reason, client.remote, now)
    return Refused(WRONG_CREDENTIALS)


def begin(
    db: Connection,
    user: User | None,
    how: str,
    client: Client,
    now: datetime,
    limits: Limits,
    *,
    proof: str | None = None,
    instead_of: str = "",
) -> str:
    """Begin a session and return its token, which is not stored. Without a user it is the admin key's, by `proof`.

    The token is always new, and the browser's previous one (`instead_of`) ends. A token that an attacker has put into
    a browser therefore never becomes valid.
    """
    if instead_of:
        store.end_session(db, token.hashed(instead_of))
    new_token = token_urlsafe(token.BYTES)
    agent = client.agent[: session.LONGEST_AGENT].replace("\0", "")
    new_session = Session(0, user, how, client.remote, agent, now, now, proof if user is None else None)
    store.add_session(db, token.hashed(new_token), new_session, limits)
    if user is not None:
        store.change_user(db, user.id, last_in_at=now)
    actor = store.as_person(db, actor_of(new_session, client.remote))
    target = f"user {user.name}" if user else "admin key"
    audit.record(db, actor, "sign_in", target, now, after={"how": how})
    return new_token


def actor_of(session_: Session, remote: str) -> Actor:
    """Return the actor of this session: its user, or the holder of the admin key."""
    if session_.user is None:
        return Actor(ADMIN, Role.ADMIN, "session", remote)
    name = session_.user.name
    return Actor(name, session_.user.role, "session", remote, user=name)


def end(db: Connection, token_: str, actor: Actor | None, now: datetime) -> None:
    """End the session with this token, if there is one."""
    if store.end_session(db, token.hashed(token_)) and actor is not None:
        audit.record(db, actor, "sign_out", f"user {actor.account}", now)


def end_of(db: Connection, actor: Actor, user: User, number: int, now: datetime) -> None:
    """End the session of this number, if it is the user's own."""
    if store.end_session_of(db, user.id, number):
        audit.record(db, actor, "sign_out", f"user {user.name}", now, after={"sign_ins": 1})


def end_others(db: Connection, actor: Actor, user: User, except_for: int, now: datetime) -> None:
    """End all sessions of a user but one."""
    if count := store.end_sessions_of(db, user.id, except_for):
        audit.record(db, actor, "sign_out", f"user {user.name}", now, after={"sign_ins": count})


def valid_session(db: Connection, token_: str, now: datetime, limits: Limits, proof: str) -> Session | None:
    """Return the session with this token, if it is still valid."""
    stored = store.session(db, token.hashed(token_))
    return stored if stored is not None and session.is_valid(stored, now, limits, proof) else None


def _tidy(name: str) -> str | None:
    try:
        return account.name(name)
    except account.Unfit:
        return None


def _too_often(scope: str, wait: timedelta) -> Refused:
    # Rounded up, so that the next attempt after this wait is allowed. People count in minutes beyond the first.
    seconds = ceil(wait.total_seconds())
    rounded = seconds if seconds <= _MINUTE else ceil(seconds / _MINUTE) * _MINUTE
    duration = times.duration(timedelta(seconds=rounded))
    return Refused(f"Too many attempts {scope}. Wait {duration}, then try again.", timedelta(seconds=seconds))
