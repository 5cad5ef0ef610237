"""The canary: its page goes the way of all pages to the robot and back, and no human sees any of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

import httpx
import pytest
from sqlalchemy import Connection, text

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Outcome
from alerting.notifiers.registry import Setup
from alerting.person import Contact, Person
from heartbeat import app, canary_watch, settings, ticker
from heartbeat.app import System
from heartbeat.canary_watch import CanaryWatch
from heartbeat.checks import canary, life, surroundings
from heartbeat.checks import store as check_store
from heartbeat.checks.check import State
from heartbeat.database import Database
from heartbeat.metrics import Metrics
from heartbeat.settings import BadSetting, Settings
from tests.unit.alerting.conftest import a_symptom
from tests.unit.conftest import NOW, a_check
from tests.unit.http.conftest import SetClock

SETTINGS = Settings(public_url="https://h.example/below", admin_key="k" * 16, secret_key="s" * 32)
ANNA = Person("anna", "Anna", (Contact("ntfy", "a"),))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)),))
EVERY = SETTINGS.canary_every
GATHERING = timedelta(seconds=10)


class Cage:
    """A system whose robot reaches it over HTTP, while `open` is true; what else was sent; and its clock."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = SetClock(NOW)
        self.open = True
        self.asked: list[str] = []
        self.told: list[Notice] = []
        self.taken = True
        self.system: System

    async def itself(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if not self.open:
            raise httpx.ConnectError("refused")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.system.asgi)) as own:
            return await own.request(
                request.method, request.url, content=request.content, headers=request.headers
            )

    async def deliver(
        self, _setups: Mapping[str, Setup], notice: Notice, _person: Person, _contact: Contact
    ) -> Outcome:
        self.told.append(notice)
        return Accepted()

    def watch(self, every: timedelta = EVERY, *, tells: bool = True) -> CanaryWatch:
        return CanaryWatch(
            self.database,
            self.clock,
            Metrics(),
            self.deliver if tells else None,
            every=every,
            host="db-1",
            home="https://h.example",
        )

    async def pass_(self, **length: float) -> None:
        """Let time pass, and run the stages of a tick twice; sends end at once."""
        self.clock.advance(**length)
        for _ in range(2):
            for stage in ticker.stages(self.database, self.system.guard, self.system.courier):
                await stage.work(ticker.FIRST_BATCH)
            while self.system.courier.under_way:
                await self.system.courier._tasks.copy().pop()

    async def drill(self) -> bool:
        """Return whether a drill is under way."""
        return await self.database.read(desk.drill) is not None


@pytest.fixture
async def cage(database_url: str) -> AsyncIterator[Cage]:
    database = Database(database_url)
    cage = Cage(database)
    transport = httpx.MockTransport(cage.itself)
    nowhere = httpx.MockTransport(lambda _: httpx.Response(503))
    async with httpx.AsyncClient(transport=transport) as itself, httpx.AsyncClient(transport=nowhere) as http:
        cage.system = app.build(SETTINGS, database=database, clock=cage.clock, http=http, itself=itself)
        await database.write(lambda db: desk.install(db, [ANNA], [OPS], {}))
        await cage.watch().watch()
        yield cage
        await cage.system.stop()
    database.close()


async def test_the_canary_falls_silent_on_schedule_and_its_page_comes_back(cage: Cage) -> None:
    await cage.pass_(seconds=EVERY.total_seconds() - 1)
    assert not await cage.drill()
    await cage.pass_(seconds=1)
    assert await cage.drill()
    assert cage.asked == [], "it gathers like any other"
    await cage.pass_(seconds=10)
    (asked,) = cage.asked
    assert asked.startswith("http://127.0.0.1:8000/below/answer/"), "the link of a page, at our own address"
    await cage.pass_(seconds=5)
    assert not await cage.drill()
    heard = await cage.database.read(canary.load)
    assert heard is not None
    assert (heard.down, heard.heard_at) == (False, NOW + EVERY + GATHERING)
    await cage.pass_(seconds=EVERY.total_seconds())
    assert await cage.drill(), "and so on"


async def test_nobody_sees_a_drill(cage: Cage) -> None:
    cage.open = False
    await cage.pass_(seconds=EVERY.total_seconds())
    await cage.pass_(seconds=10)
    assert await cage.drill()

    def seen(db: Connection) -> list[object]:
        load = desk.workload(db)
        return [
            desk.incidents(db),
            desk.open_incidents(db, 10),
            desk.past_incidents(db, 10),
            sum(desk.count_open(db).values()),
            sum(desk.count_recovering(db).values()),
            (sum(load.incidents.values()), load.waiting, load.oldest, load.unanswered_since),
            desk.newest_entries(db, 10),
            db.execute(text("SELECT count(*) FROM checks")).scalar(),
            db.execute(text("SELECT count(*) FROM audit")).scalar(),
            db.execute(text("SELECT count(*) FROM pages WHERE person <> '(robot)'")).scalar(),
        ]

    assert await cage.database.read(seen) == [[], [], [], 0, 0, (0, 0, None, None), [], 0, 0, 0]
    cage.open = True
    await cage.pass_(minutes=2)
    await cage.pass_(seconds=5)
    assert not await cage.drill()
    assert (await cage.database.read(seen))[-3:] == [0, 0, 0]


async def test_an_incident_that_opens_during_the_first_drill_is_seen(cage: Cage) -> None:
    cage.open = False
    await cage.pass_(seconds=EVERY.total_seconds())
    assert await cage.drill()
    for cause, number in (("backup", 1), ("mail", 2)):
        raised = partial(desk.raise_, symptoms=[a_symptom(cause, cause)], now=cage.clock.now())
        await cage.database.write(raised)
        listed = await cage.database.read(lambda db: desk.open_incidents(db, 10))
        assert max(incident.id for incident in listed) == number == len(listed)


async def test_a_page_beside_a_drill_says_nothing_of_it(cage: Cage) -> None:
    cage.open = False
    await cage.pass_(seconds=EVERY.total_seconds())
    drill = await cage.database.read(desk.drill)
    assert drill is not None
    around = await cage.database.read(lambda db: surroundings.of(db, [drill], {}, cage.clock.now()))
    assert around[drill.id].incidents == ()


async def test_a_page_that_does_not_arrive_is_told_straight_and_stops_the_outside_heartbeat(
    cage: Cage,
) -> None:
    cage.open = False
    watch = cage.watch()
    await cage.pass_(seconds=EVERY.total_seconds())
    sang = []
    for _ in range(27):
        await cage.pass_(seconds=5)
        await watch.watch()
        sang.append(watch.sings)
    assert sang == [True] * 25 + [False] * 2, "two minutes, and the time to gather"
    (message,) = cage.told
    assert message.title == "heartbeat on db-1: its test page does not arrive"
    assert message.lines == (
        "It sends itself one every 5 min. None has arrived yet.",
        "This one: the page was unreachable (the connection to 127.0.0.1:8000 broke).",
        "Pages to people may not arrive either. Look at its log, and run heartbeat doctor.",
    )
    cage.open = True
    await cage.pass_(minutes=2)
    await cage.pass_(seconds=5)
    await watch.watch()
    assert watch.sings
    assert [notice.title for notice in cage.told[1:]] == ["OK: test pages of heartbeat on db-1 arrive again"]
    assert [notice.text.startswith("The last one arrived at ") for notice in cage.told[1:]] == [True]
    await watch.watch()
    assert len(cage.told) == 2


async def test_a_failure_that_lasts_is_told_once_an_hour_by_one_process(cage: Cage) -> None:
    cage.open = False
    watches = [cage.watch(), cage.watch(), cage.watch(tells=False)]
    await cage.pass_(seconds=EVERY.total_seconds())
    for _ in range(40):
        for watch in watches:
            await watch.watch()
    assert len(cage.told) == 1
    cage.clock.advance(hours=1)
    for watch in watches:
        await watch.watch()
    assert len(cage.told) == 2
    assert not any(watch.sings for watch in watches)


async def test_a_watch_that_dies_while_it_tells_leaves_it_to_another(cage: Cage) -> None:
    async def die(*_: object) -> Outcome:
        raise asyncio.CancelledError

    cage.open = False
    dying, other = cage.watch(), cage.watch()
    dying._messages._deliver = die
    await cage.pass_(seconds=EVERY.total_seconds())
    for _ in range(26):
        with contextlib.suppress(asyncio.CancelledError):
            await dying.watch()
    assert cage.told == []
    cage.clock.advance(minutes=2)
    for _ in range(40):
        await other.watch()
    assert len(cage.told) == 1


async def test_a_canary_that_nobody_judges_is_told_too(cage: Cage) -> None:
    watch = cage.watch()
    cage.clock.advance(seconds=EVERY.total_seconds())
    for _ in range(26):
        await watch.watch()
    assert not watch.sings
    assert "This one: nobody has judged the silence." in cage.told[0].lines


async def test_an_hour_without_a_look_is_no_late_page(cage: Cage) -> None:
    """A stopped process, a database that was away: the drill goes on where it was."""
    cage.open = False
    watch = cage.watch()
    await cage.pass_(seconds=EVERY.total_seconds())
    await watch.watch()
    cage.clock.advance(hours=1)
    await watch.watch()
    assert watch.sings
    assert cage.told == []


async def test_a_clock_that_is_set_back_does_not_keep_the_canary_silent(cage: Cage) -> None:
    cage.clock.advance(days=-1)
    await cage.pass_(seconds=0)
    await cage.pass_(seconds=EVERY.total_seconds())
    assert await cage.drill()


async def test_a_drill_outlives_a_restart_and_goes_with_its_canary(cage: Cage) -> None:
    cage.open = False
    await cage.pass_(seconds=EVERY.total_seconds())
    await cage.watch().watch()
    assert await cage.drill()
    await cage.watch(timedelta()).watch()
    assert not await cage.drill()
    assert await cage.database.read(canary.load) is None
    await cage.pass_(days=1)
    assert not await cage.drill()


async def test_another_period_counts_from_now_on(cage: Cage) -> None:
    cage.clock.advance(minutes=1)
    await cage.watch(timedelta(minutes=1)).watch()
    assert await cage.database.read(canary.next_due) == NOW + timedelta(minutes=2)


def test_the_message_names_the_last_page_that_arrived() -> None:
    heard = canary.Canary(EVERY, NOW, heard_at=NOW - timedelta(minutes=9), down=True)
    message = canary_watch.message_of(heard, "the page was not sent", "db-1", NOW, over=False)
    assert message.lines[0] == "It sends itself one every 5 min. The last one arrived at 02:51 UTC."
    assert replace(heard, heard_at=None).age(NOW) == timedelta()


@pytest.mark.parametrize(("value", "every"), [("", 300), ("0", 0), ("10", 10), ("86400", 86_400)])
def test_the_canary_has_a_period_or_none(value: str, every: int) -> None:
    assert settings.read({"HEARTBEAT_CANARY_EVERY": value}).canary_every == timedelta(seconds=every)


@pytest.mark.parametrize("value", ["1", "9", "-1", "86401", "often"])
def test_a_wrong_period_of_the_canary_is_one_sentence(value: str) -> None:
    with pytest.raises(BadSetting, match="HEARTBEAT_CANARY_EVERY"):
        settings.read({"HEARTBEAT_CANARY_EVERY": value})


async def test_a_fault_of_the_canary_keeps_no_check_from_being_judged(
    cage: Cage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object) -> int:
        raise ArithmeticError

    monkeypatch.setattr(canary, "sweep", broken)
    await cage.database.write(lambda db: check_store.insert(db, [life.rearmed(a_check(), NOW)]))
    cage.clock.advance(hours=1)
    assert not await cage.system.ticker.tick()
    check = await cage.database.read(lambda db: check_store.load(db, "job"))
    assert check is not None
    assert check.state is State.DOWN
