"""The publisher: on each change and once a minute, in memory and on the disk, despite failures."""

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from heartbeat.app import System
from heartbeat.checks.schedule import Every
from heartbeat.settings import Settings
from heartbeat.status import store
from heartbeat.status.publish import edition, folder, publisher
from heartbeat.status.publish.hook import Hook
from heartbeat.status.publish.publisher import Publisher
from heartbeat.status.publish.snapshot import Snapshot
from heartbeat.status.uptime import count as uptime_count
from heartbeat.status.uptime import days as uptime_days
from heartbeat.status.uptime import since as uptime_since
from heartbeat.status.uptime.days import Day
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping, refuse_database
from tests.unit.status.conftest import PAGE, define

CPU = {"component": "cpu", "region": "us"}


def page(system: System) -> str:
    return system.beside.publisher.editions["public"].files["index.html"].decode()


def looks(system: System) -> dict[str, float]:
    """Return the number of looks by their result."""
    (family,) = system.context.metrics.status_pages.publications.collect()
    return {sample.labels["result"]: sample.value for sample in family.samples if sample.value}


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_change_is_published_at_the_next_look(system: System, clock: SetClock) -> None:
    await define(system, PAGE)
    await system.beside.publisher.look()
    assert "There is no information about these services at the moment." in page(system)
    check = await make_check(system, labels=CPU)
    await ping(system, check)
    await system.beside.publisher.look()
    assert "Working normally" in page(system)
    await fall_silent(system, clock, check)
    await system.beside.publisher.look()
    assert "CPU allowance is delayed." in page(system)
    assert 'since <time datetime="2024-05-03T03:06:00Z">03:06 UTC</time>' in page(system)


async def test_the_progress_of_a_repair_is_published_while_it_is_reported(
    system: System, clock: SetClock
) -> None:
    cpu = replace(PAGE.components[0], progress="repair", progress_says="Resets are catching up")
    await define(system, replace(PAGE, components=(cpu, *PAGE.components[1:])))
    repair = await make_check(system, "repair", schedule=Every(timedelta(days=1)))
    for done in range(0, 410, 10):
        await ping(system, repair, f"/progress?done={done}&total=1000")
        clock.advance(minutes=5)
    await system.beside.publisher.look()
    sentence = "Resets are catching up: 40 % done, expected by 11:30 UTC (measured at 06:20 UTC)"
    assert sentence in page(system)
    clock.advance(minutes=15)
    await system.beside.publisher.look()
    assert "Resets are catching up" not in page(system)


async def test_an_unchanged_page_is_published_again_when_it_is_old(system: System, clock: SetClock) -> None:
    await define(system, PAGE)
    await system.beside.publisher.look()
    clock.advance(seconds=49)
    await system.beside.publisher.look()
    assert system.beside.publisher.editions["public"].at == NOW
    clock.advance(seconds=1)
    await system.beside.publisher.look()
    assert system.beside.publisher.editions["public"].at == clock.at
    assert looks(system) == {"published": 2, "unchanged": 1}


async def test_a_changed_definition_is_published_and_a_deleted_page_removed(
    system: System, settings: Settings
) -> None:
    await define(system, PAGE, replace(PAGE, slug="second"))
    await system.beside.publisher.look()
    assert folder.read(settings.data_dir / "status").keys() == {"public", "second"}
    await define(system, replace(PAGE, title="Another"))
    await system.beside.publisher.look()
    assert "Another" in page(system)
    assert system.beside.publisher.editions.keys() == {"public"}
    assert folder.read(settings.data_dir / "status").keys() == {"public"}


async def test_a_follower_serves_what_another_process_publishes(
    system: System, settings: Settings, clock: SetClock
) -> None:
    place = settings.data_dir / "status"
    follower = Publisher(
        system.context.database,
        clock,
        place,
        home=settings.public_url,
        hook=Hook("", place, lambda _: None),
        observe=lambda _: None,
    )
    await follower.catch_up()
    assert follower.editions == {}
    await define(system, PAGE)
    for _ in range(2):
        await system.beside.publisher.look()
        await follower.catch_up()
        assert follower.editions["public"].files == system.beside.publisher.editions["public"].files
        clock.advance(minutes=1)


async def test_the_files_are_served_after_a_restart_without_the_database(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    await define(system, PAGE)
    await system.beside.publisher.look()
    published = system.beside.publisher.editions
    system.beside.publisher.editions = {}
    refuse_database(system, monkeypatch)
    await system.beside.publisher.take_up()
    await system.beside.publisher.look()
    assert system.beside.publisher.editions == published
    assert looks(system)["failed"] == 1


async def test_a_page_is_shown_although_the_disk_is_full(
    system: System, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "write", full)
    await define(system, PAGE)
    with caplog.at_level(logging.WARNING):
        await system.beside.publisher.look()
    assert "No information" in page(system)
    assert "the status page public could not be written" in caplog.text
    assert looks(system) == {"partly": 1}


async def test_a_page_that_cannot_be_rendered_delays_no_other(
    system: System, clock: SetClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await define(system, PAGE, replace(PAGE, slug="second"))
    await system.beside.publisher.look()
    printed = edition.render

    def broken(snapshot: Snapshot) -> edition.Edition:
        return 1 / 0 if snapshot.page.slug == "public" else printed(snapshot)  # type: ignore[return-value]

    monkeypatch.setattr(edition, "render", broken)
    clock.advance(minutes=1)
    await system.beside.publisher.look()
    assert system.beside.publisher.editions["public"].at == NOW
    assert system.beside.publisher.editions["second"].at == clock.at
    assert "the status page public could not be rendered" in caplog.text
    assert looks(system) == {"published": 1, "partly": 1}


async def test_a_failure_is_logged_and_the_next_look_follows(
    system: System, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await define(system, PAGE)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(publisher, "snapshots_of", broken)
    await system.beside.publisher.look()
    assert "publishing the status pages failed" in caplog.text
    monkeypatch.undo()
    await system.beside.publisher.look()
    assert looks(system) == {"failed": 1, "published": 1}


@pytest.fixture
def settings(tmp_path: Path, settings: Settings) -> Settings:
    """With a hook that counts how often it is run."""
    return replace(settings, status_hook=f'ls "$1" >> {tmp_path}/runs')


async def test_the_hook_runs_after_a_publication(system: System, tmp_path: Path) -> None:
    await define(system, PAGE)
    await system.beside.publisher.look()
    await system.beside.publisher.look()
    running = system.beside.publisher._hook.running
    assert running is not None
    await running
    assert (tmp_path / "runs").read_text() == "public\n"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_the_days_agree_with_the_present_health_between_counts(
    system: System, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uptime_days, "ENOUGH", timedelta())
    await define(system, PAGE)
    check = await make_check(system, labels=CPU)
    steady = await make_check(
        system, "steady", labels={"component": "mail"}, schedule=Every(timedelta(days=1))
    )
    for each in (check, steady):
        await ping(system, each)
    while await system.beside.automation.count():
        pass
    await fall_silent(system, clock, check)
    clock.advance(minutes=3)
    await system.beside.publisher.look()
    assert "CPU allowance is delayed." in page(system)
    assert "90 days: 66.66 % uptime over 9 min" in page(system)
    assert "<td>Delayed for 3 min</td>" in page(system)
    assert "90 days: 100 % uptime over 9 min" in page(system)
    await ping(system, check)
    clock.advance(minutes=5)
    await system.beside.publisher.look()
    assert "90 days: 78.57 % uptime over 14 min" in page(system)
    assert 'aria-label="United States: 78.57 % uptime over 14 min"' in page(system)


async def test_the_minutes_around_midnight_belong_to_their_days(system: System, clock: SetClock) -> None:
    await define(system, PAGE)
    await ping(system, await make_check(system, labels=CPU, schedule=Every(timedelta(days=9))))
    clock.at = NOW.replace(hour=23, minute=56)
    while await system.beside.automation.count():
        pass
    clock.advance(minutes=10)
    days = await index_of(system, clock)
    assert [day.up for day in days[-2:]] == [21 * 3_600, 360]


async def test_nothing_is_guessed_while_the_count_is_behind(system: System, clock: SetClock) -> None:
    await define(system, PAGE)
    await ping(system, await make_check(system, labels=CPU, schedule=Every(timedelta(days=9))))
    clock.advance(minutes=2)
    while await system.beside.automation.count():
        pass
    clock.advance(minutes=15, seconds=1)
    assert (await index_of(system, clock))[-1].up == 120


async def index_of(system: System, clock: SetClock) -> list[Day]:
    """The days of the first component as a page shows them."""

    def work(db: Connection) -> list[Day]:
        days, bearings = uptime_count.page_days(db, PAGE, clock.now()), store.check_counts(db)
        return uptime_since.extended(db, PAGE, days, bearings, (), clock.now())["CPU allowance", ""]

    return await system.context.database.read(work)
