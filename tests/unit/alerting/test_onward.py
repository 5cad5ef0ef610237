"""Pages that were accepted and not answered move on: after their time, and without a receipt."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import ClassVar

import pytest
from sqlalchemy import Connection

from alerting import desk, escalator, outbox
from alerting.clock_step import Step as ClockStep
from alerting.escalation import Policy, Step
from alerting.notice import NoticeKind
from alerting.notifiers.contract import Accepted, Arrived, Contact, Outcome, Refused, Undelivered
from alerting.person import Person
from heartbeat.database import Database
from tests.unit.alerting.test_courier import PAGED_AT, Pager, courier_of, page_for

MINUTE = timedelta(minutes=1)
ANNA = Person(
    "anna",
    "Anna",
    (
        Contact("pager", "first"),
        Contact("pager", "spare"),
        Contact("pager", "third", after=5 * MINUTE),
        Contact("pager", "fourth", after=9 * MINUTE),
    ),
)
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=30)),))


PAGES = NoticeKind.PAGE, NoticeKind.DIGEST


class Reporting(Pager):
    """As a pager whose provider reports within a minute, or never does."""

    receipt_within: ClassVar[timedelta] = MINUTE


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database in which one page to Anna waits."""
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, [ANNA], [OPS], {}))
    await page_for(opened, "job")
    yield opened
    opened.close()


async def carry(
    database: Database, after: timedelta, outcome: Outcome | None = None, pager: type[Pager] = Pager
) -> list[str]:
    """Let what is due so long after the page move on and be sent; the addresses that pages went to."""
    now = PAGED_AT + after
    await database.write(lambda db: escalator.sweep(db, now))
    phone = pager(outcome or Accepted("queued", f"id at {after}"))
    courier = courier_of(database, phone, now)
    while await courier.dispatch():
        await courier.settle(10)
    return [address for address, notice in phone.notices if notice.kind in PAGES]


async def report(database: Database, said: Arrived | Undelivered, at: timedelta) -> None:
    await database.write(lambda db: desk.receipt(db, "pager", said, PAGED_AT + at, 0.0))


async def dossier_of(database: Database) -> desk.Dossier:
    dossier = await database.read(lambda db: desk.dossier(db, 1))
    assert dossier is not None
    return dossier


async def words_of(database: Database) -> list[str]:
    """The lines of the timeline about pages that went on."""
    timeline = (await dossier_of(database)).timeline
    return [entry.words for entry in timeline if entry.kind in ("moved on", "not told")]


async def test_an_unanswered_page_goes_to_each_contact_at_its_time(database: Database) -> None:
    sent = {minutes: await carry(database, minutes * MINUTE) for minutes in range(12)}
    assert {at: addresses for at, addresses in sent.items() if addresses} == {
        0: ["first"],
        5: ["third"],
        9: ["fourth"],
    }
    assert await words_of(database) == [
        "Anna has not answered by pager after 5 min: next is pager",
        "Anna has not answered by pager after 9 min: next is pager",
    ]


async def test_the_time_of_the_next_contact_is_the_next_work_of_the_sweep(database: Database) -> None:
    await carry(database, 0 * MINUTE)
    assert await database.read(escalator.next_due) == PAGED_AT + 5 * MINUTE


async def test_a_contact_without_a_time_is_paged_only_if_the_one_before_it_fails(database: Database) -> None:
    # Once all have refused it, nobody is left but the service's own terminal.
    everybody = ["first", "spare", "third", "fourth", "terminal"]
    assert await carry(database, 0 * MINUTE, Refused("gone")) == everybody


async def test_a_page_that_arrived_by_a_spare_contact_still_moves_on(database: Database) -> None:
    await carry(database, 0 * MINUTE, pager=Reporting)
    await report(database, Undelivered("id at 0:00:00", "switched off"), timedelta(seconds=5))
    assert await carry(database, 1 * MINUTE) == ["spare"]
    assert await carry(database, 5 * MINUTE) == ["third"]


Answer = Callable[[Connection], object]


@pytest.mark.parametrize(
    "answer",
    [
        lambda db: desk.acknowledge(db, 1, "ben", PAGED_AT, until=PAGED_AT + timedelta(hours=1)),
        lambda db: desk.snooze(db, 1, "ben", PAGED_AT, PAGED_AT + timedelta(hours=1)),
        lambda db: desk.resolve(db, 1, "ben", PAGED_AT),
    ],
    ids=["acknowledged", "snoozed", "resolved"],
)
async def test_an_answered_page_goes_nowhere(database: Database, answer: Answer) -> None:
    await carry(database, 0 * MINUTE, pager=Reporting)
    await database.write(answer)
    (page, *_) = (await dossier_of(database)).pages
    assert (page.state, page.onward_at, page.receipt_by) == ("delivered", None, None)
    await carry(database, 10 * MINUTE)
    assert len([a for a in (await dossier_of(database)).attempts if a.page_id == page.id]) == 1
    assert await words_of(database) == []


async def test_a_page_that_is_answered_while_it_is_sent_goes_nowhere(database: Database) -> None:
    """The provider accepts it after the answer."""
    pager = Pager(Accepted())
    courier = courier_of(database, pager)
    await courier.dispatch()
    until = PAGED_AT + timedelta(hours=1)
    await database.write(lambda db: desk.acknowledge(db, 1, "ben", PAGED_AT, until=until))
    await courier.settle(10)
    page = (await dossier_of(database)).pages[0]
    assert (page.state, page.onward_at) in {("superseded", None), ("delivered", None)}


async def test_a_later_occurrence_has_pages_of_its_own(database: Database) -> None:
    await carry(database, 0 * MINUTE)
    until = PAGED_AT + 2 * MINUTE
    await database.write(lambda db: desk.snooze(db, 1, "ben", PAGED_AT, until))
    assert await carry(database, 2 * MINUTE) == ["first"]
    assert await carry(database, 5 * MINUTE) == []
    assert await carry(database, 7 * MINUTE) == ["third"]


async def test_a_page_without_a_receipt_goes_to_the_next_contact(database: Database) -> None:
    """Accepted is not delivered, however well the channel is."""
    assert await carry(database, 0 * MINUTE, pager=Reporting) == ["first"]
    assert await carry(database, timedelta(seconds=59), pager=Reporting) == []
    assert await carry(database, 1 * MINUTE, pager=Reporting) == ["spare"]
    assert await carry(database, 2 * MINUTE, pager=Reporting) == ["third"]
    assert await carry(database, 3 * MINUTE, pager=Reporting) == ["fourth"]
    assert [await carry(database, minutes * MINUTE) for minutes in range(4, 30)] == [[]] * 26
    assert [attempt.receipt for attempt in (await dossier_of(database)).attempts] == ["missing"] * 4
    assert await words_of(database) == [
        "page to Anna by pager: no receipt in time; it goes to pager",
        "page to Anna by pager: no receipt in time; it goes to pager",
        "page to Anna by pager: no receipt in time; it goes to pager",
        "page to Anna by pager: no receipt in time; there is no further contact",
    ]


async def test_a_page_with_a_receipt_moves_on_only_at_the_time_of_the_next_contact(
    database: Database,
) -> None:
    await carry(database, 0 * MINUTE, pager=Reporting)
    await report(database, Arrived("id at 0:00:00"), timedelta(seconds=30))
    assert await carry(database, 1 * MINUTE) == []
    assert await carry(database, 5 * MINUTE) == ["third"]


async def test_a_provider_without_receipts_is_believed(database: Database) -> None:
    await carry(database, 0 * MINUTE)
    assert [await carry(database, minutes * MINUTE) for minutes in range(1, 5)] == [[]] * 4


LATE = [Arrived("id at 0:00:00"), Undelivered("id at 0:00:00", "gone"), Arrived("id at 0:00:00")]


@pytest.mark.parametrize("order", sorted(set(permutations(LATE)), key=repr))
@pytest.mark.parametrize("at", [70, 90])
async def test_a_late_receipt_changes_only_the_record(
    make_database_url: Callable[[str], str], order: tuple[Arrived | Undelivered, ...], at: int
) -> None:
    """Late, twice and out of order: the page stays where it has moved on to, before it is sent there and after."""
    database = Database(make_database_url("sqlite"))
    await database.write(lambda db: desk.install(db, [ANNA], [OPS], {}))
    await page_for(database, "job")
    await carry(database, 0 * MINUTE, pager=Reporting)
    if at == 70:
        await database.write(lambda db: escalator.sweep(db, PAGED_AT + MINUTE))
    else:
        await carry(database, 1 * MINUTE)
    moved = (await dossier_of(database)).pages
    for said in order:
        await report(database, said, timedelta(seconds=at))
    dossier = await dossier_of(database)
    database.close()
    assert dossier.pages == moved
    assert dossier.attempts[0].receipt == "undelivered"


async def test_a_page_that_moves_on_waits_for_another_page_to_the_same_person(database: Database) -> None:
    """Two pages of an incident never go round the contacts of a person at once."""
    quick = Policy("ops", (Step(("anna",), 5 * MINUTE),))
    await database.write(lambda db: desk.install(db, [ANNA], [quick], {}))
    await page_for(database, "other")

    def pages(db: Connection) -> list[tuple[str, int]]:
        return [(page.state, page.contact) for page in outbox.pages_of(db, 2)]

    await carry(database, 0 * MINUTE)
    now = PAGED_AT + 5 * MINUTE
    await database.write(lambda db: escalator.sweep(db, now - timedelta(seconds=1)))
    await database.write(lambda db: desk.page_next(db, 2, "ben", now - timedelta(seconds=1)))
    await database.write(lambda db: escalator.sweep(db, now - timedelta(seconds=1)))
    await database.write(lambda db: escalator.sweep(db, now))
    assert await database.read(pages) == [("delivered", 0), ("pending", 0)]
    await carry(database, 5 * MINUTE)
    assert "third" in await carry(database, 5 * MINUTE + timedelta(seconds=5))


async def test_each_page_of_a_digest_moves_on_at_its_own_time(database: Database) -> None:
    await page_for(database, *(f"job {number}" for number in range(9)))
    assert await carry(database, 0 * MINUTE) == ["first"]
    assert await carry(database, 4 * MINUTE) == []
    assert await carry(database, 5 * MINUTE) == ["third"], "as a digest again"


async def test_a_digest_without_a_receipt_goes_to_the_next_contact(database: Database) -> None:
    await page_for(database, *(f"job {number}" for number in range(9)))
    assert await carry(database, 0 * MINUTE, pager=Reporting) == ["first"]
    assert await carry(database, 1 * MINUTE) == ["spare"]


@pytest.mark.parametrize("hours", [-3, 3])
async def test_a_clock_that_is_set_neither_hurries_nor_delays_a_page(database: Database, hours: int) -> None:
    await carry(database, 0 * MINUTE)
    before, length = PAGED_AT + 1 * MINUTE, timedelta(hours=hours)
    step = ClockStep(before, before + length, began=before + length, known_since=PAGED_AT)
    await database.write(lambda db: desk.retime_incidents(db, step, 0, 10))
    await database.write(lambda db: desk.retime_pages(db, step))
    assert await carry(database, length + 4 * MINUTE) == []
    assert await carry(database, length + 5 * MINUTE) == ["third"]


async def test_an_edit_of_a_person_changes_where_their_pages_move_on_to(database: Database) -> None:
    def edited(*contacts: Contact) -> Callable[[Connection], None]:
        person = Person("anna", "Anna", contacts)
        return lambda db: desk.define_person(db, person)

    first = Contact("pager", "first")
    await carry(database, 0 * MINUTE)
    await database.write(edited(first, Contact("pager", "later", after=8 * MINUTE)))
    assert await carry(database, 5 * MINUTE) == []
    assert await carry(database, 8 * MINUTE) == ["later"]
    await database.write(edited(first))
    assert await carry(database, 20 * MINUTE) == []


async def test_a_waiting_page_is_as_old_as_its_present_contact(database: Database) -> None:
    """An operator is told that pages wait: one that moved on has not waited since it was written."""
    await carry(database, 0 * MINUTE)
    now: datetime = PAGED_AT + 5 * MINUTE
    await database.write(lambda db: escalator.sweep(db, now))
    assert (await database.read(desk.workload)).oldest == now


async def test_a_warning_goes_to_the_contacts_for_warnings(database: Database) -> None:
    calm = replace(ANNA, warnings=(Contact("pager", "calm"), Contact("pager", "later", after=7 * MINUTE)))
    await database.write(lambda db: desk.define_person(db, calm))
    assert await carry(database, 0 * MINUTE) == ["calm"]
    assert await carry(database, 5 * MINUTE) == []
    assert await carry(database, 7 * MINUTE) == ["later"]
