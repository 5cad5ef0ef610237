"""What stands is told again to the contacts whose provider would forget it, from the database alone."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest

from alerting import desk, escalator, retelling
from alerting.composing import Composer
from alerting.escalation import Policy, Step
from alerting.notice import Links, Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.registry import NotifierSet
from alerting.person import Person
from alerting.retelling import ENDED_FOR, EVERY, Retelling
from heartbeat.database import Database
from tests.unit.alerting.test_courier import PAGED_AT, SILENT, Pager, courier_of, page_for

CLUSTER = Contact("pager", "am-0 am-1")
ANNA = Person("anna", "Anna", (CLUSTER, Contact("phone", "anna")))
BEN = Person("ben", "Ben", (CLUSTER,))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)), Step(("ben",), timedelta(minutes=5))))
Told = list[tuple[str, str]]


class Forgetful(Pager):
    """A provider that is told again, and keeps what it was told then: the address, the kind and the key of each."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.rounds: list[tuple[str, Sequence[Notice]]] = []

    async def send_again(self, notices: Sequence[Notice], contact: Contact) -> Outcome:
        self.rounds.append((contact.address, notices))
        return self.outcome

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(address, notice.kind.value) for address, notices in self.rounds for notice in notices]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database with Anna and Ben, who share a cluster."""
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, [ANNA, BEN], [OPS], {}))
    yield opened
    opened.close()


async def retold(
    database: Database,
    now: datetime,
    outcome: Outcome = Accepted("2 of 2"),  # noqa: B008 - it is frozen
) -> Forgetful:
    """What a process that has just started tells in a round at this time."""
    forgetful = Forgetful(outcome)
    phones = {"pager": forgetful, "phone": Pager(outcome), "console": Pager(outcome)}
    await Retelling(
        database.read,
        lambda _: NotifierSet(phones, phones),
        now=lambda: now,
        composer=Composer(
            lambda _db, _incidents, _symptoms, _now: {},
            lambda _cause: SILENT,
            lambda _incident, _person: Links("http://test/", "http://test/answer"),
        ),
        fill_in=lambda text, _about: text,
    ).tell()
    return forgetful


async def carry(database: Database, now: datetime = PAGED_AT, outcome: Outcome | None = None) -> None:
    """Send what is due."""
    courier = courier_of(database, Pager(outcome or Accepted("2 of 2")), now)
    await courier.dispatch()
    await courier.settle(10)


async def test_nothing_is_told_again_of_which_the_contact_has_not_heard(database: Database) -> None:
    await page_for(database, "job")
    assert (await retold(database, PAGED_AT)).told == []
    await carry(database, outcome=Refused("no"))
    assert (await retold(database, PAGED_AT)).told == []


async def test_an_incident_is_told_again_as_it_is_now_until_its_end_is_old(database: Database) -> None:
    await page_for(database, "job")
    await carry(database)
    hours_later = PAGED_AT + timedelta(hours=9)
    for now in (PAGED_AT, PAGED_AT + EVERY, hours_later):
        (address, (notice,)) = (await retold(database, now)).rounds[0]
        assert (address, notice.kind.value, notice.at) == ("am-0 am-1", "page", now)
    await database.write(lambda db: desk.resolve(db, 1, "ben", hours_later))
    assert (await retold(database, hours_later)).told == [], "the courier has not told the end yet"
    await carry(database, hours_later)
    for late in (timedelta(), ENDED_FOR - EVERY):
        assert (await retold(database, hours_later + late)).told == [("am-0 am-1", "recovered")]
    assert (await retold(database, hours_later + ENDED_FOR)).told == []


async def test_an_answer_is_told_again_in_its_own_words(database: Database) -> None:
    await page_for(database, "job")
    await carry(database)
    until = PAGED_AT + timedelta(hours=4)
    await database.write(lambda db: desk.acknowledge(db, 1, "carl", PAGED_AT, until=until))
    await carry(database)
    forgetful = await retold(database, PAGED_AT + EVERY)
    assert forgetful.told == [("am-0 am-1", "acknowledged")]
    assert "acknowledged by carl" in forgetful.rounds[0][1][0].title.lower()


async def test_a_notice_that_may_have_arrived_is_told_again(database: Database) -> None:
    await page_for(database, "job")
    await carry(database, outcome=Unreachable("no answer", may_have_arrived=True))
    assert (await retold(database, PAGED_AT)).told == [("am-0 am-1", "page")]


async def test_one_contact_of_two_people_is_told_once(database: Database) -> None:
    await page_for(database, "job")
    await carry(database)
    later = PAGED_AT + timedelta(minutes=5)
    await database.write(lambda db: escalator.sweep(db, later))
    await carry(database, later)
    assert (await retold(database, later)).told == [("am-0 am-1", "page")]


async def test_a_contact_that_was_removed_is_told_no_more(database: Database) -> None:
    await page_for(database, "job")
    await carry(database)
    others = [Person(name, name.title(), (Contact("phone", name),)) for name in ("anna", "ben")]
    await database.write(lambda db: desk.install(db, [others[0], BEN], [OPS], {}))
    assert (await retold(database, PAGED_AT)).told == [("am-0 am-1", "page")], "Ben has it too"
    await database.write(lambda db: desk.install(db, others, [OPS], {}))
    assert (await retold(database, PAGED_AT)).told == []


async def test_many_incidents_are_told_in_a_few_calls(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page_for(database, *(f"job-{number}" for number in range(5)))
    await carry(database)
    monkeypatch.setattr(retelling, "CHUNK", 2)
    rounds = (await retold(database, PAGED_AT)).rounds
    assert [len(notices) for _, notices in rounds] == [2, 2, 1]
    assert len({notice.dedup_key for _, notices in rounds for notice in notices}) == 5


async def test_a_round_that_fails_is_logged_and_changes_nothing(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await page_for(database, "job")
    await carry(database)
    await retold(database, PAGED_AT, Unreachable("connection refused by am-0"))
    assert caplog.messages[-1] == (
        "pager of anna is not told again of 1 incidents: connection refused by am-0"
    )
    assert (await retold(database, PAGED_AT + EVERY)).told == [("am-0 am-1", "page")]
