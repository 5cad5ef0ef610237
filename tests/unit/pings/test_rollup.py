"""Numbers of pings come into their history: all of them, once, also after a crash, beside the pings."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select

from heartbeat.checks.check import Check, Signal, State
from heartbeat.database import Database
from heartbeat.measurements import store as measurements
from heartbeat.measurements.history import KEPT_DAYS, Spread
from heartbeat.measurements.tables import measured_days
from heartbeat.pings import lanes, rollup
from heartbeat.pings.arrival import Arrival, ByUuid, PingResult
from heartbeat.pings.ingest import Ingest
from heartbeat.pings.rollup import MOST_NAMES, Rollup
from tests.unit.conftest import NOW, a_check
from tests.unit.http.conftest import SetClock

Insert = Callable[[Connection, list[Check]], dict[str, Check]]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


class Bench:
    """Checks that are pinged, and what is counted of it."""

    def __init__(self, database: Database, jobs: dict[str, Check], clock: SetClock) -> None:
        self.database = database
        self.jobs = jobs
        self.clock = clock
        self.restart()

    def restart(self) -> None:
        """Begin as a new process, which has noted nothing."""
        self.rollup = Rollup(self.database, self.clock)
        self.ingest = Ingest(self.database, note_measured=self.rollup.note)

    async def ping(self, slug: str = "job", signal: Signal = Signal.SUCCESS, **sent: Any) -> None:
        """Ping at the time of the clock."""
        target = ByUuid(self.jobs[slug].uuid.hex)
        arrival = Arrival(target, signal, self.clock.now(), "POST", "", "", **sent)
        assert await self.ingest.hear(arrival) is PingResult.HEARD

    async def history(self, slug: str = "job") -> dict[str, dict[date, Spread]]:
        """What is counted: the spread of each day by name."""
        days = await self.database.read(lambda db: measurements.of_check(db, self.jobs[slug].id, date.min))
        return {name: {day: value.whole for day, value in of.items()} for name, of in days.items()}


@pytest.fixture
async def bench(database: Database, insert: Insert, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(rollup, "PAUSE", 0.0)
    monkeypatch.setattr(rollup, "REST", 0.0)
    ups = [a_check(slug, state=State.UP, last_ok_at=NOW) for slug in ("job", "other", "plain")]
    jobs = await database.write(lambda db: insert(db, ups))
    return Bench(database, jobs, SetClock(NOW))


TODAY = NOW.date()


async def test_reported_numbers_and_those_of_the_run_itself_are_counted(bench: Bench) -> None:
    await bench.ping(signal=Signal.START)
    bench.clock.advance(seconds=90)
    await bench.ping(measurements={"rows": 5}, body=b"12345678", exit_status=0)
    bench.clock.advance(hours=1)
    await bench.ping(signal=Signal.FAIL, measurements={"rows": 7}, exit_status=3)
    await bench.ping("other", signal=Signal.LOG, measurements={"left": 2}, body=b"not the end of a run")
    await bench.ping("plain")
    assert await bench.rollup.roll() == 2

    assert await bench.history() == {
        "body_size": {TODAY: Spread(1, 8, 8, 8)},
        "duration": {TODAY: Spread(1, 90, 90, 90)},
        "exit_status": {TODAY: Spread(2, 0, 1.5, 3)},
        "rows": {TODAY: Spread(2, 5, 6, 7)},
    }
    assert await bench.history("other") == {"left": {TODAY: Spread(1, 2, 2, 2)}}
    hours = await bench.database.read(
        lambda db: db.execute(
            select(measured_days.c.hours).where(measured_days.c.name == "rows")
        ).scalar_one()
    )
    assert hours == [[3, 1, 5, 5, 5], [4, 1, 7, 7, 7]]


async def test_every_ping_is_counted_once(bench: Bench) -> None:
    assert await bench.rollup.roll() == 0
    for value in (1, 2):
        await bench.ping(measurements={"rows": value})
        await bench.rollup.roll()
        assert await bench.rollup.roll() == 0
    bench.rollup.note([bench.jobs["job"].uuid.hex])
    await bench.rollup.roll()
    await bench.ping(measurements={"rows": 9})
    bench.rollup.note(["00" * 16])
    await bench.rollup.roll()
    assert await bench.history() == {"rows": {TODAY: Spread(3, 1, 2, 9)}}


async def test_a_crash_loses_no_number(bench: Bench) -> None:
    await bench.ping(measurements={"rows": 1})
    await bench.ping("other", body=b"text")
    await bench.ping("plain", exit_status=0)
    bench.restart()
    assert await bench.rollup.roll() == 0
    assert await bench.rollup.catch_up() == 2
    assert await bench.rollup.catch_up() == 0
    assert await bench.history() == {"rows": {TODAY: Spread(1, 1, 1, 1)}}
    assert await bench.history("other") == {"body_size": {TODAY: Spread(1, 4, 4, 4)}}


async def test_what_could_not_be_counted_is_counted_in_the_next_round(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.ping(measurements={"rows": 1})
    with monkeypatch.context() as patch:
        patch.setattr(measurements, "put", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await bench.rollup.roll()
    assert await bench.rollup.roll() == 1
    assert await bench.history() == {"rows": {TODAY: Spread(1, 1, 1, 1)}}


async def test_two_processes_that_count_the_same_check_count_each_ping_once(bench: Bench) -> None:
    for value in range(5):
        await bench.ping(measurements={"rows": value})
    ids = [bench.jobs["job"].id]
    await asyncio.gather(*(bench.database.write(lambda db: rollup.count(db, ids)) for _ in range(4)))
    assert await bench.history() == {"rows": {TODAY: Spread(5, 0, 2, 4)}}


async def test_the_names_of_a_day_are_bounded_and_the_first_ones_stay(bench: Bench) -> None:
    for n in range(3):
        await bench.ping(measurements={"rows": n, **{f"run-{n}-{k}": k for k in range(40)}})
        await bench.rollup.roll()
    counted = await bench.history()
    assert len(counted) == MOST_NAMES
    assert counted["rows"] == {TODAY: Spread(3, 0, 1, 2)}


async def test_old_days_go_and_so_do_the_samples_of_the_day_before(bench: Bench) -> None:
    for days in (0, 1, KEPT_DAYS):
        bench.clock.advance(days=days)
        await bench.ping(measurements={"rows": days})
        await bench.ping("other", measurements={"rows": days}) if days < 2 else None
        await bench.rollup.roll()
    last = bench.clock.now().date()
    assert list((await bench.history())["rows"]) == [last - timedelta(days=KEPT_DAYS), last]
    with_samples = select(func.count()).where(measured_days.c.samples.is_not(None))
    assert await bench.database.read(lambda db: db.execute(with_samples).scalar()) == 2
    assert len((await bench.history("other"))["rows"]) == 2, "it was not pinged any more"
    await bench.rollup.catch_up()
    assert len((await bench.history("other"))["rows"]) == 1


async def test_plain_pings_are_not_noted_and_cost_no_statement_more(bench: Bench) -> None:
    noted: list[str] = []
    line = [
        Arrival(ByUuid(job.uuid.hex), Signal.SUCCESS, NOW, "GET", "", "", exit_status=0)
        for job in bench.jobs.values()
    ]
    statements: list[str] = []
    event.listen(bench.database.writer, "before_cursor_execute", lambda *a: statements.append(a[2]))
    await bench.database.write(lambda db: lanes.hear(db, line, note_measured=noted.extend))
    assert noted == []
    assert len(statements) == (4 if bench.database.sqlite else 1)
    line[0].body = b"a line"
    await bench.database.write(lambda db: lanes.hear(db, line, note_measured=noted.extend))
    assert noted == [bench.jobs["job"].uuid.hex]


async def test_many_checks_are_counted_in_as_many_statements_as_one(bench: Bench) -> None:
    counts = []
    for slugs in (["job"], ["other", "plain"]):
        for slug in slugs:
            await bench.ping(slug, measurements={"rows": 1})
        ids = [bench.jobs[slug].id for slug in slugs]
        statements: list[str] = []
        event.listen(
            bench.database.writer, "before_cursor_execute", lambda *a, into=statements: into.append(a[2])
        )
        await bench.database.write(lambda db, ids=ids: rollup.count(db, ids))  # type: ignore[misc]
        counts.append(len(statements))
    assert counts[0] == counts[1] < 10


async def test_a_transaction_that_is_rolled_back_notes_nothing(bench: Bench) -> None:
    noted: list[str] = []
    line = [
        Arrival(ByUuid(bench.jobs["job"].uuid.hex), Signal.FAIL, NOW, "GET", "", "", measurements={"a": 1})
    ]

    def work(db: Connection) -> None:
        lanes.hear(db, line, note_measured=noted.extend)
        raise LookupError

    with pytest.raises(LookupError):
        await bench.database.write(work)
    assert noted == []
