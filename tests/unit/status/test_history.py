"""The days of the pages, counted from what really happened, again and again and after an absence."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import delete, make_url

from heartbeat.app import System
from heartbeat.config import StatusPage
from heartbeat.database import engine, transact
from heartbeat.status import history, ledger
from heartbeat.status.uptime import Day
from heartbeat.tables import transitions
from tests.unit.conftest import NOW, waiting
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping, refuse_database
from tests.unit.status.conftest import PAGE, define

BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
CPU = {"component": "cpu", "region": "us"}
ONE = replace(PAGE, components=PAGE.components[:1])


async def count(system: System, clock: SetClock, page: StatusPage = ONE) -> dict[date, Day]:
    """Count to the end, and what is then known of the component."""
    system.steward._counted_at = None
    while await system.steward.count():
        pass
    found = await system.door.database.read(lambda db: history.page_days(db, page, clock.now()))
    return {day.day: day for day in found["CPU allowance"] if day.known}


@BOTH
async def test_a_day_is_counted_from_what_happened(system: System, clock: SetClock) -> None:
    await define(system, ONE)
    one = await make_check(system, labels=CPU)
    await ping(system, one)
    await fall_silent(system, clock, one)
    clock.advance(minutes=54)
    await ping(system, one)
    clock.advance(hours=1)
    day = (await count(system, clock))[NOW.date()]
    assert (day.up, day.down, day.unknown) == (360 + 3_600, 3_240, 3 * 3_600)
    clock.advance(days=1)
    days = await count(system, clock)
    assert (days[NOW.date()].up, days[NOW.date()].down) == (86_400 - 3 * 3_600 - 3_240, 3_240)
    assert days[NOW.date() + timedelta(days=1)].up == 5 * 3_600


@BOTH
async def test_after_an_absence_the_days_between_are_counted(system: System, clock: SetClock) -> None:
    await define(system, ONE)
    await ping(system, await make_check(system, labels=CPU))
    await count(system, clock)
    clock.advance(days=30)
    days = await count(system, clock)
    assert len(days) == 31
    assert all(day.up == 86_400 for when, day in days.items() if NOW.date() < when < clock.at.date())


def test_two_processes_that_count_the_same_day_at_the_same_time_agree(
    make_database_url: Callable[[str], str],
) -> None:
    writer = engine(make_url(make_database_url("postgres")), writing=True)
    first, second = (Day(NOW.date(), up=up) for up in (1.0, 2.0))
    try:
        with ThreadPoolExecutor(1) as thread, writer.connect() as db, db.begin():
            ledger.put_days(db, "public", "Mail", [first])
            other = thread.submit(
                transact, writer, lambda db: ledger.put_days(db, "public", "Mail", [second])
            )
            assert any(waiting(writer) for _ in range(5_000))
            db.commit()
        assert other.exception() is None
        found = transact(writer, lambda db: ledger.days(db, "public", NOW.date()))
        assert found["Mail"][NOW.date()].up == 2.0
    finally:
        writer.dispose()


async def test_what_was_counted_stays_when_its_changes_are_forgotten(system: System, clock: SetClock) -> None:
    await define(system, ONE)
    one = await make_check(system, labels=CPU)
    await ping(system, one)
    await fall_silent(system, clock, one)
    clock.advance(minutes=30)
    await ping(system, one)
    before = await count(system, clock)
    clock.advance(days=3)
    await count(system, clock)
    await system.door.database.write(lambda db: db.execute(delete(transitions)))
    after = await count(system, clock)
    assert after[NOW.date()].down == before[NOW.date()].down > 0
    assert after[clock.at.date()].unknown == 0


async def test_each_round_counts_a_few_days(system: System, clock: SetClock) -> None:
    await define(system, ONE)
    first = await system.door.database.read(lambda db: history.count(db, clock.now()))
    assert first.more
    assert [len(days) for days in first.days.values()] == [history.AT_ONCE]
    await count(system, clock)
    later = await system.door.database.read(lambda db: history.count(db, clock.now()))
    assert not later.more
    assert [len(days) for days in later.days.values()] == [2]


async def test_what_no_page_shows_is_forgotten(system: System, clock: SetClock) -> None:
    await define(system, ONE)
    await count(system, clock)
    clock.advance(days=101)
    await count(system, clock)
    first = NOW.date() - timedelta(days=365)
    kept = await system.door.database.read(lambda db: ledger.days(db, "public", first))
    assert min(kept["CPU allowance"]) >= clock.at.date() - history.KEPT


async def test_it_is_counted_once_in_a_while_and_a_fault_is_told(
    system: System, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await count(system, clock)
    assert not await system.steward.count()
    clock.advance(minutes=5)
    assert await system.steward.count()
    clock.advance(minutes=5)
    refuse_database(system, monkeypatch)
    assert not await system.steward.count()
    monkeypatch.setattr(history, "count", lambda *_: 1 / 0)
    assert not await system.steward.count()
