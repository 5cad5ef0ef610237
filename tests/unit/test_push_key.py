"""The key pair for push messages: made once, encrypted in the database, the same for every process."""

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, make_url, select

from alerting.notifiers import push
from heartbeat import push_key, vault
from heartbeat.database import engine
from heartbeat.tables import installation
from heartbeat.vault import Unreadable, Vault


def keys(text: str) -> Vault:
    return vault.with_keys([text], secrets.token_bytes)


MINE = keys("a long and random key of this installation")


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    writer = engine(make_url(database_url), writing=True)
    with writer.begin() as connection:
        yield connection
    writer.dispose()


def test_it_is_made_once(db: Connection) -> None:
    assert push_key.stored(db) is None
    first = push.public_key(push_key.take(db, MINE))
    assert push.public_key(push_key.take(db, MINE)) == first


def test_the_private_key_is_not_in_the_database_in_clear(db: Connection) -> None:
    pair = push_key.take(db, MINE)
    rows = str(db.execute(select(installation.c.value)).all())
    pem: bytes = pair.private_pem()
    assert "v1:" in rows
    assert not any(line and line in rows for line in pem.decode().splitlines())


def test_another_installations_key_does_not_open_it(db: Connection) -> None:
    push_key.take(db, MINE)
    with pytest.raises(Unreadable):
        push_key.take(db, keys("the key of another installation"))


def test_once_forgotten_another_one_is_made(db: Connection) -> None:
    first = push.public_key(push_key.take(db, MINE))
    push_key.forget(db)
    assert push.public_key(push_key.take(db, MINE)) != first


def test_it_signs_for_an_installation_whose_name_has_no_dot(db: Connection) -> None:
    claims = {"aud": "https://push.example.com", "exp": 1, "sub": "https://heartbeat"}
    assert push_key.take(db, MINE).sign(claims)["Authorization"].startswith("vapid t=")
