"""The queue before the database: group commit, bounds, and one bad row that spoils nothing."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.incident import Facts
from heartbeat import ingest, ring, store
from heartbeat.check import Check, Signal, State
from heartbeat.database import Database, Unavailable
from heartbeat.ingest import Answer, Ingest
from heartbeat.ring import Arrival
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
async def job(database: Database, insert: Insert) -> Check:
    made = await database.write(lambda db: insert(db, [a_check("job", state=State.UP, last_ok_at=NOW)]))
    return made["job"]


def success(job: Check, agent: str = "curl") -> Arrival:
    return Arrival(Signal.SUCCESS, NOW + timedelta(seconds=1), "GET", "127.0.0.1", agent, uuid=job.uuid.hex)


async def test_what_arrives_during_a_commit_is_the_next_batch(database: Database, job: Check) -> None:
    sizes: list[int] = []
    line = Ingest(database, observe_batch=lambda size, seconds: sizes.append(size))
    first = line.hear(success(job))
    await asyncio.sleep(0)
    rest = [line.hear(success(job)) for _ in range(50)]
    answers = await asyncio.gather(first, *rest)
    assert set(answers) == {Answer.HEARD}
    assert sizes == [1, 50]
    after = await database.read(lambda db: store.load(db, "job"))
    assert after is not None
    assert after.pings == 51


async def test_an_answer_means_committed(database: Database, job: Check) -> None:
    await Ingest(database).hear(success(job))
    kept = await database.read(lambda db: ring.last_pings(db, job.id))
    assert [ping.n for ping in kept] == [1]


@pytest.mark.parametrize("last_ok_at", [NOW, None])
async def test_a_failure_tells_when_it_was_last_well(
    database: Database, insert: Insert, last_ok_at: datetime | None
) -> None:
    one = a_check("job", last_ok_at=last_ok_at)
    job = (await database.write(lambda db: insert(db, [one])))["job"]
    said = success(job)
    await Ingest(database).hear(replace(said, signal=Signal.FAIL, body=b"disk full"))
    number = (await database.read(lambda db: desk.incident_of(db, [f"check:{job.id}"])))[f"check:{job.id}"]
    (symptom,) = (await database.read(lambda db: desk.symptoms(db, [number])))[number]
    assert symptom.facts == Facts(
        since=said.at,
        last_heard_at=said.at,
        last_well_at=last_ok_at,
        never_well=last_ok_at is None,
        last_said="disk full",
        why="reported failure",
    )


async def test_one_row_that_cannot_be_stored_spoils_no_other(
    make_database_url: Callable[[str], str], insert: Insert
) -> None:
    database = Database(make_database_url("postgres"))
    job = (await database.write(lambda db: insert(db, [a_check("job", state=State.UP, last_ok_at=NOW)])))[
        "job"
    ]
    line = Ingest(database)
    # PostgreSQL takes no NUL in a text; the route strips it, so only a fault of ours could bring one here.
    arrivals = [success(job), success(job, agent="\0"), *(success(job) for _ in range(5))]
    answers = await asyncio.gather(*(line.hear(one) for one in arrivals), return_exceptions=True)
    database.close()
    assert [isinstance(answer, Unavailable) for answer in answers] == [False, True, *[False] * 5]


class Held(Database):
    """A database whose pings wait until they are let go."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.let_go = threading.Event()

    async def write_pings(self, work: Callable[[Connection], object], /) -> object:  # type: ignore[override]  # narrower
        def held(db: Connection) -> object:
            self.let_go.wait()
            return work(db)

        return await super().write_pings(held)


async def test_while_the_database_hangs_every_waiter_is_turned_away_and_afterwards_heard_again(
    database_url: str, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "STORE_BOUND", 0.05)
    held = Held(database_url)
    held.let_go.set()
    job = (await held.write(lambda db: insert(db, [a_check("job", state=State.UP, last_ok_at=NOW)])))["job"]
    held.let_go.clear()
    line = Ingest(held)
    under_way = line.hear(success(job))
    await asyncio.sleep(0)
    waiting = line.hear(success(job))
    for turned_away in (under_way, waiting):
        with pytest.raises(Unavailable):
            await turned_away
    with pytest.raises(Unavailable):
        line.hear(success(job))
    held.let_go.set()
    await line.settle()
    assert await line.hear(success(job)) is Answer.HEARD
    held.close()


async def test_the_bytes_in_line_are_bounded(
    database: Database, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "MAX_WAITING_BYTES", 10)
    line = Ingest(database)
    heavy = success(job)
    heavy.body = b"x" * 8
    taken = line.hear(heavy)
    with pytest.raises(Unavailable):
        line.hear(heavy)
    assert await taken is Answer.HEARD
    assert await line.hear(heavy) is Answer.HEARD


async def test_the_line_is_bounded(database: Database, job: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "MAX_WAITING", 3)
    line = Ingest(database)
    taken = [line.hear(success(job)) for _ in range(3)]
    with pytest.raises(Unavailable):
        line.hear(success(job))
    assert await asyncio.gather(*taken) == [Answer.HEARD] * 3
