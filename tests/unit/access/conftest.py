"""Fixtures for the tests of access: a real database, passwords that are quick to compare, and users."""

from collections.abc import AsyncIterator

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Connection

from heartbeat.access import store
from heartbeat.access.account import User
from heartbeat.access.hasher import Hasher
from heartbeat.access.sign_in import Client, Gate
from heartbeat.actor import Actor, Role
from heartbeat.audit import AuditEntry, listed
from heartbeat.database import Database
from tests.unit.conftest import NOW

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"
HERE = Client("192.0.2.1", "a browser")
ROOT = Actor("root", Role.ADMIN, "session", "192.0.2.1")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database of each kind."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def gate() -> Gate:
    """The attempts that one process remembers."""
    return Gate(Hasher(CHEAP))


def add(db: Connection, name: str = "anna", role: Role = Role.ADMIN, **values: object) -> User:
    """A user with `PASSWORD`."""
    values.setdefault("password_hash", CHEAP.hash(PASSWORD.encode()))
    return store.add_user(db, User(0, name, role, NOW, "root", **values))  # type: ignore[arg-type]


async def deeds(database: Database) -> list[AuditEntry]:
    """Return the audit log, newest first."""
    return await database.read(lambda db: listed(db, limit=100))
