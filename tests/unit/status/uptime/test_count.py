"""The days of pages, counted from changes, repeatedly and after an absence."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import delete

from heartbeat.actor import Actor, Role
from heartbeat.app import System
from heartbeat.checks import store as check_store
from heartbeat.checks.schedule import Every
from heartbeat.checks.tables import transitions
from heartbeat.definitions.status_page import Component, StatusPage
from heartbeat.status import editor
from heartbeat.status.announcement import Affected, AnnouncementFields, AnnouncementKind, Status
from heartbeat.status.health import Health
from heartbeat.status.uptime import count as uptime_count
from heartbeat.status.uptime import store as uptime_store
from heartbeat.status.uptime.days import ComponentRegion, Day
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping, refuse_database
from tests.unit.status.conftest import PAGE, define

BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
CPU = {"component": "cpu", "region": "us"}
ONE = replace(PAGE, components=(replace(PAGE.components[0], silent_means="not working"),))


async def count(system: System, clock: SetClock, page: StatusPage = ONE) -> dict[date, Day]:
    """Count every day that is due. Return the measured days of the component."""
    days = await counted(system, clock, page)
    return {day.day: day for day in days["CPU allowance", ""] if day.measured}


async def counted(
    system: System, clock: SetClock, page: StatusPage = ONE
) -> dict[ComponentRegion, list[Day]]:
    """Count every day that is due. Return all days that the page shows."""
    system.beside.automation._counted_at = None
    while await system.beside.automation.count():
        pass
    return await system.context.database.read(lambda db: uptime_count.page_days(db, page, clock.now()))


@BOTH
async def test_a_day_is_counted_from_its_changes(system: System, clock: SetClock) -> None:
    await define(system, ONE)
    check = await make_check(system, labels=CPU)
    await ping(system, check)
    await fall_silent(system, clock, check)
    clock.advance(minutes=54)
    await ping(system, check)
    clock.advance(hours=1)
    day = (await count(system, clock))[NOW.date()]
    assert (day.up, day.down, day.unknown) == (360 + 3_600, 3_240, 3 * 3_600)
    clock.advance(days=1)
    days = await count(system, clock)
    assert (days[NOW.date()].up, days[NOW.date()].down) == (86_400 - 3 * 3_600 - 3_240, 3_240)
    assert days[NOW.date() + timedelta(days=1)].up == 5 * 3_600


@BOTH
async def test_missed_days_are_counted_after_an_absence(system: System, clock: SetClock) -> None:
    await define(system, ONE)
    await ping(system, await make_check(system, labels=CPU))
    await count(system, clock)
    clock.advance(days=30)
    days = await count(system, clock)
    assert len(days) == 31
    assert all(day.up == 86_400 for when, day in days.items() if NOW.date() < when < clock.at.date())


@BOTH
async def test_each_region_has_its_own_days(system: System, clock: SetClock) -> None:
    await define(system, ONE)
    us = await make_check(system, "us", labels=CPU)
    eu = await make_check(system, "eu", labels={**CPU, "region": "eu"}, schedule=Every(timedelta(days=1)))
    for check in (us, eu):
        await ping(system, check)
    await fall_silent(system, clock, us)
    clock.advance(minutes=54)
    days = await counted(system, clock)
    newest = {region: some[-1] for (_, region), some in days.items()}
    assert (newest[""].up, newest[""].degraded, newest[""].down) == (360, 3_240, 0)
    assert (newest["us"].up, newest["us"].down) == (360, 3_240)
    assert (newest["eu"].up, newest["eu"].down) == (3_600, 0)
    clock.advance(days=2)
    later = await counted(system, clock)
    assert later["CPU allowance", "us"][-3].down == 86_400 - 3 * 3_600 - 360
    assert later["CPU allowance", "eu"][-3].up == 86_400 - 3 * 3_600 - later["CPU allowance", "eu"][-3].down


async def test_earlier_days_are_counted_for_new_regions(system: System, clock: SetClock) -> None:
    await define(system, replace(ONE, regions=None))
    await ping(system, await make_check(system, labels=CPU, schedule=Every(timedelta(days=9))))
    clock.advance(days=5)
    await count(system, clock, replace(ONE, regions=None))
    await define(system, ONE)
    days = await counted(system, clock)
    assert days["CPU allowance", "us"] == days["CPU allowance", ""]
    assert [day.up > 0 for day in days["CPU allowance", "us"]] == [False] * 84 + [True] * 6


async def test_a_region_without_checks_has_no_days(system: System, clock: SetClock) -> None:
    bound = Component("Bound", {"component": "cpu", "region": "us"})
    page = replace(PAGE, components=(PAGE.components[0], bound), groups=())
    await define(system, page)
    check = await make_check(system, labels=CPU)
    await ping(system, check)
    places = {("CPU allowance", ""), ("CPU allowance", "us"), ("Bound", ""), ("Bound", "us")}
    assert set(await counted(system, clock, page)) == places
    await system.context.database.write(lambda db: check_store.remove(db, [check.id]))
    clock.advance(days=80)
    assert set(await counted(system, clock, page)) == places
    clock.advance(days=21)
    assert set(await counted(system, clock, page)) == {("CPU allowance", ""), ("Bound", "")}


async def test_maintenance_of_a_region_counts_only_in_that_region(system: System, clock: SetClock) -> None:
    actor = Actor("anna", Role.ADMIN, "test")
    await define(system, ONE)
    for region in ("us", "eu"):
        labels = {**CPU, "region": region}
        await ping(system, await make_check(system, region, labels=labels, schedule=Every(timedelta(days=1))))
    fields = AnnouncementFields(
        AnnouncementKind.MAINTENANCE,
        "New disks",
        Status.IN_PROGRESS,
        "Words.",
        clock.now(),
        clock.now() + timedelta(hours=1),
        affected=(Affected("CPU allowance", Health.MAINTENANCE, ("us",)),),
    )
    announcement = await system.context.database.write(
        lambda db: editor.make(db, actor, "public", fields, clock.now())
    )
    await system.context.database.write(lambda db: editor.publish(db, actor, announcement.id, clock.now()))
    clock.advance(minutes=30)
    days = {region: some[-1] for (_, region), some in (await counted(system, clock)).items()}
    assert (days["us"].maintenance, days["us"].up) == (1_800, 0)
    assert (days["eu"].maintenance, days["eu"].up) == (0, 1_800)
    assert (days[""].maintenance, days[""].up) == (0, 1_800)


async def test_counted_days_stay_when_their_changes_are_deleted(system: System, clock: SetClock) -> None:
    await define(system, ONE)
    check = await make_check(system, labels=CPU)
    await ping(system, check)
    await fall_silent(system, clock, check)
    clock.advance(minutes=30)
    await ping(system, check)
    original = await count(system, clock)
    clock.advance(days=3)
    await count(system, clock)
    await system.context.database.write(lambda db: db.execute(delete(transitions)))
    recounted = await count(system, clock)
    assert recounted[NOW.date()].down == original[NOW.date()].down > 0
    assert recounted[clock.at.date()].unknown == 0


async def test_each_round_counts_a_few_days(
    system: System, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uptime_count, "AT_ONCE", 10)
    await define(system, ONE)
    first = await system.context.database.read(lambda db: uptime_count.count(db, clock.now()))
    assert first.more
    assert [len(days) for days in first.days["public"].values()] == [uptime_count.AT_ONCE]
    await count(system, clock)
    later = await system.context.database.read(lambda db: uptime_count.count(db, clock.now()))
    assert not later.more
    assert [len(days) for days in later.days["public"].values()] == [2]


async def test_days_that_no_page_shows_are_deleted(system: System, clock: SetClock) -> None:
    await define(system, ONE)
    await count(system, clock)
    clock.advance(days=101)
    await system.guard.look()
    await count(system, clock)
    first = NOW.date() - timedelta(days=365)
    stored = await system.context.database.read(lambda db: uptime_store.days(db, "public", first))
    assert min(stored["CPU allowance", ""]) >= clock.at.date() - uptime_count.KEPT_FOR


async def test_days_are_counted_periodically_and_a_failure_is_logged(
    system: System, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await count(system, clock)
    assert not await system.beside.automation.count()
    clock.advance(minutes=5)
    assert await system.beside.automation.count()
    clock.advance(minutes=5)
    refuse_database(system, monkeypatch)
    assert not await system.beside.automation.count()
    monkeypatch.setattr(uptime_count, "count", lambda *_: 1 / 0)
    assert not await system.beside.automation.count()
