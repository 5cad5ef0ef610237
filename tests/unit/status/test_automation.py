"""Automatic updates of pages, and the pages that have none."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerting import regroup
from alerting.incident import Pace
from heartbeat.app import System
from heartbeat.status import automation, editor, store
from heartbeat.status.announcement import Announcement, AnnouncementKind, Status
from tests.unit.conftest import NOW
from tests.unit.http.conftest import (
    SetClock,
    fall_silent,
    incident_of,
    make_check,
    ping,
    recover,
    refuse_database,
)
from tests.unit.status.conftest import PAGE, define
from tests.unit.status.test_announcement import announcement_fields
from tests.unit.status.test_editor import do

BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
CPU = {"component": "cpu", "region": "us"}


async def announcements(system: System) -> list[Announcement]:
    """Everything on the page, newest first."""
    return await system.context.database.read(lambda db: store.listed(db, "public", limit=10))


async def make_maintenance(system: System, **facts: Any) -> Announcement:
    defaults: dict[str, Any] = {"kind": AnnouncementKind.MAINTENANCE, "status": Status.SCHEDULED}
    defaults |= {"starts_at": NOW + timedelta(hours=1), "ends_at": NOW + timedelta(hours=2)}
    announcement: Announcement = await do(
        system, editor.make, "public", announcement_fields(**defaults | facts), NOW
    )
    return announcement


@BOTH
async def test_a_maintenance_starts_and_ends_automatically(system: System, clock: SetClock) -> None:
    await define(system, PAGE)
    announcement = await make_maintenance(system)
    await do(system, editor.publish, announcement.id, NOW)
    assert await system.beside.automation.round() == 0
    clock.advance(hours=1)
    assert await system.beside.automation.round() == 1
    assert await system.beside.automation.round() == 0
    clock.advance(hours=1)
    assert await system.beside.automation.round() == 1
    (now,) = await announcements(system)
    assert now.resolved_at == NOW + timedelta(hours=2)
    assert [(update.status.value, update.body, update.automatic) for update in now.updates][:2] == [
        ("completed", "The maintenance is complete.", True),
        ("in_progress", "The maintenance has started.", True),
    ]


async def test_a_draft_of_a_maintenance_stays_a_draft(system: System, clock: SetClock) -> None:
    await define(system, PAGE)
    await make_maintenance(system)
    clock.advance(hours=3)
    assert await system.beside.automation.round() == 0
    assert (await announcements(system))[0].published_at is None


async def test_only_automatic_pages_announce_incidents(system: System, clock: SetClock) -> None:
    await define(system, PAGE)
    await fall_silent(system, clock, await make_check(system, labels=CPU))
    clock.advance(hours=1)
    assert await system.beside.automation.round() == 0
    assert await announcements(system) == []


@BOTH
async def test_an_automatic_page_announces_an_incident_to_its_end(system: System, clock: SetClock) -> None:
    await define(system, replace(PAGE, automatic=True))
    check = await make_check(system, labels=CPU)
    await ping(system, check)
    await fall_silent(system, clock, check)
    clock.advance(seconds=119)
    assert await system.beside.automation.round() == 0
    clock.advance(seconds=1)
    assert await system.beside.automation.round() == 1
    assert await system.beside.automation.round() == 0
    other = await make_check(system, "mail", labels={"component": "mail", "region": "us"})
    await recover(system, clock, check)
    assert await system.beside.automation.round() == 1
    clock.advance(minutes=9)
    assert await system.beside.automation.round() == 0
    clock.advance(minutes=1)
    assert await system.beside.automation.round() == 1
    assert await system.beside.automation.round() == 0
    (now,) = await announcements(system)
    assert now.automatic
    assert [(update.status.value, update.automatic) for update in now.updates] == [
        ("resolved", True),
        ("monitoring", True),
        ("investigating", True),
    ]
    assert now.updates[1].body == (
        "CPU allowance works normally again in the United States. We are monitoring the recovery."
    )
    assert other.slug == "mail"


async def test_further_affected_services_are_announced(system: System, clock: SetClock) -> None:
    await define(system, replace(PAGE, automatic=True))
    both = [
        await make_check(system, name, labels={"component": name, "region": "us", "host": "a"})
        for name in ("cpu", "mail")
    ]
    await ping(system, both[0])
    await ping(system, both[1])
    clock.advance(minutes=4)
    await ping(system, both[1])
    clock.advance(minutes=-4)
    await fall_silent(system, clock, both[0])
    clock.advance(minutes=3)
    assert await system.beside.automation.round() == 1
    clock.advance(minutes=-3)
    await fall_silent(system, clock, both[1])
    assert await system.beside.automation.round() == 1
    (now,) = await announcements(system)
    assert now.updates[0].body.startswith("Now CPU allowance and Mail are delayed in the United States.")


async def test_an_incident_into_which_an_announced_one_was_merged_is_not_announced_again(
    system: System, clock: SetClock
) -> None:
    await define(system, replace(PAGE, automatic=True))
    other, cpu = [
        await make_check(system, name, labels={"component": name, "host": name}) for name in ("other", "cpu")
    ]
    for check in (other, cpu):
        await ping(system, check)
    await fall_silent(system, clock, other, cpu)
    clock.advance(minutes=2)
    assert await system.beside.automation.round() == 1
    source, target = await incident_of(system, cpu), await incident_of(system, other)
    await system.context.database.write(
        lambda db: regroup.merge(db, source, target, "Anna", clock.now(), Pace())
    )
    assert await system.beside.automation.round() == 0
    # What joins the incident later is told under the same announcement.
    mail = await make_check(system, "mail", labels={"component": "mail", "host": "mail"})
    await ping(system, mail)
    number = await fall_silent(system, clock, mail)
    await system.context.database.write(
        lambda db: regroup.merge(db, number, target, "Anna", clock.now(), Pace())
    )
    assert await system.beside.automation.round() == 1
    (now,) = await announcements(system)
    assert now.updates[0].body.startswith("Now CPU allowance and Mail are delayed.")


async def test_an_incident_that_recovers_is_not_announced(system: System, clock: SetClock) -> None:
    await define(system, replace(PAGE, automatic=True))
    check = await make_check(system, labels=CPU)
    await fall_silent(system, clock, check)
    clock.advance(seconds=119)
    await ping(system, check)
    clock.advance(seconds=1)
    assert await system.beside.automation.round() == 0


async def test_an_announcement_updated_by_a_human_is_left_alone(system: System, clock: SetClock) -> None:
    await define(system, replace(PAGE, automatic=True))
    check = await make_check(system, labels=CPU)
    await fall_silent(system, clock, check)
    clock.advance(minutes=2)
    assert await system.beside.automation.round() == 1
    (now,) = await announcements(system)
    await do(system, editor.update, now.id, Status.IDENTIFIED, "We know what it is.", clock.now())
    await ping(system, check)
    clock.advance(hours=1)
    assert await system.beside.automation.round() == 0


async def test_an_incident_that_affects_nothing_on_the_page_is_not_announced(
    system: System, clock: SetClock
) -> None:
    await define(system, replace(PAGE, automatic=True))
    await fall_silent(system, clock, await make_check(system, labels={"component": "inside"}))
    clock.advance(minutes=5)
    assert await system.beside.automation.round() == 0
    assert await announcements(system) == []


async def test_a_failure_is_logged_and_the_next_round_follows(
    system: System, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refuse_database(system, monkeypatch)
    assert await system.beside.automation.round() == 0
    monkeypatch.undo()
    monkeypatch.setattr(automation, "_may_be_due", lambda *_: 1 / 0)
    assert await system.beside.automation.round() == 0
    assert "the database is away" in caplog.text
    assert "automation failed" in caplog.text
    (family,) = system.context.metrics.status_pages.steward_failures.collect()
    assert family.samples[0].value == 2
