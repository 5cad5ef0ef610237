"""Receipts: the later report of a provider is stored, and moves an undelivered page on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from itertools import permutations
from threading import Event

import pytest
from sqlalchemy import Connection

from alerting import delivery, desk, escalator, receipts
from alerting.delivery import is_id
from alerting.escalation import Policy, Step
from alerting.notice import NoticeKind
from alerting.notifiers.contract import Accepted, Arrived, Contact, Outcome, Refused, Undelivered
from alerting.person import Person
from heartbeat.database import Database
from tests.unit.alerting.test_courier import PAGED_AT, Pager, courier_of, page_for
from tests.unit.conftest import waiting

ANNA = Person("anna", "Anna", (Contact("pager", "first"), Contact("pager", "second")))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)),))
LATER = PAGED_AT + timedelta(seconds=30)
FAILED = Undelivered("id-1", "number is out of service")
DELIVERED = Arrived("id-1")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database in which one page to Anna was accepted as `id-1`."""
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, [ANNA], [OPS], {}))
    await page_for(opened, "job")
    await carry(opened, Accepted("queued", "id-1"), PAGED_AT)
    yield opened
    opened.close()


async def carry(database: Database, outcome: Outcome, now: datetime) -> list[str]:
    """Send what is due, with this outcome; the addresses it went to."""
    pager = Pager(outcome)
    courier = courier_of(database, pager, now)
    await courier.dispatch()
    await courier.settle(10)
    return [address for address, _ in pager.notices]


async def receive(database: Database, *reports: Arrived | Undelivered, kind: str = "pager") -> None:
    """Record reports of the provider, one after the other."""
    for report in reports:
        await database.write(lambda db, report=report: desk.receipt(db, kind, report, LATER, 0.0))  # type: ignore[misc]  # a lambda


async def dossier_of(database: Database) -> desk.Dossier:
    """The incident with everything that belongs to it."""
    dossier = await database.read(lambda db: desk.dossier(db, 1))
    assert dossier is not None
    return dossier


async def words_of(database: Database) -> list[tuple[str, str]]:
    """The lines of the timeline about notices."""
    timeline = (await dossier_of(database)).timeline
    return [(entry.kind, entry.words) for entry in timeline if entry.kind in ("told", "not told")]


ACCEPTED = ("told", "page to Anna by pager: accepted (queued)")


async def test_an_accepted_attempt_keeps_the_providers_id(database: Database) -> None:
    (attempt,) = (await dossier_of(database)).attempts
    assert (attempt.outcome, attempt.provider_id, attempt.receipt) == ("accepted", "id-1", None)


@pytest.mark.parametrize("provider_id", [None, "", "x" * 501, "a\0b", "two\nlines", "\ud800", 17])
async def test_an_id_that_cannot_be_kept_whole_costs_no_page(
    database_url: str, provider_id: str | None
) -> None:
    database = Database(database_url)
    await database.write(lambda db: desk.install(db, [ANNA], [OPS], {}))
    await page_for(database, "job")
    await carry(database, Accepted("queued", provider_id), PAGED_AT)
    dossier = await dossier_of(database)
    database.close()
    assert [(page.state, page.delivered_at) for page in dossier.pages] == [("delivered", PAGED_AT)]
    assert [attempt.provider_id for attempt in dossier.attempts] == [None]
    assert not is_id(provider_id)


async def test_a_refused_attempt_has_no_id(database_url: str) -> None:
    assert delivery.provider_id(Refused("no such number")) is None
    assert delivery.provider_id(Accepted("queued", "x" * 500)) == "x" * 500


async def test_a_delivered_notice_is_told_in_the_timeline(database: Database) -> None:
    await receive(database, DELIVERED)
    dossier = await dossier_of(database)
    assert [(a.receipt, a.receipt_said, a.receipt_at) for a in dossier.attempts] == [
        ("delivered", None, LATER)
    ]
    assert await words_of(database) == [ACCEPTED, ("told", "page to Anna by pager: delivered")]
    assert [page.state for page in dossier.pages] == ["delivered"]


async def test_an_undelivered_page_goes_to_the_next_contact_at_once(database: Database) -> None:
    await receive(database, FAILED)
    dossier = await dossier_of(database)
    assert [(page.state, page.contact, page.delivered_at) for page in dossier.pages] == [("pending", 1, None)]
    assert await words_of(database) == [
        ACCEPTED,
        ("not told", "page to Anna by pager: undelivered (number is out of service)"),
    ]
    assert await carry(database, Accepted("queued", "id-2"), LATER) == ["second"]
    await receive(database, DELIVERED, FAILED)
    assert [page.state for page in (await dossier_of(database)).pages] == ["delivered"]


async def test_a_person_without_another_contact_is_tried_again_after_a_pause(database: Database) -> None:
    lone = Person("anna", "Anna", (Contact("pager", "only"),))
    await database.write(lambda db: desk.define_person(db, lone))
    await receive(database, FAILED)
    assert await carry(database, Accepted("queued", "id-2"), LATER) == []
    assert await carry(database, Accepted("queued", "id-2"), LATER + timedelta(seconds=10)) == ["only"]


@pytest.mark.parametrize("order", sorted(set(permutations([DELIVERED, FAILED, FAILED, DELIVERED])), key=repr))
async def test_receipts_converge_in_any_order(
    make_database_url: Callable[[str], str], order: tuple[Arrived | Undelivered, ...]
) -> None:
    database = Database(make_database_url("sqlite"))
    await database.write(lambda db: desk.install(db, [ANNA], [OPS], {}))
    await page_for(database, "job")
    await carry(database, Accepted("queued", "id-1"), PAGED_AT)
    await receive(database, *order)
    dossier, lines = await dossier_of(database), await words_of(database)
    database.close()
    assert [attempt.receipt for attempt in dossier.attempts] == ["undelivered"]
    assert [(page.state, page.contact) for page in dossier.pages] == [("pending", 1)]
    assert len([kind for kind, _ in lines if kind == "not told"]) == 1


@pytest.mark.parametrize("provider_id", ["id-9", "", "a\0b", "x" * 501])
async def test_an_unknown_id_changes_nothing(database: Database, provider_id: str) -> None:
    untouched = await dossier_of(database)
    await receive(database, Arrived(provider_id), Undelivered(provider_id, "gone"))
    await receive(database, FAILED, kind="another")
    assert await dossier_of(database) == untouched


async def test_known_ids_are_those_that_something_was_sent_under(database: Database) -> None:
    ids = {"id-1", "id-9", "", "a\0b", "x" * 501, '"quoted", {braced}'}
    assert await database.read(lambda db: desk.known_ids(db, "pager", ids)) == {"id-1"}
    assert await database.read(lambda db: desk.known_ids(db, "pager", set())) == set()
    assert await database.read(lambda db: desk.known_ids(db, "another", ids)) == set()


async def test_a_late_receipt_of_an_earlier_contact_moves_nothing(database: Database) -> None:
    """The word is about the first contact; the second one has taken the page meanwhile."""
    await receive(database, FAILED)
    await carry(database, Refused("blocked"), LATER)
    state = [(page.state, page.contact) for page in (await dossier_of(database)).pages]
    await receive(database, FAILED, DELIVERED)
    assert [(page.state, page.contact) for page in (await dossier_of(database)).pages] == state


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
async def test_an_answered_incident_is_not_paged_for_again(database: Database, answer: Answer) -> None:
    await database.write(answer)
    await receive(database, FAILED)
    dossier = await dossier_of(database)
    page = dossier.pages[0]
    assert (page.kind, page.state, page.delivered_at) == (NoticeKind.PAGE, "superseded", None)
    assert [attempt.receipt for attempt in dossier.attempts] == ["undelivered"]
    assert (await words_of(database))[-1][0] == "not told"


async def test_a_receipt_waits_for_an_answer_under_way(make_database_url: Callable[[str], str]) -> None:
    """The answer is not committed yet when the receipt comes: the page must not go on."""
    database = Database(make_database_url("postgres"))
    await database.write(lambda db: desk.install(db, [ANNA], [OPS], {}))
    await page_for(database, "job")
    await carry(database, Accepted("queued", "id-1"), PAGED_AT)
    answered = Event()

    def acknowledge(db: Connection) -> None:
        desk.acknowledge(db, 1, "ben", PAGED_AT, until=PAGED_AT + timedelta(hours=1))
        answered.set()
        assert any(waiting(database.writer) for _ in range(5_000)), "the receipt waits"

    under_way = asyncio.create_task(database.write(acknowledge))
    await asyncio.to_thread(answered.wait, 30)
    await asyncio.gather(receive(database, FAILED), under_way)
    dossier = await dossier_of(database)
    database.close()
    assert [(page.kind, page.state) for page in dossier.pages] == [
        (NoticeKind.PAGE, "superseded"),
        (NoticeKind.ACKNOWLEDGED, "pending"),
    ]


async def test_an_earlier_occurrence_is_not_paged_for_again(database: Database) -> None:
    until = PAGED_AT + timedelta(seconds=5)
    await database.write(lambda db: desk.snooze(db, 1, "ben", PAGED_AT, until))
    await database.write(lambda db: escalator.sweep(db, until))
    await receive(database, FAILED)
    pages = [page for page in (await dossier_of(database)).pages if page.kind is NoticeKind.PAGE]
    assert [(page.occurrence, page.state) for page in pages] == [(1, "superseded"), (2, "pending")]


async def test_one_page_of_an_incident_waits_for_a_person(database: Database) -> None:
    """The next page of the same incident waits already: it goes round the contacts itself."""
    await database.write(lambda db: escalator.sweep(db, PAGED_AT + timedelta(minutes=5)))
    await receive(database, FAILED)
    assert [page.state for page in (await dossier_of(database)).pages] == ["superseded", "pending"]


async def test_word_of_an_acknowledgement_that_did_not_arrive_ends(database: Database) -> None:
    until = PAGED_AT + timedelta(hours=1)
    await database.write(lambda db: desk.acknowledge(db, 1, "ben", PAGED_AT, until=until))
    await carry(database, Accepted("queued", "id-2"), PAGED_AT)
    await receive(database, Undelivered("id-2", ""))
    assert (await words_of(database))[-1] == ("not told", "acknowledged to Anna by pager: undelivered")
    assert await carry(database, Accepted(), LATER) == []


async def test_each_page_of_a_digest_goes_on(database: Database) -> None:
    await page_for(database, "other", "third")
    await carry(database, Accepted("queued", "id-1"), PAGED_AT)
    await receive(database, FAILED)
    assert sorted(await carry(database, Accepted("queued", "id-2"), LATER)) == ["second"] * 3


@pytest.mark.parametrize(("report", "state"), [(FAILED, "pending"), (DELIVERED, "delivered")])
async def test_a_report_on_a_digest_is_about_all_of_its_pages(
    database_url: str, monkeypatch: pytest.MonkeyPatch, report: Arrived | Undelivered, state: str
) -> None:
    monkeypatch.setattr(receipts, "AT_ONCE", 10)
    database = Database(database_url)
    await database.write(lambda db: desk.install(db, [ANNA], [OPS], {}))
    for number in range(25):
        await page_for(database, f"job-{number}")
    # One message for all of them, as a digest is.
    await carry(database, Accepted("queued", "id-1"), PAGED_AT)
    last: int | None = 0
    while last is not None:
        last = await database.write(
            lambda db, after=last: desk.receipt(db, "pager", report, LATER, 0.0, after)  # type: ignore[misc]  # a lambda
        )
    dossiers = await database.read(lambda db: [desk.dossier(db, number) for number in range(1, 26)])
    database.close()
    assert [page.state for dossier in dossiers if dossier for page in dossier.pages] == [state] * 25
    receipt = "undelivered" if report is FAILED else "delivered"
    assert {a.receipt for dossier in dossiers if dossier for a in dossier.attempts} == {receipt}
