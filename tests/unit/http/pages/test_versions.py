"""The version of a topic changes with its screen and with nothing else, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk
from heartbeat.actor import Actor, Role
from heartbeat.app import System
from heartbeat.definitions.edit import checks as edit
from heartbeat.http.pages import versions
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping

ADMIN = Actor("admin", Role.ADMIN, "admin key")
TOPICS = ("checks", "incidents", "checks/job", "checks/other", "incidents/1", "incidents/2", "incidents/x")
pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


class Watch:
    """The changes since the last look."""

    def __init__(self, system: System) -> None:
        self._read = system.context.database.read
        self._seen: dict[str, str] = {}

    async def changed(self) -> set[str]:
        marks = await self._read(lambda db: versions.versions(db, TOPICS))
        assert set(marks) == set(TOPICS)
        new = {topic for topic, version in marks.items() if self._seen.get(topic) != version}
        self._seen = marks
        return new


async def test_a_version_changes_with_its_subject(system: System, clock: SetClock) -> None:
    job = await make_check(system)
    other = await make_check(system, "other", grace=timedelta(hours=9))
    watch = Watch(system)
    await watch.changed()
    assert await watch.changed() == set()

    await ping(system, job)
    assert await watch.changed() == {"checks", "checks/job"}, "it is new no more"
    clock.advance(minutes=1)
    await ping(system, job)
    assert await watch.changed() == {"checks/job"}, "the list is not loaded again for each ping"

    clock.advance(minutes=5)
    await ping(system, job)
    await ping(system, other, "/fail")
    assert await watch.changed() == {"checks", "checks/job", "checks/other", "incidents", "incidents/1"}
    await fall_silent(system, clock, job)
    assert await watch.changed() == {"checks", "checks/job", "incidents", "incidents/2"}


async def test_a_changed_definition_changes_the_version(system: System, clock: SetClock) -> None:
    watch = Watch(system)
    await watch.changed()

    async def define(**fields: str) -> None:
        def work(db: Connection) -> None:
            edit.define(db, ADMIN, "job", edit.read(db, "job", fields), clock.now())

        await system.context.database.write(work)

    await define(every="5m")
    assert await watch.changed() == {"checks", "checks/job"}
    await define(every="5m")
    assert await watch.changed() == set()
    await define(every="6m")
    assert await watch.changed() == {"checks"}


async def test_a_note_changes_the_version_of_its_incident_alone(system: System, clock: SetClock) -> None:
    await fall_silent(system, clock, await make_check(system))
    watch = Watch(system)
    await watch.changed()
    await system.context.database.write(lambda db: desk.note(db, 1, "anna", "looking", clock.now()))
    assert await watch.changed() == {"incidents", "incidents/1"}


async def test_versions_are_written_and_read(kind: str) -> None:
    marks = {"checks": "0a1b", "incidents/3": "22", "checks/a-b": "x"}
    assert versions.read(versions.written(marks)) == marks
    assert versions.read("") == {}
    assert versions.read("nonsense checks=1") == {"checks": "1"}
