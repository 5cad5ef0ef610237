"""A step whose pages every contact refused: it is not waited for, down to the catch-all, and only if it is for good."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from alerting import desk, escalator
from alerting.courier import Courier
from alerting.escalation import Condition, Policy, Step
from alerting.incident import Hold
from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Outcome, Refused, Unreachable
from alerting.person import Contact, Person
from alerting.rotation import Window
from alerting.severity import Severity
from alerting.working_hours import WorkingHours
from heartbeat.database import Database
from tests.unit.alerting.test_courier import PAGED_AT, Pager, courier_of, group_falls_silent, page_for

GONE = Refused("410 Gone")
AWAY = Unreachable("503 Service Unavailable")
TAKEN = Accepted("200 OK")
MINUTE = timedelta(minutes=1)
ANNA = Person("anna", "Anna", (Contact("pager", "anna"), Contact("pager", "anna-2")))
BEN = Person("ben", "Ben", (Contact("pager", "ben"),))
CLEO = Person("cleo", "Cleo", (Contact("pager", "cleo"),))
BOSS = Person("boss", "Boss", (Contact("pager", "boss"),))
WAIT = 10 * MINUTE


class Phones(Pager):
    """Each phone has an outcome of its own. Those without one take everything."""

    digests: ClassVar[bool] = False

    def __init__(self, **outcomes: Outcome) -> None:
        super().__init__(TAKEN)
        self.outcomes: Mapping[str, Outcome] = outcomes

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        await super().send(notice, contact)
        return self.outcomes.get(contact.address, TAKEN)


class Combining(Phones):
    """It takes a storm as digests."""

    digests: ClassVar[bool] = True


class Night:
    """An escalator and a courier on one clock."""

    def __init__(self, database: Database, phones: Phones) -> None:
        self.now = PAGED_AT
        self.phones = phones
        self.database = database
        self.courier: Courier = courier_of(database, phones, clock=lambda: self.now)

    async def work(self) -> None:
        """Page and send until nothing is due any more."""
        busy = 1
        while busy:
            busy = await self.database.write(lambda db: escalator.sweep(db, self.now))
            busy += await self.courier.dispatch()
            await self.courier.settle(10)

    async def until(self, moment: datetime) -> None:
        """Let time pass in steps of five seconds."""
        while self.now < moment:
            self.now += timedelta(seconds=5)
            await self.work()

    @property
    def called(self) -> list[str]:
        return [address for address, _ in self.phones.notices]

    async def story(self, number: int = 1) -> list[str]:
        dossier = await self.database.read(lambda db: desk.dossier(db, number))
        assert dossier is not None
        return [entry.words for entry in dossier.timeline if entry.kind in ("paged", "moved on")]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


async def night_of(database: Database, phones: Phones, *steps: Step, last: tuple[str, ...] = ()) -> Night:
    """A night in which one job has failed, with these steps and this catch-all."""
    policy = Policy("ops", steps)
    await database.write(lambda db: desk.install(db, [ANNA, BEN, CLEO, BOSS], [policy], {}, catch_all=last))
    await page_for(database, "job")
    night = Night(database, phones)
    await night.work()
    return night


async def test_a_step_that_everybody_refuses_is_not_waited_for(database: Database) -> None:
    phones = Phones(anna=GONE, **{"anna-2": GONE}, ben=GONE)
    night = await night_of(database, phones, Step(("anna", "ben"), WAIT), Step(("cleo",), WAIT))
    assert set(night.called) == {"anna", "anna-2", "ben", "cleo"}
    assert await night.story() == [
        "step 1 of ops: Anna, Ben",
        "every contact of Anna and Ben refused the page: the next step follows at once",
        "step 2 of ops: Cleo",
    ]


@pytest.mark.parametrize("other", [TAKEN, AWAY])
async def test_a_step_of_which_one_contact_did_not_refuse_is_waited_for(
    database: Database, other: Outcome
) -> None:
    phones = Phones(anna=GONE, **{"anna-2": other}, ben=GONE)
    night = await night_of(database, phones, Step(("anna", "ben"), WAIT), Step(("cleo",), WAIT))
    await night.until(PAGED_AT + WAIT - MINUTE)
    assert "cleo" not in night.called
    await night.until(PAGED_AT + WAIT)
    assert "cleo" in night.called


async def test_where_the_last_step_refuses_the_catch_all_is_paged_at_each_repetition(
    database: Database,
) -> None:
    night = await night_of(database, Phones(ben=GONE), Step(("ben",), WAIT), last=("boss",))
    assert night.called == ["ben", "boss"]
    assert (
        night.phones.notices[-1][1]
        .lines[-1]
        .startswith("Nobody of policy ops could be reached, so you are paged")
    )
    assert (await night.story())[-1] == "nobody of policy ops could be reached: Boss"
    await night.until(PAGED_AT + WAIT - MINUTE)
    assert night.called.count("boss") == 1, "once in a step, however often it is refused"
    await night.until(PAGED_AT + 2 * WAIT - MINUTE)
    assert night.called.count("boss") == 2


async def test_a_last_step_that_took_a_page_before_does_not_keep_it_from_the_catch_all(
    database: Database,
) -> None:
    night = await night_of(database, phones := Phones(), Step(("ben",), WAIT), last=("boss",))
    phones.outcomes = {"ben": GONE}
    await night.until(PAGED_AT + WAIT)
    assert night.called == ["ben", "ben", "boss"]


async def test_a_catch_all_that_refuses_too_leaves_the_terminal(database: Database) -> None:
    night = await night_of(database, Phones(ben=GONE, boss=GONE), Step(("ben",), WAIT), last=("boss",))
    await night.until(PAGED_AT + MINUTE)
    assert night.called.count("terminal") == 1
    assert (await night.story())[-1] == "nobody of policy ops could be reached: Operator"


async def test_a_step_behind_that_means_the_same_people_does_not_keep_it_from_the_catch_all(
    database: Database,
) -> None:
    steps = Step(("ben",), WAIT), Step(("nobody",), WAIT)
    night = await night_of(database, Phones(ben=GONE), *steps, last=("boss",))
    assert night.called == ["ben", "boss"]


async def test_a_round_goes_on_with_the_next_person_at_once(database: Database) -> None:
    round_of_three = Step(("ben", "cleo"), WAIT, round_robin=True)
    night = await night_of(database, Phones(ben=GONE), round_of_three, last=("boss",))
    assert night.called == ["ben", "cleo"]


async def test_a_step_that_is_not_meant_for_the_incident_is_passed_over(database: Database) -> None:
    critical = Condition((Severity.CRITICAL,))
    steps = Step(("ben",), WAIT), Step(("anna",), WAIT, only=critical), Step(("cleo",), WAIT)
    night = await night_of(database, Phones(ben=GONE), *steps)
    assert night.called == ["ben", "cleo"]


async def test_whoever_has_answered_meanwhile_is_left_alone(database: Database) -> None:
    class Answering(Phones):
        async def send(self, notice: Notice, contact: Contact) -> Outcome:
            await database.write(
                lambda db: desk.acknowledge(db, 1, "Cleo", PAGED_AT, until=PAGED_AT + 60 * MINUTE)
            )
            return await super().send(notice, contact)

    night = await night_of(database, Answering(ben=GONE), Step(("ben",), WAIT), Step(("cleo",), WAIT))
    assert set(night.called) == {"ben"}


async def test_each_incident_of_a_digest_that_is_refused_pages_on(database: Database) -> None:
    policy = Policy("ops", (Step(("ben",), WAIT), Step(("cleo",), WAIT)))
    await database.write(lambda db: desk.install(db, [BEN, CLEO], [policy], {}))
    await page_for(database, *(f"job {n}" for n in range(8)))
    night = Night(database, Combining(ben=GONE))
    await night.until(PAGED_AT + MINUTE)
    for number in range(1, 9):
        assert (await night.story(number))[1:] == [
            "every contact of Ben refused the page: the next step follows at once",
            "step 2 of ops: Cleo",
        ]


async def test_an_incident_whose_contact_is_mended_goes_on_as_ever(database: Database) -> None:
    night = await night_of(database, phones := Phones(ben=GONE), Step(("ben",), WAIT), Step(("cleo",), WAIT))
    phones.outcomes = {}
    mended = replace(BEN, contacts=(Contact("pager", "ben-new"),))
    await database.write(lambda db: desk.define_person(db, mended))
    await night.until(PAGED_AT + 2 * MINUTE)
    assert night.called == ["ben", "cleo", "ben-new"]


@pytest.mark.parametrize("steps", [("ben", "cleo"), ("ben",)])
async def test_what_waits_for_working_hours_goes_on_waiting(
    database: Database, steps: tuple[str, ...]
) -> None:
    policy = Policy("ops", tuple(Step((name,), WAIT) for name in steps))
    night = await night_of(database, phones := Phones(ben=AWAY), *policy.steps, last=("boss",))
    tomorrow = PAGED_AT + timedelta(days=1)
    hours = WorkingHours((Window((tomorrow.weekday(),)),))
    await database.write(lambda db: desk.define_policy(db, replace(policy, warnings_wait_for=hours)))
    phones.outcomes = {"ben": GONE}
    await night.until(PAGED_AT + WAIT * 3)
    assert set(night.called) == {"ben"}
    assert len(await night.story()) <= 2, "each refusal of the night would write a line"


async def test_what_is_held_by_maintenance_goes_on_waiting(database: Database) -> None:
    policy = Policy("ops", (Step(("ben",), WAIT), Step(("cleo",), WAIT)))
    await database.write(lambda db: desk.install(db, [BEN, CLEO], [policy], {}))
    await group_falls_silent(database, range(1), PAGED_AT - MINUTE)
    night = Night(database, phones := Phones(ben=AWAY))
    await night.work()
    await group_falls_silent(database, range(1, 2), PAGED_AT, Hold(PAGED_AT + 6 * WAIT, "maintenance"))
    await database.write(lambda db: desk.clear(db, {"job 0": "heard again"}, PAGED_AT))
    phones.outcomes = {"ben": GONE}
    await night.until(PAGED_AT + WAIT * 2)
    assert set(night.called) == {"ben"}
    assert await night.story() == ["step 1 of ops: Ben"]
