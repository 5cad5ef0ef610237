"""When ping keys were last used: to a minute, without a write a ping, and with no ping that waits for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from sqlalchemy import Connection

from heartbeat import definitions
from heartbeat.access import key_store, keys
from heartbeat.access.key import Scope
from heartbeat.check import Check, Signal
from heartbeat.database import Database, Unavailable
from heartbeat.edit import ping_keys
from heartbeat.ingest import Answer, Ingest
from heartbeat.ring import Arrival
from heartbeat.who import Role, Who
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
ANNA = Who("anna", Role.ADMIN, "api")


@dataclass
class Place:
    """A database with one check and one ping key, and the line of pings before it."""

    database: Database
    key: str
    line: Ingest = field(init=False)

    def __post_init__(self) -> None:
        self.line = Ingest(self.database)

    async def ping(self, at: datetime, key: str = "") -> Answer:
        hash_ = sha256((key or self.key).encode()).hexdigest()
        return await self.line.hear(Arrival(Signal.SUCCESS, at, "GET", "", "", key_hash=hash_, slug="job"))

    async def last_used(self) -> datetime | None:
        await self.line.settle()
        (one,) = [one for one in await self.database.read(definitions.ping_keys_of) if one.name == "main"]
        return one.last_used_at


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
async def place(database: Database, insert: Insert) -> Place:
    await database.write(lambda db: insert(db, [a_check("job")]))
    _, clear = await database.write(lambda db: ping_keys.make(db, ANNA, "main", NOW))
    return Place(database, clear)


async def test_a_key_that_no_job_has_used_says_so(place: Place) -> None:
    assert await place.last_used() is None
    assert await place.ping(NOW, "a key that nobody has made") is Answer.UNKNOWN
    assert await place.last_used() is None


async def test_a_key_was_last_used_when_a_job_pinged_by_it_to_a_minute(place: Place) -> None:
    for seconds, known in ((0, 0), (59, 0), (60, 60), (75, 60), (3600, 3600)):
        await place.ping(NOW + timedelta(seconds=seconds))
        assert await place.last_used() == NOW + timedelta(seconds=known)


async def test_a_process_that_lags_behind_does_not_put_it_back(place: Place) -> None:
    await place.ping(NOW + timedelta(hours=1))
    await place.line.settle()
    other = Place(place.database, place.key)
    await other.ping(NOW)
    assert await other.last_used() == NOW + timedelta(hours=1)


async def test_within_a_minute_nothing_is_written(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    honest = definitions.touch_ping_keys

    def counted(db: Connection, used: dict[str, datetime]) -> None:
        written.append(used)
        honest(db, used)

    monkeypatch.setattr(definitions, "touch_ping_keys", counted)
    for seconds in range(0, 120, 2):
        await place.ping(NOW + timedelta(seconds=seconds))
        await place.line.settle()
    assert [list(one.values()) for one in written] == [[NOW], [NOW + timedelta(minutes=1)]]


async def test_pings_are_heard_whatever_becomes_of_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (Unavailable("away"), RuntimeError("a fault")):

        def broken(
            db: Connection, used: dict[str, datetime], error: Exception = error
        ) -> None:  # the real one's
            raise error

        monkeypatch.setattr(definitions, "touch_ping_keys", broken)
        assert await Place(place.database, place.key).ping(NOW) is Answer.HEARD
    assert await place.last_used() is None


async def test_a_key_of_the_file_keeps_it_when_another_changes(place: Place) -> None:
    one, other = (sha256(key).hexdigest() for key in (b"one", b"other"))
    await place.database.write(lambda db: definitions.replace_ping_keys(db, {"one": one}))
    await place.database.write(lambda db: definitions.touch_ping_keys(db, {one: NOW}))
    await place.database.write(lambda db: definitions.replace_ping_keys(db, {"renamed": one, "other": other}))
    found = {one.name: one.last_used_at for one in await place.database.read(definitions.ping_keys_of)}
    assert found == {"main": None, "other": None, "renamed": NOW}


async def test_an_api_key_that_pings_is_used_by_its_pings(place: Place) -> None:
    _, clear = await place.database.write(
        lambda db: keys.make(db, ANNA, "agent", (Scope.PING,), Role.VIEWER, None, NOW)
    )
    assert await place.ping(NOW, clear) is Answer.HEARD
    await place.line.settle()
    (one,) = await place.database.read(key_store.every)
    assert (one.name, one.last_used_at) == ("agent", NOW)
    await place.database.write(lambda db: key_store.touch(db, one.id, NOW + timedelta(hours=1)))
    (one,) = await place.database.read(key_store.every)
    assert one.last_used_at == NOW + timedelta(hours=1)
