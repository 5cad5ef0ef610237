"""Shared by the tests over HTTP: a system over a real database, its clients, and events.

Nothing ticks by itself here: `fall_silent` moves the clock and looks once, as the ticker would.
"""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from alerting import desk, escalator
from alerting.escalation import Policy, Step
from alerting.person import Contact, Person
from heartbeat import app
from heartbeat.access import hasher
from heartbeat.app import System
from heartbeat.checks import checker, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.clock_reading import Reading
from heartbeat.database import Database, Unavailable
from heartbeat.http.connection import MAX_CONNECTIONS
from heartbeat.pings import store as ping_store
from heartbeat.settings import Settings
from tests.unit.access.conftest import CHEAP
from tests.unit.conftest import NOW, a_check

ADMIN_KEY = "an-admin-key-for-tests"
SECRET_KEY = "a-secret-key-for-tests-that-is-long"
SECRET_KEY_BEFORE = "the-secret-key-that-this-one-replaces"
CONTACTS = (Contact("console", "terminal"), Contact("slack", "${SLACK}"), Contact("pigeon", "roof"))
FIRST = Person("first", "First responder", CONTACTS)
OPS = Policy("ops", (Step(("first",), timedelta(minutes=5)),))


class SetClock:
    """A clock that shows what it was set to."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    @property
    def boot(self) -> str:
        return "tests"

    def now(self) -> datetime:
        return self.at

    def elapsed(self) -> float:
        """Nobody sets this clock: it goes by leaps."""
        return self.at.timestamp()

    def agree(self, reading: Reading) -> timedelta:  # the database's clock is this one
        return timedelta()

    def advance(self, **length: float) -> None:
        """Later, by a length as `timedelta` takes it."""
        self.at += timedelta(**length)


@pytest.fixture
def kind() -> str:
    """The kind of database; a test parametrised with `kind` runs on others."""
    return "sqlite"


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed as in production, but at no cost."""
    monkeypatch.setattr(hasher, "PasswordHasher", lambda: CHEAP)


@pytest.fixture
def clock() -> SetClock:
    """The clock of the system."""
    return SetClock(NOW)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of the system."""
    return Settings(
        public_url="http://test",
        data_dir=tmp_path,
        admin_key=ADMIN_KEY,
        secret_key=SECRET_KEY,
        secret_keys_before=(SECRET_KEY_BEFORE,),
        ping_body_limit=1_000,
        environment={"SLACK": "https://hooks.example.com/x"},
    )


@pytest.fixture
def connections() -> int:
    """The number of connections that the server accepts."""
    return MAX_CONNECTIONS


@pytest.fixture
async def system(
    kind: str,
    make_database_url: Callable[[str], str],
    settings: Settings,
    clock: SetClock,
    connections: int,
) -> AsyncIterator[System]:
    """A whole system over a fresh database with one person and one policy; nothing ticks."""
    database = Database(make_database_url(kind))
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503))) as http:
        built = app.build(settings, database=database, clock=clock, http=http, connections=connections)
        await database.write(lambda db: desk.install(db, [FIRST], [OPS], {}))
        yield built
        await built.stop()
    database.close()


@pytest.fixture
async def client(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without a key."""
    async with visitor(system) as visiting:
        yield visiting


@pytest.fixture
async def admin(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with the admin key."""
    async with visitor(system, Authorization=f"Bearer {ADMIN_KEY}") as visiting:
        yield visiting


def visitor(system: System, **headers: str) -> httpx.AsyncClient:
    """Somebody who sends these headers."""
    transport = httpx.ASGITransport(app=system.asgi)
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)


async def make_check(system: System, slug: str = "job", **changes: Any) -> Check:
    """A check that is expected every five minutes with a minute of grace, or as `changes` say."""
    await system.context.database.write(lambda db: check_store.insert(db, [a_check(slug, **changes)]))
    return await read_check(system, slug)


async def read_check(system: System, slug: str = "job") -> Check:
    """The check as it stands."""
    check = await system.context.database.read(lambda db: check_store.load(db, slug))
    assert check is not None
    return check


async def ping(system: System, check: Check, suffix: str = "", body: bytes | None = None) -> None:
    """One ping of a check: `suffix` is as in the address, such as "/fail"."""
    async with visitor(system) as job:
        answer = await job.post(f"/ping/{check.uuid}{suffix}", content=body)
    assert answer.status_code == 200, answer.text


async def fall_silent(system: System, clock: SetClock, *those: Check) -> int:
    """Let checks miss their time, one after the other waiting; the number of the incident of the last."""
    clock.advance(minutes=6)
    await system.context.database.write(
        lambda db: checker.sweep(db, clock.now(), last_bodies=ping_store.last_bodies)
    )
    return await incident_of(system, those[-1])


async def incident_of(system: System, check: Check) -> int:
    """The number of the open incident that a check belongs to."""
    key = symptoms.key_of(check)
    return (await system.context.database.read(lambda db: desk.incident_of(db, [key])))[key]


def refuse_database(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the database is away."""

    async def away(self: Database, work: Callable[[Connection], Any], **how: bool) -> None:
        raise Unavailable("gone")

    for name in ("read", "write", "write_pings"):
        monkeypatch.setattr(Database, name, away)


async def recover(system: System, clock: SetClock, *those: Check) -> None:
    """Let checks succeed, and their incidents end once that has settled."""
    for check in those:
        await ping(system, check)
    clock.advance(minutes=2)
    await system.context.database.write(lambda db: escalator.sweep(db, clock.now()))


async def escalate(system: System, clock: SetClock) -> None:
    """Let the gathering time pass and write the pages that are due."""
    clock.advance(seconds=10)
    await system.context.database.write(lambda db: escalator.sweep(db, clock.now()))
