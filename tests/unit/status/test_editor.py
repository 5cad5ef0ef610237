"""Drafts, publication and updates of announcements, and their audit, on real databases."""

from datetime import timedelta
from typing import Any

import pytest

from alerting import regroup
from alerting.incident import Pace
from heartbeat import audit
from heartbeat.actor import Actor, Role
from heartbeat.app import System
from heartbeat.checks import maintenance, maintenance_store
from heartbeat.status import drafting, editor, store
from heartbeat.status.announcement import (
    Affected,
    Announcement,
    AnnouncementKind,
    InvalidAnnouncement,
    Status,
)
from heartbeat.status.editor import NoAnnouncement, NoPage
from heartbeat.status.health import Health
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock, fall_silent, incident_of, make_check, ping, recover
from tests.unit.status.conftest import PAGE, define
from tests.unit.status.test_announcement import announcement_fields

ANNA = Actor("anna", Role.RESPONDER, "session", "127.0.0.1")
BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


async def do(system: System, work: Any, *arguments: Any, **more: Any) -> Any:
    """One thing that Anna does."""
    return await system.context.database.write(lambda db: work(db, ANNA, *arguments, **more))


async def deeds(system: System, announcement: Announcement) -> list[str]:
    entries = await system.context.database.read(
        lambda db: audit.listed(db, limit=50, target=f"announcement {announcement.id}")
    )
    assert {(deed.actor, deed.via, deed.remote) for deed in entries} == {("anna", "session", "127.0.0.1")}
    return [deed.action.removeprefix("announcement.") for deed in entries][::-1]


@pytest.fixture
async def defined(system: System) -> System:
    """A system with a page."""
    await define(system, PAGE)
    return system


@BOTH
async def test_a_draft_reaches_nobody_until_it_is_published(defined: System) -> None:
    draft = await do(defined, editor.make, "public", announcement_fields(), NOW)
    assert await defined.context.database.read(lambda db: store.published(db, "public", NOW, 10)) == []
    published = await do(defined, editor.publish, draft.id, NOW + timedelta(minutes=1))
    shown_by_page = await defined.context.database.read(lambda db: store.published(db, "public", NOW, 10))
    assert shown_by_page == [published]
    assert [(update.body, update.by, update.status) for update in published.updates] == [
        ("We look into it.", "anna", Status.INVESTIGATING)
    ]
    assert await do(defined, editor.publish, draft.id, NOW + timedelta(minutes=2)) == published
    assert await deeds(defined, draft) == ["make", "publish"]


@BOTH
async def test_the_same_update_is_added_once(defined: System) -> None:
    draft = await do(defined, editor.make, "public", announcement_fields(), NOW)
    await do(defined, editor.publish, draft.id, NOW)
    for minute in (1, 2):
        at = NOW + timedelta(minutes=minute)
        now = await do(defined, editor.update, draft.id, Status.IDENTIFIED, "Found.", at)
    mail = (Affected("Mail", Health.STOPPED),)
    now = await do(defined, editor.update, draft.id, Status.RESOLVED, "Over.", at, affected=mail)
    assert [update.status.value for update in now.updates] == ["resolved", "identified", "investigating"]
    assert now.updates[0].affected == mail
    assert now.resolved_at == at
    stored = await defined.context.database.read(lambda db: store.load(db, draft.id))
    assert stored == now
    assert await deeds(defined, draft) == ["make", "publish", "update", "update"]


@BOTH
async def test_an_update_in_the_same_words_can_change_the_components(defined: System) -> None:
    draft = await do(defined, editor.make, "public", announcement_fields(), NOW)
    await do(defined, editor.publish, draft.id, NOW)
    worse = (Affected("CPU allowance", Health.STOPPED, ("us",)),)
    same = (Status.INVESTIGATING, announcement_fields().body)
    for minute in (1, 2):
        at = NOW + timedelta(minutes=minute)
        now = await do(defined, editor.update, draft.id, *same, at, affected=worse)
    assert [update.affected for update in now.updates] == [worse, draft.affected]


async def test_a_change_replaces_a_draft_but_not_published_words(defined: System) -> None:
    draft = await do(defined, editor.make, "public", announcement_fields(), NOW)
    changes = announcement_fields(title="Other", body="Other words.", status=Status.IDENTIFIED)
    now = await do(defined, editor.change, draft.id, changes, NOW)
    assert (now.title, now.draft, now.status) == ("Other", "Other words.", Status.IDENTIFIED)
    await do(defined, editor.publish, draft.id, NOW)
    now = await do(defined, editor.change, draft.id, announcement_fields(title="Third", body="Not this"), NOW)
    assert (now.title, now.draft, now.status) == ("Third", "", Status.IDENTIFIED)
    assert now.updates[0].body == "Other words."


async def test_two_incidents_can_be_marked_as_unrelated(defined: System) -> None:
    first = await do(defined, editor.make, "public", announcement_fields(), NOW)
    with pytest.raises(InvalidAnnouncement, match=f"not_related_to: {first.id} is no published announcement"):
        await do(defined, editor.make, "public", announcement_fields(unrelated=(first.id,)), NOW)
    await do(defined, editor.publish, first.id, NOW)
    second = await do(
        defined, editor.make, "public", announcement_fields(title="Slow sites", unrelated=(first.id,)), NOW
    )
    assert second.unrelated == (first.id,)
    now = await do(defined, editor.relate, second.id, (), NOW)
    assert now.unrelated == ()
    with pytest.raises(InvalidAnnouncement, match="must not name itself"):
        await do(defined, editor.relate, second.id, (second.id,), NOW)


@BOTH
async def test_a_draft_can_be_deleted_and_a_published_announcement_cannot(defined: System) -> None:
    discarded = await do(defined, editor.make, "public", announcement_fields(), NOW)
    await do(defined, editor.discard, discarded.id, NOW)
    with pytest.raises(NoAnnouncement):
        await do(defined, editor.publish, discarded.id, NOW)
    draft = await do(defined, editor.make, "public", announcement_fields(), NOW)
    assert draft.id > discarded.id, "no number is given twice"
    await do(defined, editor.publish, draft.id, NOW)
    with pytest.raises(InvalidAnnouncement, match="Resolve it instead"):
        await do(defined, editor.discard, draft.id, NOW)


async def test_an_announcement_needs_a_page(defined: System) -> None:
    with pytest.raises(NoPage, match="There is no status page 'nope'"):
        await do(defined, editor.make, "nope", announcement_fields(), NOW)


@BOTH
async def test_a_draft_is_made_from_an_incident_in_customers_words(defined: System, clock: SetClock) -> None:
    us = await make_check(defined, "us", labels={"component": "cpu", "region": "us"})
    eu = await make_check(defined, "eu", labels={"component": "cpu", "region": "eu"})
    for check in (us, eu):
        await ping(defined, check)
    clock.advance(minutes=3)
    await ping(defined, eu)
    clock.advance(minutes=-3)
    number = await fall_silent(defined, clock, us)
    draft = await do(defined, drafting.from_incident, "public", number, clock.now())
    assert draft.title == "CPU allowance is delayed in the United States"
    assert draft.draft == (
        "Since 03:06 UTC, CPU allowance is delayed in the United States. We are looking into it."
    )
    assert draft.affected == (Affected("CPU allowance", Health.DELAYED, ("us",)),)
    assert (draft.published_at, draft.incident_id) == (None, number)
    assert (await do(defined, drafting.from_incident, "public", number, clock.now())).id == draft.id


@BOTH
async def test_the_draft_of_an_incident_that_is_over_says_so(defined: System, clock: SetClock) -> None:
    check = await make_check(defined, "us", labels={"component": "cpu", "region": "us"})
    await ping(defined, check)
    number = await fall_silent(defined, clock, check)
    await recover(defined, clock, check)
    clock.advance(minutes=8)
    draft = await do(defined, drafting.from_incident, "public", number, clock.now())
    assert (draft.title, draft.status) == (
        "CPU allowance was affected in the United States",
        Status.RESOLVED,
    )
    assert draft.draft == (
        "From 03:06 UTC until 03:06 UTC, CPU allowance was affected in the United States. "
        "CPU allowance works normally again in the United States."
    )
    published = await do(defined, editor.publish, draft.id, clock.now())
    assert (published.open, published.resolved_at) == (False, clock.now())


async def test_the_draft_of_an_incident_that_is_over_says_nothing_of_other_trouble(
    defined: System, clock: SetClock
) -> None:
    first, second = [
        await make_check(defined, name, labels={"component": "cpu", "region": "us", "host": name})
        for name in "ab"
    ]
    await ping(defined, first)
    number = await fall_silent(defined, clock, first)
    await recover(defined, clock, first)
    await fall_silent(defined, clock, second)
    draft = await do(defined, drafting.from_incident, "public", number, clock.now())
    assert draft.draft == "From 03:06 UTC until 03:06 UTC, CPU allowance was affected in the United States."
    assert draft.affected == (Affected("CPU allowance", Health.DELAYED, ("us",)),)


async def test_the_draft_of_an_incident_that_recovers_says_so(defined: System, clock: SetClock) -> None:
    checks = [
        await make_check(defined, name, labels={"component": name, "host": "a"}) for name in ("cpu", "mail")
    ]
    for check in checks:
        await ping(defined, check)
    number = await fall_silent(defined, clock, *checks)
    for check in checks:
        await ping(defined, check)
    draft = await do(defined, drafting.from_incident, "public", number, clock.now())
    assert (draft.title, draft.status) == ("CPU allowance and Mail were affected", Status.MONITORING)
    assert draft.draft == (
        "Since 03:06 UTC, CPU allowance and Mail were affected. CPU allowance and Mail work normally again. "
        "We are monitoring the recovery."
    )


async def test_the_draft_of_a_merged_incident_is_about_the_one_in_which_it_goes_on(
    defined: System, clock: SetClock
) -> None:
    checks = [
        await make_check(defined, name, labels={"component": name, "host": name}) for name in ("cpu", "mail")
    ]
    for check in checks:
        await ping(defined, check)
    await fall_silent(defined, clock, *checks)
    source, target = [await incident_of(defined, check) for check in checks]
    pace = Pace()
    await defined.context.database.write(
        lambda db: regroup.merge(db, source, target, "Anna", clock.now(), pace)
    )
    draft = await do(defined, drafting.from_incident, "public", source, clock.now())
    assert (draft.incident_id, draft.title) == (target, "CPU allowance and Mail are delayed")
    assert (await do(defined, drafting.from_incident, "public", target, clock.now())).id == draft.id


async def test_an_incident_that_affects_nothing_on_the_page_makes_no_draft(
    defined: System, clock: SetClock
) -> None:
    check = await make_check(defined, "other", labels={"component": "other"})
    number = await fall_silent(defined, clock, check)
    with pytest.raises(
        InvalidAnnouncement, match=f"Nothing on the page 'Example status' belongs to incident {number}"
    ):
        await do(defined, drafting.from_incident, "public", number, clock.now())
    with pytest.raises(NoAnnouncement, match="There is no incident 999"):
        await do(defined, drafting.from_incident, "public", 999, clock.now())


@BOTH
async def test_a_draft_is_made_from_a_maintenance_window(defined: System) -> None:
    await make_check(defined, "us", labels={"component": "cpu", "region": "us"})
    definition = maintenance.WindowDefinition(
        "New disks", "", {"region": "us"}, NOW, NOW + timedelta(hours=2)
    )
    window = await defined.context.database.write(
        lambda db: maintenance_store.add(db, definition, "anna", NOW, None)
    )
    number = window.id
    draft = await do(defined, drafting.from_window, "public", number, NOW)
    assert (draft.kind, draft.title, draft.status) == (
        AnnouncementKind.MAINTENANCE,
        "New disks",
        Status.SCHEDULED,
    )
    assert draft.draft == "During this time CPU allowance may not be available."
    assert draft.affected == (Affected("CPU allowance", Health.MAINTENANCE, ("us",)),)
    assert (draft.starts_at, draft.ends_at) == (NOW, NOW + timedelta(hours=2))
    with pytest.raises(NoAnnouncement, match="There is no maintenance 999"):
        await do(defined, drafting.from_window, "public", 999, NOW)
