"""The last use of ping keys: to a minute, without a write a ping, and with no ping that waits for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from sqlalchemy import Connection

from heartbeat.access import api_key_store
from heartbeat.access import api_keys as api_keys
from heartbeat.access.api_key import Scope
from heartbeat.actor import Actor, Role
from heartbeat.checks.check import Check, Signal
from heartbeat.database import Database, Unavailable
from heartbeat.definitions.edit import ping_keys as edit
from heartbeat.pings import keys
from heartbeat.pings.arrival import Arrival, BySlug, PingResult
from heartbeat.pings.ingest import Ingest
from tests.unit.conftest import NOW, a_check
from tests.unit.definitions.edit.conftest import edit_by_anna

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
ANNA = Actor("anna", Role.ADMIN, "api")


@dataclass
class Place:
    """A database with one check and one ping key, and the line of pings before it."""

    database: Database
    key: str
    line: Ingest = field(init=False)

    def __post_init__(self) -> None:
        self.line = Ingest(self.database)

    async def ping(self, at: datetime, key: str = "") -> PingResult:
        hash_ = sha256((key or self.key).encode()).hexdigest()
        return await self.line.hear(Arrival(BySlug(hash_, "job"), Signal.SUCCESS, at, "GET", "", ""))

    async def last_used(self) -> datetime | None:
        await self.line.settle()
        last_used = {key.name: key.last_used_at for key in await self.database.read(keys.listed)}
        return last_used["main"]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
async def place(database: Database, insert: Insert) -> Place:
    await database.write(lambda db: insert(db, [a_check("job")]))
    _, clear = await database.write(lambda db: edit.make(edit_by_anna(db), "main"))
    return Place(database, clear)


async def test_a_key_that_no_job_has_used_was_never_used(place: Place) -> None:
    assert await place.last_used() is None
    assert await place.ping(NOW, "a key that nobody has made") is PingResult.UNKNOWN
    assert await place.last_used() is None


async def test_a_key_was_last_used_when_a_job_pinged_by_it_to_a_minute(place: Place) -> None:
    for seconds, expected in ((0, 0), (59, 0), (60, 60), (75, 60), (3600, 3600)):
        await place.ping(NOW + timedelta(seconds=seconds))
        assert await place.last_used() == NOW + timedelta(seconds=expected)


async def test_a_process_that_lags_behind_does_not_move_it_back(place: Place) -> None:
    await place.ping(NOW + timedelta(hours=1))
    await place.line.settle()
    other = Place(place.database, place.key)
    await other.ping(NOW)
    assert await other.last_used() == NOW + timedelta(hours=1)


async def test_within_a_minute_nothing_is_written(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = []
    honest = keys.touch

    def counted(db: Connection, used: dict[str, datetime]) -> None:
        writes.append(used)
        honest(db, used)

    monkeypatch.setattr(keys, "touch", counted)
    for seconds in range(0, 120, 2):
        await place.ping(NOW + timedelta(seconds=seconds))
        await place.line.settle()
    assert [list(used.values()) for used in writes] == [[NOW], [NOW + timedelta(minutes=1)]]


async def test_pings_are_heard_when_the_use_of_keys_cannot_be_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (Unavailable("away"), RuntimeError("a fault")):

        def broken(db: Connection, used: dict[str, datetime], error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(keys, "touch", broken)
        assert await Place(place.database, place.key).ping(NOW) is PingResult.HEARD
    assert await place.last_used() is None


async def test_an_api_key_that_pings_is_used_by_its_pings(place: Place) -> None:
    _, clear = await place.database.write(
        lambda db: api_keys.make(db, ANNA, "agent", (Scope.PING,), Role.VIEWER, None, NOW)
    )
    assert await place.ping(NOW, clear) is PingResult.HEARD
    await place.line.settle()
    (key,) = await place.database.read(api_key_store.every)
    assert (key.name, key.last_used_at) == ("agent", NOW)
    await place.database.write(lambda db: api_key_store.touch(db, key.id, NOW + timedelta(hours=1)))
    (key,) = await place.database.read(api_key_store.every)
    assert key.last_used_at == NOW + timedelta(hours=1)
