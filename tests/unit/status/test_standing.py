"""The word of a human on a status page, and the recoveries that end it, on a real database."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from heartbeat.actor import Actor, Role
from heartbeat.app import System
from heartbeat.checks.schedule import Every
from heartbeat.status import editor, standing, store
from heartbeat.status.announcement import Affected, AnnouncementFields, AnnouncementKind, Status
from heartbeat.status.health import Health
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping
from tests.unit.status.conftest import PAGE, define

ANNA = Actor("Anna", Role.RESPONDER, "session")
CPU = "CPU allowance"


async def health_in(system: System, *regions: str) -> list[Health | None]:
    """The health of the component in these regions."""

    def read(db: Connection) -> list[Health | None]:
        now = system.context.clock.now()
        row = standing.at(db, PAGE, store.check_counts(db), store.open_of(db, "public"), now).rows[0]
        return [cell.health if (cell := row.cells.get(region)) else None for region in regions]

    return await system.context.database.read(read)


async def announce(system: System, clock: SetClock, *affected: Affected) -> int:
    """Publish an incident with these words."""
    fields = AnnouncementFields(
        AnnouncementKind.INCIDENT, "Trouble", Status.INVESTIGATING, "We look.", clock.now(), affected=affected
    )
    write = system.context.database.write
    number = (await write(lambda db: editor.make(db, ANNA, "public", fields, clock.now()))).id
    await write(lambda db: editor.publish(db, ANNA, number, clock.now()))
    return number


async def update(system: System, clock: SetClock, number: int, status: Status, *affected: Affected) -> None:
    await system.context.database.write(
        lambda db: editor.update(
            db, ANNA, number, status, f"At {clock.now()}.", clock.now(), affected=affected or None
        )
    )


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_word_holds_until_the_checks_of_its_region_recover(system: System, clock: SetClock) -> None:
    await define(system, PAGE)
    daily = Every(timedelta(days=1))
    us = await make_check(system, "us", labels={"component": "cpu", "region": "us"})
    other = await make_check(system, "other", labels={"component": "cpu", "region": "us"}, schedule=daily)
    eu = await make_check(system, "eu", labels={"component": "cpu", "region": "eu"}, schedule=daily)
    for check in (us, other, eu):
        await ping(system, check)
    await fall_silent(system, clock, us)
    await announce(system, clock, Affected(CPU, Health.STOPPED))
    assert await health_in(system, "us", "eu") == [Health.STOPPED, Health.STOPPED]
    clock.advance(minutes=1)
    await ping(system, us)
    assert await health_in(system, "us", "eu") == [Health.STOPPED, Health.STOPPED]
    clock.advance(minutes=2)
    assert await health_in(system, "us", "eu") == [Health.NORMAL, Health.STOPPED]
    await fall_silent(system, clock, us)
    assert await health_in(system, "us", "eu") == [Health.DELAYED, Health.STOPPED]


async def test_one_good_ping_does_not_end_a_word(system: System, clock: SetClock) -> None:
    await define(system, PAGE)
    us = await make_check(system, "us", labels={"component": "cpu", "region": "us"})
    await ping(system, us)
    await fall_silent(system, clock, us)
    await announce(system, clock, Affected(CPU, Health.STOPPED, ("us",)))
    clock.advance(minutes=1)
    await ping(system, us)
    clock.advance(minutes=1)
    await ping(system, us, "/fail")
    clock.advance(minutes=30)
    assert await health_in(system, "us") == [Health.STOPPED]


async def test_an_update_says_it_again(system: System, clock: SetClock) -> None:
    await define(system, PAGE)
    us = await make_check(system, "us", labels={"component": "cpu", "region": "us"})
    await ping(system, us)
    await fall_silent(system, clock, us)
    number = await announce(system, clock, Affected(CPU, Health.STOPPED, ("us",)))
    clock.advance(minutes=1)
    await ping(system, us)
    clock.advance(minutes=2)
    assert await health_in(system, "us") == [Health.NORMAL]
    clock.advance(minutes=1)
    await update(system, clock, number, Status.IDENTIFIED)
    assert await health_in(system, "us") == [Health.STOPPED]
    await update(system, clock, number, Status.MONITORING)
    assert await health_in(system, "us") == [Health.NORMAL]


async def test_an_ended_announcement_says_nothing(system: System, clock: SetClock) -> None:
    await define(system, PAGE)
    us = await make_check(system, "us", labels={"component": "cpu", "region": "us"})
    await ping(system, us)
    await fall_silent(system, clock, us)
    first = await announce(system, clock, Affected(CPU, Health.STOPPED, ("us",)))
    second = await announce(system, clock, Affected(CPU, Health.NORMAL, ("us",)))
    assert await health_in(system, "us") == [Health.STOPPED]
    await update(system, clock, first, Status.RESOLVED)
    assert await health_in(system, "us") == [Health.NORMAL]
    await update(system, clock, second, Status.RESOLVED)
    assert await health_in(system, "us") == [Health.DELAYED]


async def test_a_word_about_what_no_check_measures_holds(system: System, clock: SetClock) -> None:
    await define(system, PAGE)
    us = await make_check(system, "us", labels={"component": "cpu", "region": "us"})
    await ping(system, us)
    number = await announce(system, clock, Affected(CPU, Health.STOPPED, ("us",)))
    clock.advance(minutes=1)
    await ping(system, us)
    assert await health_in(system, "us") == [Health.STOPPED]
    # Without an update of the announcement, a change of its details is the newest word.
    fields = AnnouncementFields(
        AnnouncementKind.INCIDENT,
        "Trouble",
        Status.INVESTIGATING,
        "",
        clock.now(),
        affected=(Affected(CPU, Health.DELAYED, ("us",)),),
    )
    await system.context.database.write(lambda db: editor.change(db, ANNA, number, fields, clock.now()))
    assert await health_in(system, "us") == [Health.DELAYED]
