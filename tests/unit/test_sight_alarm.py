"""The alarm for lost sight: told once while no process takes pings, and once when one does again."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest
from sqlalchemy import update

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Outcome, Unreachable
from alerting.notifiers.registry import Setup
from alerting.person import Contact, Person
from heartbeat import installation
from heartbeat.checks import blindness_store, tables
from heartbeat.checks import store as checks
from heartbeat.checks.check import State
from heartbeat.clock_guard import ClockGuard
from heartbeat.database import Database
from heartbeat.metrics import Metrics
from heartbeat.pings.liveness import Liveness
from heartbeat.sight_alarm import SightAlarm
from tests.unit.conftest import NOW, a_check
from tests.unit.http.conftest import SetClock

ANNA, BEN = (Person(name, name.title(), (Contact("ntfy", name),)) for name in ("anna", "ben"))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)), Step(("ben",), timedelta(minutes=5))))


class Site:
    """Processes on one database: one that takes pings, and those that tell people."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = SetClock(NOW)
        self.stored = True
        self.taken = True
        self.told: list[tuple[str, Notice]] = []

    def alarm(self, *, tells: bool = True) -> SightAlarm:
        """The alarm of one process."""
        guard = ClockGuard(self.database, self.clock, Metrics().ticking, moves=False)
        return SightAlarm(
            self.database,
            guard,
            Metrics(),
            self.deliver if tells else None,
            stored=lambda: self.stored,
            host="db-1",
            home="https://h.example",
        )

    async def deliver(
        self, _setups: Mapping[str, Setup], notice: Notice, person: Person, _contact: Contact
    ) -> Outcome:
        self.told.append((person.id, notice))
        return Accepted() if self.taken else Unreachable("refused")

    async def beat(self) -> None:
        """A process takes pings."""
        await Liveness(self.database, self.clock, Metrics(), now=self.clock.now, refused=lambda: False).beat()

    async def pass_(self, *alarms: SightAlarm, sees: bool = False, **length: float) -> list[tuple[str, str]]:
        """Let time pass while these look every five seconds. Return whom they told, with the title.

        With `sees`, a process takes pings meanwhile.
        """
        self.told.clear()
        for _ in range(int(timedelta(**length).total_seconds() / 5)):
            self.clock.advance(seconds=5)
            if sees:
                await self.beat()
            for alarm in alarms:
                await alarm.watch()
        return [(person, notice.title) for person, notice in self.told]


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    database = Database(database_url)
    await database.write(lambda db: desk.install(db, [ANNA, BEN], [OPS], {}))
    await database.write(lambda db: installation.remember(db, "policy", "ops"))
    site = Site(database)
    await site.beat()
    yield site
    database.close()


BLIND = [(name, "heartbeat on db-1 has been blind since 03:00 UTC") for name in ("anna", "ben")]
OVER = [(name, "OK: heartbeat on db-1 hears pings again") for name in ("anna", "ben")]


async def test_a_blindness_is_told_to_everybody_once_it_is_certain_and_when_it_is_over(site: Site) -> None:
    alarm = site.alarm()
    assert await site.pass_(alarm, seconds=175) == []
    assert sorted(await site.pass_(alarm, seconds=15)) == BLIND
    (_, notice), *_ = site.told
    assert notice.kind is NoticeKind.PAGE
    assert notice.lines == (
        "It cannot receive pings: no process with the role api shows a sign of life.",
        "No job is judged until one is back. You are told then.",
        "Look at these processes, their log and their database connection.",
    )
    assert await site.pass_(alarm, minutes=59) == []
    assert sorted(await site.pass_(alarm, minutes=61)) == sorted([*BLIND, *BLIND]), "each hour while it lasts"
    assert sorted(await site.pass_(alarm, seconds=5, sees=True)) == OVER
    assert site.told[0][1].lines[0] == "It was blind from 03:00 UTC on, for 2 h 3 min."
    assert await site.pass_(alarm, minutes=5, sees=True) == []


async def test_pings_without_signs_of_life_are_no_blindness(site: Site) -> None:
    """A process of 0.3.0 takes them, after a way back of the processes that take pings alone."""
    alarm = site.alarm()
    job = a_check(state=State.UP, last_ok_at=NOW + timedelta(seconds=3))
    await site.database.write(lambda db: checks.insert(db, [job]))
    await site.pass_(alarm, minutes=1)
    assert await site.database.read(lambda db: blindness_store.is_lost(db, site.clock.now()))
    heard = site.clock.now()
    await site.database.write(lambda db: db.execute(update(tables.checks).values(last_ok_at=heard)))
    assert await site.pass_(alarm, minutes=10) == []
    assert not await site.database.read(lambda db: blindness_store.is_lost(db, site.clock.now()))
    assert await site.pass_(alarm, seconds=5, sees=True) == []
    assert sorted(await site.pass_(alarm, minutes=4)) == [
        (name, "heartbeat on db-1 has been blind since 03:11 UTC") for name in ("anna", "ben")
    ], "a newer process took pings again, and was gone"


async def test_a_restart_is_not_told(site: Site) -> None:
    alarm = site.alarm()
    for _ in range(3):
        assert await site.pass_(alarm, seconds=170) == []
        assert await site.pass_(alarm, seconds=5, sees=True) == []


async def test_a_process_that_starts_after_a_long_stop_waits_for_a_sign_of_life(site: Site) -> None:
    site.clock.advance(days=2)
    alarm = site.alarm()
    assert await site.pass_(alarm, minutes=2) == []


async def test_of_several_processes_one_tells_people(site: Site) -> None:
    alarms = [site.alarm(), site.alarm(), site.alarm(tells=False)]
    assert sorted(await site.pass_(*alarms, minutes=5)) == BLIND
    assert sorted(await site.pass_(*alarms, seconds=5, sees=True)) == OVER


async def test_a_process_that_was_restarted_tells_nothing_twice_and_tells_the_end(site: Site) -> None:
    await site.pass_(site.alarm(), minutes=5)
    assert await site.pass_(site.alarm(), minutes=5) == []
    assert sorted(await site.pass_(site.alarm(), seconds=5, sees=True)) == OVER


async def test_a_message_that_no_contact_took_is_sent_again(site: Site) -> None:
    alarm = site.alarm()
    site.taken = False
    assert sorted(await site.pass_(alarm, minutes=3)) == BLIND
    assert await site.pass_(alarm, seconds=55) == []
    site.taken = True
    assert sorted(await site.pass_(alarm, seconds=10)) == BLIND


async def test_a_process_that_dies_while_it_tells_leaves_it_to_another(site: Site) -> None:
    async def die(*_: object) -> Outcome:
        raise asyncio.CancelledError

    dying, other = site.alarm(), site.alarm()
    dying._messages._deliver = die
    with pytest.raises(asyncio.CancelledError):
        await site.pass_(dying, minutes=3)
    assert sorted(await site.pass_(other, minutes=4)) == BLIND
    assert await site.pass_(other, minutes=55) == []


async def test_while_the_storage_fails_its_own_alarm_speaks(site: Site) -> None:
    alarm = site.alarm()
    site.stored = False
    assert await site.pass_(alarm, minutes=5) == []


async def test_a_second_blindness_that_nobody_saw_end_is_told_too(site: Site) -> None:
    await site.pass_(site.alarm(), minutes=5)
    await site.beat()
    site.clock.advance(minutes=10)
    assert [title for _, title in await site.pass_(site.alarm(), minutes=5)] == [
        "heartbeat on db-1 has been blind since 03:05 UTC"
    ] * 2
