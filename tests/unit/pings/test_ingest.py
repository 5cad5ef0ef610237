"""The queue before the database: group commit, bounds, and one bad row that spoils nothing."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Connection, event

from alerting import desk
from alerting.incident import Facts
from alerting.origin import Origin
from heartbeat import audit
from heartbeat.checks import definition, life
from heartbeat.checks import store as checks
from heartbeat.checks.check import Change, Check, Ping, Signal, State
from heartbeat.checks.definition import CheckDefinition
from heartbeat.database import Database
from heartbeat.pings import ingest, keys, store, unexpected_store, usage_store
from heartbeat.pings.arrival import Arrival, BySlug, ByToken, ByUuid, PingResult
from heartbeat.pings.creation import CreationLimit
from heartbeat.pings.ingest import Ingest
from heartbeat.pings.keys import PingKey
from tests.unit.conftest import NOW, a_check

T = TypeVar("T")
Insert = Callable[[Connection, list[Check]], dict[str, Check]]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
async def job(database: Database, insert: Insert) -> Check:
    jobs = await database.write(lambda db: insert(db, [a_check("job", state=State.UP, last_ok_at=NOW)]))
    return jobs["job"]


def well(count: int) -> list[Check]:
    return [a_check(f"job-{n}", state=State.UP, last_ok_at=NOW) for n in range(count)]


def success(job: Check, agent: str = "curl") -> Arrival:
    return Arrival(
        ByUuid(job.uuid.hex), Signal.SUCCESS, NOW + timedelta(seconds=1), "GET", "127.0.0.1", agent
    )


async def test_pings_that_arrive_during_a_commit_are_the_next_batch(database: Database, job: Check) -> None:
    sizes: list[int] = []
    line = Ingest(database, observe_batch=lambda size, seconds: sizes.append(size))
    first = line.hear(success(job))
    await asyncio.sleep(0)
    rest = [line.hear(success(job)) for _ in range(50)]
    results = await asyncio.gather(first, *rest)
    assert set(results) == {PingResult.HEARD}
    assert sizes == [1, 50]
    check = await database.read(lambda db: checks.load(db, "job"))
    assert check is not None
    assert check.pings == 51


@pytest.mark.parametrize("prepared", [False, True])
async def test_plain_pings_by_uuid_are_one_statement_that_commits_itself(
    make_database_url: Callable[[str], str], insert: Insert, prepared: bool
) -> None:
    database = Database(make_database_url("postgres"), prepared=prepared)
    jobs = await database.write(lambda db: insert(db, well(5)))
    transactions: list[bool] = []
    event.listen(database.writer, "begin", lambda _: transactions.append(True))
    line = Ingest(database)
    results = await asyncio.gather(*(line.hear(success(job)) for job in jobs.values()))
    assert (results, transactions) == ([PingResult.HEARD] * 5, [])
    # Other connections see it, and it is prepared only if that is wished.
    assert (
        await database.read(lambda db: [len(store.last_pings(db, job.id)) for job in jobs.values()])
        == [1] * 5
    )
    known = await database.write_pings(
        lambda db: db.exec_driver_sql("SELECT statement FROM pg_prepared_statements").scalars().all(),
        at_once=True,
    )
    assert any("WITH heard" in statement for statement in known) is prepared
    database.close()


async def test_a_batch_by_uuid_may_hold_pings_of_every_check(database: Database, insert: Insert) -> None:
    woken: list[None] = []
    new, up = a_check("new"), a_check("up", state=State.UP, last_ok_at=NOW)
    jobs = await database.write(lambda db: insert(db, [new, up]))
    line = Ingest(database, wake=lambda: woken.append(None))
    await database.write(
        lambda db: checks.save(db, [life.on_due(jobs["new"], NOW + timedelta(hours=1)).check])
    )
    results = await asyncio.gather(
        *(line.hear(success(job)) for job in (a_check("nobody"), jobs["new"], jobs["up"], jobs["new"]))
    )
    assert results == [PingResult.UNKNOWN, *[PingResult.HEARD] * 3]
    stored = await database.read(lambda db: [len(store.last_pings(db, job.id)) for job in jobs.values()])
    assert dict(zip(jobs, stored, strict=True)) == {"new": 2, "up": 1}
    assert len(woken) == 1


async def test_the_next_batch_is_under_way_before_the_last_one_is_answered(
    database: Database, job: Check
) -> None:
    line = Ingest(database)
    first = line.hear(success(job))
    await asyncio.sleep(0)
    second = line.hear(success(job))
    under_way: list[bool] = []
    first.add_done_callback(lambda _: under_way.append(bool(line._waiting)))
    assert {await first, await second} == {PingResult.HEARD}
    assert under_way == [False]


async def test_a_ping_that_comes_with_an_answer_is_answered_too(database: Database, job: Check) -> None:
    line = Ingest(database)
    results: list[PingResult] = []
    answered = asyncio.Event()

    def first(result: PingResult) -> None:
        results.append(result)
        line.put(success(job), second)

    def second(result: PingResult) -> None:
        results.append(result)
        answered.set()

    line.put(success(job), first)
    async with asyncio.timeout(20):
        await answered.wait()
    assert results == [PingResult.HEARD] * 2


async def test_an_answer_means_committed(database: Database, job: Check) -> None:
    await Ingest(database).hear(success(job))
    stored = await database.read(lambda db: store.last_pings(db, job.id))
    assert [ping.n for ping in stored] == [1]


@pytest.mark.parametrize("last_ok_at", [NOW, None])
async def test_a_failure_says_when_the_check_was_last_well(
    database: Database, insert: Insert, last_ok_at: datetime | None
) -> None:
    new = a_check("job", last_ok_at=last_ok_at)
    job = (await database.write(lambda db: insert(db, [new])))["job"]
    failure = replace(success(job), signal=Signal.FAIL, body=b"disk full")
    await Ingest(database).hear(failure)
    number = (await database.read(lambda db: desk.incident_of(db, [f"check:{job.id}"])))[f"check:{job.id}"]
    (symptom,) = (await database.read(lambda db: desk.symptoms(db, [number])))[number]
    assert symptom.facts == Facts(
        since=failure.at,
        last_heard_at=failure.at,
        last_well_at=last_ok_at,
        never_well=last_ok_at is None,
        last_said="disk full",
        why="reported failure",
        slug="job",
        uuid=str(job.uuid),
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
    results = await asyncio.gather(*(line.hear(arrival) for arrival in arrivals))
    database.close()
    assert results == [PingResult.HEARD, PingResult.UNAVAILABLE, *[PingResult.HEARD] * 5]


class Held(Database):
    """A database whose pings wait until they are let go."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.let_go = threading.Event()

    def write_pings(
        self, work: Callable[[Connection], T], /, *, at_once: bool = False
    ) -> "asyncio.Future[T]":
        def held(db: Connection) -> T:
            self.let_go.wait()
            return work(db)

        return super().write_pings(held, at_once=at_once)


async def test_one_ping_that_cannot_be_judged_spoils_no_other(
    database: Database, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = await database.write(lambda db: insert(db, [a_check(slug) for slug in "abc"]))
    honest = life.on_ping

    def on_ping(check: Check, ping: Ping) -> Change:
        if check.slug == "b":
            raise ArithmeticError
        return honest(check, ping)

    monkeypatch.setattr(life, "on_ping", on_ping)
    line = Ingest(database)
    results = await asyncio.gather(*(line.hear(success(job)) for job in jobs.values()))
    assert results == [PingResult.HEARD, PingResult.UNAVAILABLE, PingResult.HEARD]


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
    for turned_away in (under_way, waiting, line.hear(success(job))):
        assert await turned_away is PingResult.UNAVAILABLE
    held.let_go.set()
    await line.settle()
    assert await line.hear(success(job)) is PingResult.HEARD
    held.close()


async def test_the_bytes_in_line_are_bounded(
    database: Database, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "MAX_WAITING_BYTES", 10)
    line = Ingest(database)
    heavy = replace(success(job), body=b"x" * 8)
    taken = line.hear(heavy)
    assert await line.hear(heavy) is PingResult.UNAVAILABLE
    assert await taken is PingResult.HEARD
    assert await line.hear(heavy) is PingResult.HEARD


async def test_the_line_is_bounded(database: Database, job: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "MAX_WAITING", 3)
    line = Ingest(database)
    taken = [line.hear(success(job)) for _ in range(3)]
    assert await line.hear(success(job)) is PingResult.UNAVAILABLE
    assert await asyncio.gather(*taken) == [PingResult.HEARD] * 3


async def test_no_check_owns_a_token_yet(database: Database, job: Check) -> None:
    by_token = replace(success(job), target=ByToken("job"))
    line = Ingest(database)

    results = await asyncio.gather(*[line.hear(by_token), line.hear(success(job))])

    assert results == [PingResult.UNKNOWN, PingResult.HEARD]
    assert len(await database.read(lambda db: store.last_pings(db, job.id))) == 1


async def test_a_ping_may_report_measurements(database: Database, job: Check) -> None:
    measured = replace(success(job), measurements={"rows": 1200.0, "duration": 3.5})

    assert await Ingest(database).hear(measured) is PingResult.HEARD


async def test_the_audit_log_has_the_definition_of_a_check_that_its_first_ping_created(
    database: Database,
) -> None:
    await database.write(lambda db: keys.add(db, PingKey("house", "aa", Origin.API)))
    first = Arrival(BySlug("aa", "new", create=True), Signal.SUCCESS, NOW, "GET", "192.0.2.7", "curl")

    assert await Ingest(database).hear(first) is PingResult.CREATED

    created = await database.read(lambda db: checks.load(db, "new"))
    (deed,) = await database.read(lambda db: audit.listed(db, limit=10))
    assert created is not None
    assert deed.after == definition.written(CheckDefinition.of(created))
    assert (deed.actor, deed.via, deed.remote) == ("house", "ping key house", "192.0.2.7")


def named(slug: str, key: str = "aa", **changes: object) -> Arrival:
    """A ping by name that creates its check."""
    arrival = Arrival(BySlug(key, slug, create=True), Signal.SUCCESS, NOW, "GET", "192.0.2.7", "curl")
    return replace(arrival, **changes)  # type: ignore[arg-type]  # any field


async def test_pings_create_checks_up_to_the_limit_and_known_checks_go_on_being_heard(
    database: Database,
) -> None:
    await database.write(lambda db: keys.add(db, PingKey("house", "aa", Origin.API)))
    line = Ingest(database, limit=CreationLimit(in_all=3))
    results = await asyncio.gather(*(line.hear(named(f"job-{number}")) for number in range(5)))
    assert results == [PingResult.CREATED] * 3 + [PingResult.REFUSED] * 2

    again = await asyncio.gather(*(line.hear(named(f"job-{number}")) for number in (0, 3)))
    assert again == [PingResult.HEARD, PingResult.REFUSED]
    assert await line.hear(named("job-4", "a key that does not exist")) is PingResult.UNKNOWN
    assert await line.hear(named("job-4", target=BySlug("aa", "job-4"))) is PingResult.UNKNOWN
    stored = await database.read(checks.count_by_state)
    assert sum(stored.values()) == 3

    await line.settle()
    names = {pings.name for pings in await database.read(unexpected_store.listed)}
    assert names == {"job-3", "job-4"}


async def test_a_check_that_pings_may_not_create_is_created_once_there_is_room(database: Database) -> None:
    await database.write(lambda db: keys.add(db, PingKey("house", "aa", Origin.API)))
    line = Ingest(database, limit=CreationLimit(in_all=1))
    assert await line.hear(named("job-1")) is PingResult.CREATED
    assert await line.hear(named("job-2")) is PingResult.REFUSED
    first = await database.read(lambda db: checks.load(db, "job-1"))
    assert first is not None

    def make_room(db: Connection) -> None:
        checks.remove(db, [first.id])
        usage_store.recount(db, NOW)

    await database.write(make_room)
    assert await line.hear(named("job-2")) is PingResult.CREATED


async def test_one_key_creates_no_more_than_its_share_in_an_hour(database: Database) -> None:
    await database.write(lambda db: keys.add(db, PingKey("mad", "aa", Origin.API)))
    await database.write(lambda db: keys.add(db, PingKey("good", "bb", Origin.API)))
    line = Ingest(database, limit=CreationLimit(in_all=1_000))
    results = await asyncio.gather(*(line.hear(named(f"job-{number}")) for number in range(150)))
    assert results.count(PingResult.CREATED) == 100
    assert await line.hear(named("other", "bb")) is PingResult.CREATED
    assert await line.hear(named("later", at=NOW + timedelta(hours=1))) is PingResult.CREATED
