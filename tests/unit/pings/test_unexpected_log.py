"""The log of pings that no check expects: counted beside the pings, bounded, and written rarely."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, event

from alerting.origin import Origin
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, Signal
from heartbeat.database import Database
from heartbeat.pings import keys, unexpected_log, unexpected_store
from heartbeat.pings.arrival import Arrival, BySlug, ByUuid, PingResult, Target
from heartbeat.pings.ingest import Ingest
from heartbeat.pings.keys import PingKey
from heartbeat.pings.unexpected import BY_UUID, UNKNOWN_KEY, UnexpectedPings
from tests.unit.conftest import NOW, a_check

NOBODY = UUID(int=7)


@pytest.fixture
def database(
    database_url: str, insert: Callable[[Connection, list[Check]], dict[str, Check]]
) -> Iterator[Database]:
    opened = Database(database_url)
    with opened.writer.begin() as db:
        insert(db, [a_check("job")])
        keys.add(db, PingKey("jobs", "hash", Origin.FILE))
    yield opened
    opened.close()


def arrival(target: Target, seconds: float = 0, remote: str = "10.0.0.5") -> Arrival:
    return Arrival(target, Signal.SUCCESS, NOW + timedelta(seconds=seconds), "GET", remote, "curl")


async def listed(database: Database) -> list[UnexpectedPings]:
    return await database.read(unexpected_store.listed)


async def test_pings_that_nobody_expects_are_listed_with_their_key_times_and_sender(
    database: Database,
) -> None:
    line = Ingest(database)
    targets: list[Target] = [
        BySlug("hash", "jbo"),
        BySlug("hash", "jbo"),
        BySlug("other", "jbo"),
        ByUuid(NOBODY.hex),
    ]
    results = [line.hear(arrival(target, n, f"10.0.0.{n}")) for n, target in enumerate(targets)]
    assert set(await asyncio.gather(*results)) == {PingResult.UNKNOWN}
    await line.settle()
    at = [NOW + timedelta(seconds=n) for n in range(4)]
    assert await listed(database) == [
        UnexpectedPings(str(NOBODY), BY_UUID, at[3], at[3], 1, "10.0.0.3", "curl"),
        UnexpectedPings("jbo", UNKNOWN_KEY, at[2], at[2], 1, "10.0.0.2", "curl"),
        UnexpectedPings("jbo", "jobs", at[0], at[1], 2, "10.0.0.1", "curl"),
    ]


async def test_an_expected_ping_is_not_listed(database: Database) -> None:
    line = Ingest(database)
    assert await line.hear(arrival(BySlug("hash", "job"))) is PingResult.HEARD
    await line.settle()
    assert await listed(database) == []


async def test_later_pings_add_up(database: Database) -> None:
    for seconds in (0, 60):
        line = Ingest(database)
        await line.hear(arrival(BySlug("hash", "jbo"), seconds))
        await line.settle()
    (pings,) = await listed(database)
    assert (pings.count, pings.first_at, pings.last_at) == (2, NOW, NOW + timedelta(seconds=60))


async def test_a_check_with_the_name_takes_it_off_the_list(database: Database) -> None:
    line = Ingest(database)
    await line.hear(arrival(BySlug("hash", "jbo")))
    await line.settle()
    await database.write(lambda db: check_store.insert(db, [a_check("jbo")]))
    assert await listed(database) == []
    assert await database.read(unexpected_store.count) == 0


async def test_a_flood_is_bounded_in_memory_and_is_written_at_once(database: Database) -> None:
    log = unexpected_log.UnexpectedLog(database)
    writes: list[str] = []

    def see(*execution: object) -> None:
        statement = str(execution[2])
        if statement.startswith("INSERT INTO unexpected_pings"):
            writes.append(statement)

    event.listen(database.writer, "before_cursor_execute", see)
    log.note([arrival(BySlug("hash", f"flood-{n}"), n / 100) for n in range(5_000)])
    log.note([arrival(BySlug("hash", "flood-0"), 60)])
    await log.settle()
    assert len(await listed(database)) == unexpected_log.PENDING
    assert (await listed(database))[0].count == 2
    assert len(writes) == 1


async def test_strangers_crowd_out_no_ping_with_a_known_key(database: Database) -> None:
    log = unexpected_log.UnexpectedLog(database)
    log.note([arrival(BySlug("hash", "first"))])
    await log.settle()
    log.note([arrival(BySlug("guessed", f"flood-{n}"), n) for n in range(5_000)])
    log.note([arrival(BySlug("hash", "jbo"), 60)])
    await log.settle()
    assert ("jbo", "jobs") in {(pings.name, pings.key) for pings in await listed(database)}


async def test_a_ping_with_an_unknown_key_for_an_existing_check_is_listed(database: Database) -> None:
    line = Ingest(database)
    assert await line.hear(arrival(BySlug("rotated", "job"))) is PingResult.UNKNOWN
    await line.settle()
    assert [(pings.name, pings.key) for pings in await listed(database)] == [("job", UNKNOWN_KEY)]


async def test_writes_keep_their_distance_and_a_stop_does_not_wait(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unexpected_log, "EVERY", 3600.0)
    log = unexpected_log.UnexpectedLog(database)
    log.note([arrival(BySlug("hash", "first"))])
    await log.settle()
    log.note([arrival(BySlug("hash", "second"), 1)])
    await asyncio.sleep(0)
    assert [pings.name for pings in await listed(database)] == ["first"]
    await log.settle()
    assert [pings.name for pings in await listed(database)] == ["second", "first"]


async def test_nothing_is_left_of_a_wait_that_is_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unexpected_log, "EVERY", 0.01)
    log = unexpected_log.UnexpectedLog(database)
    before = asyncio.all_tasks()
    for number in range(3):
        log.note([arrival(BySlug("hash", f"job-{number}"))])
        assert log._writing is not None
        await log._writing
    assert asyncio.all_tasks() == before
