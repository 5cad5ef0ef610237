"""The stored ping keys: found by their hashes, replaced origin by origin, and when each was last used."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, make_url

from alerting.origin import Origin
from heartbeat.database import engine
from heartbeat.pings import keys
from heartbeat.pings.keys import PingKey
from tests.unit.conftest import NOW


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    writer = engine(make_url(database_url), writing=True)
    with writer.begin() as connection:
        yield connection
    writer.dispose()


def test_a_key_is_found_by_its_hash_until_it_is_removed(db: Connection) -> None:
    key = PingKey("house", "aa", Origin.API, NOW, "anna")
    keys.add(db, key)

    assert keys.listed(db) == [key]
    assert keys.names(db, ["aa", "bb"]) == {"aa": "house"}
    keys.remove(db, "house")
    assert keys.names(db, ["aa"]) == {}


def test_keys_are_listed_by_name_or_those_of_one_origin(db: Connection) -> None:
    for name, origin in (("b", Origin.API), ("a", Origin.FILE), ("c", Origin.API)):
        keys.add(db, PingKey(name, f"hash of {name}", origin))

    assert [key.name for key in keys.listed(db)] == ["a", "b", "c"]
    assert [key.name for key in keys.listed(db, Origin.API)] == ["b", "c"]


def test_the_keys_of_an_origin_are_replaced_and_the_others_stay(db: Connection) -> None:
    for name, origin in (
        ("old", Origin.FILE),
        ("console", Origin.API),
        ("same name", Origin.API),
        ("same key", Origin.API),
    ):
        keys.add(db, PingKey(name, f"hash of {name}", origin))

    keys.replace(db, {"same name": "new hash", "new name": "hash of same key"}, Origin.FILE)

    assert [(key.name, key.hash, key.origin) for key in keys.listed(db)] == [
        ("console", "hash of console", Origin.API),
        ("new name", "hash of same key", Origin.FILE),
        ("same name", "new hash", Origin.FILE),
    ]


def test_a_key_of_the_file_keeps_its_last_use_when_it_is_renamed(db: Connection) -> None:
    keys.replace(db, {"house": "aa"}, Origin.FILE)
    keys.touch(db, {"aa": NOW})
    keys.replace(db, {"renamed": "aa", "other": "bb"}, Origin.FILE)

    assert {key.name: key.last_used_at for key in keys.listed(db)} == {"other": None, "renamed": NOW}
