"""What the tests of editing share: a database with two policies, and somebody who edits."""

import secrets
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, make_url

from alerting import desk
from alerting.escalation import Policy, Step
from heartbeat import database, vault
from heartbeat.actor import Actor, Role
from heartbeat.definitions.kind import Edit
from heartbeat.vault import Vault
from tests.unit.conftest import FIRST, NOW

ANNA = Actor("anna", Role.ADMIN, "session", "192.0.2.7")
OPS = Policy("ops", (Step(("first",), timedelta(minutes=5)),))
NIGHT = Policy("night", (Step(("first",), timedelta(minutes=1)),))
KEYS = vault.with_keys(["a key that is long enough for tests"], secrets.token_bytes)


def edit_by_anna(db: Connection, keys: Vault = KEYS) -> Edit:
    """An edit by Anna, now."""
    return Edit(db, ANNA, NOW, keys)


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    """A transaction on a database that has one person and two policies."""
    engine = database.engine(make_url(database_url), writing=True)
    with engine.begin() as connection:
        desk.install(connection, [FIRST], [OPS, NIGHT], {})
        yield connection
    engine.dispose()
