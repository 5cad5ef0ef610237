"""The watch for unusual runs: marks them after their pings are stored, and pages for them only if it is told to."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, event

from alerting import desk
from alerting.incident import Incident
from alerting.severity import Severity
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, Signal, State
from heartbeat.database import Database
from heartbeat.measurements import unusual_store
from heartbeat.metrics import Metrics
from heartbeat.pings import measured_pings, unusual_watch
from heartbeat.pings import store as pings
from heartbeat.pings.arrival import Arrival, ByUuid, NumberedPing
from heartbeat.pings.unusual_watch import UnusualWatch
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
ROUND = timedelta(minutes=10)


class Hand:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
async def job(database_url: str, insert: Insert) -> AsyncIterator["Job"]:
    database = Database(database_url)
    await database.write(lambda db: insert(db, [a_check("reset", policy="ops")]))
    yield Job(database)
    database.close()


class Job:
    """A job that runs every ten minutes and says how many accounts it has processed."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Hand()
        self.metrics = Metrics()
        self.runs = 0

    def watch(self, *, warns: bool = False) -> UnusualWatch:
        return UnusualWatch(self.database, self.clock, self.metrics, warns=warns)  # type: ignore[arg-type]

    async def run(self, processed: float, signal: Signal = Signal.SUCCESS) -> None:
        self.clock.at += ROUND
        self.runs += 1
        await self.database.write(lambda db: self._store(db, processed, signal))
        self.clock.at += unusual_watch.SETTLED

    def _store(self, db: Connection, processed: float, signal: Signal) -> None:
        (check,) = check_store.lock_all(db).values()
        numbers = {"processed": processed}
        target = ByUuid(check.uuid.hex)
        arrival = Arrival(target, signal, self.clock.at, "POST", "", "", measurements=numbers)
        pings.keep(db, [NumberedPing(check.id, self.runs, arrival, None)])
        check_store.save(db, [replace(check, state=State.UP, pings=self.runs, last_ok_at=self.clock.at)])

    async def learn(self) -> None:
        """Run as often as a band needs, and look at all of it."""
        for n in range(30):
            await self.run(4_000 + 30 * (n % 7))
        assert await self.watch().look() == 0

    async def marks(self) -> list[str]:
        since = NOW - timedelta(days=1)
        found = await self.database.read(lambda db: unusual_store.since(db, since, 10))
        return [mark.words for _, mark in found]

    async def incidents(self) -> list[Incident]:
        return list(await self.database.read(lambda db: desk.incidents(db, open_only=True)))


async def test_the_run_that_processed_nothing_is_marked_and_pages_nobody(job: Job) -> None:
    await job.learn()
    await job.run(0)
    assert await job.watch().look() == 1
    (words,) = await job.marks()
    assert words.startswith("processed 0, usually ")
    assert await job.incidents() == []
    assert job.metrics.unusual_runs._value.get() == 1


async def test_each_run_is_looked_at_once_by_all_processes_together(job: Job) -> None:
    await job.learn()
    await job.run(0)
    looks = [await job.watch().look(), await job.watch().look()]
    await job.run(4_000)
    looks.append(await job.watch().look())
    assert (looks, len(await job.marks())) == ([1, 0, 0], 1)


async def test_with_the_setting_an_unusual_run_is_a_warning_until_a_run_is_usual(job: Job) -> None:
    await job.learn()
    await job.run(0)
    await job.watch(warns=True).look()
    (incident,) = await job.incidents()
    assert (incident.title, incident.severity) == ("reset", Severity.WARNING)
    await job.run(4_030)
    await job.watch(warns=True).look()
    symptoms = await job.database.read(lambda db: desk.symptoms(db, [incident.id]))
    (symptom,) = symptoms[incident.id]
    assert symptom.cleared_why == unusual_watch.USUAL_AGAIN
    assert symptom.facts.why.startswith("processed 0, usually ")


async def test_a_mark_is_forgotten_after_ninety_days(job: Job) -> None:
    await job.learn()
    await job.run(0)
    await job.watch().look()
    job.clock.at += unusual_watch.KEPT + timedelta(days=1)
    await job.watch().look()
    assert await job.marks() == []


async def test_a_job_without_numbers_is_not_read(job: Job) -> None:
    await job.learn()
    since = job.clock.at
    await job.run(0)
    await job.database.write(lambda db: db.exec_driver_sql("UPDATE pings SET measurements = NULL"))
    looked_at = await job.database.read(
        lambda db: measured_pings.newly_measured(db, 0, since, job.clock.at, 10)
    )
    assert looked_at == []


@pytest.mark.parametrize("count", [2, unusual_watch.BATCH])
async def test_a_batch_of_checks_is_a_fixed_number_of_statements(
    database_url: str, insert: Insert, count: int
) -> None:
    database = Database(database_url)

    def write(db: Connection) -> list[Check]:
        made = list(insert(db, [a_check(f"job-{n}") for n in range(count)]).values())
        target = ByUuid(made[0].uuid.hex)
        arrival = Arrival(target, Signal.SUCCESS, NOW, "POST", "", "", measurements={"rows": 1})
        pings.keep(db, [NumberedPing(check.id, 1, arrival, None) for check in made])
        return made

    checks = await database.write(write)
    statements: list[str] = []
    event.listen(database.writer, "before_cursor_execute", lambda *a: statements.append(a[2]))
    since = NOW - timedelta(minutes=1)
    marks = await database.write(lambda db: unusual_watch.judged(db, checks, since))
    database.close()
    reads = [statement for statement in statements if statement.startswith("SELECT")]
    assert (len(marks), len(reads)) == (count, 2), reads
