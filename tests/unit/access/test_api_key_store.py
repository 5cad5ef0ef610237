"""The SQL of API keys."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from alerting.origin import Origin
from heartbeat.access import api_key_store
from heartbeat.access.api_key import Key, Scope
from heartbeat.actor import Role
from heartbeat.pings import keys as ping_keys
from heartbeat.pings.keys import PingKey
from tests.unit.conftest import NOW

MINUTE = timedelta(minutes=1)
DEPLOY = Key(0, "deploy", "hb_abcdef", (Scope.READ, Scope.PING), Role.ADMIN, NOW, "root", NOW + MINUTE)


def add(db: Connection, name: str = "deploy", hash_: str = "hash") -> Key:
    api_key_store.add(db, hash_, replace(DEPLOY, name=name))
    key = api_key_store.by_hash(db, hash_)
    assert key is not None
    return key


def test_a_key_comes_back_by_its_hash_as_it_was_added(db: Connection) -> None:
    key = add(db)
    assert key == replace(DEPLOY, id=key.id)
    assert "hash" not in repr(key)
    assert api_key_store.by_hash(db, "another") is None


def test_keys_are_listed_by_name_until_they_are_removed(db: Connection) -> None:
    second, first = add(db, "second", "hash 2"), add(db, "first", "hash 1")
    assert api_key_store.every(db) == [first, second]
    api_key_store.remove(db, "first")
    assert api_key_store.every(db) == [second]


def test_a_name_belongs_to_one_key(db: Connection) -> None:
    add(db)
    with pytest.raises(IntegrityError), db.begin_nested():
        api_key_store.add(db, "another", DEPLOY)


def test_the_time_of_last_use_never_moves_back(db: Connection) -> None:
    key, other = add(db), add(db, "other", "hash 2")
    for minutes in (5, 3):
        api_key_store.touch(db, key.id, NOW + minutes * MINUTE)
    assert api_key_store.every(db) == [replace(key, last_used_at=NOW + 5 * MINUTE), other]


@pytest.mark.parametrize(("pinged", "called", "latest"), [(5, 3, 5), (3, 5, 5), (None, 3, 3), (5, None, 5)])
def test_the_last_use_is_the_later_of_ping_and_call(
    db: Connection, pinged: int | None, called: int | None, latest: int
) -> None:
    key = add(db)
    ping_keys.add(db, PingKey("key:deploy", "hash", Origin.KEY, NOW, "root"))
    if pinged is not None:
        ping_keys.touch(db, {"hash": NOW + pinged * MINUTE})
    if called is not None:
        api_key_store.touch(db, key.id, NOW + called * MINUTE)
    (key,) = api_key_store.every(db)
    assert key.last_used_at == NOW + latest * MINUTE
