"""News of incidents: it goes to every contact that has a page or may have one, and to no other."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk, escalator, leases, outbox, store
from alerting.delivery import LEASE
from alerting.escalation import Policy, Step
from alerting.leases import AtCapacity
from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Undelivered, Unreachable
from alerting.outbox import Intent, Recipient
from alerting.person import Person
from heartbeat.database import Database
from tests.unit.alerting.conftest import FREE
from tests.unit.alerting.test_courier import PAGED_AT, Pager, courier_of, page_for

FIRST, SECOND, THIRD = (Contact("pager", name) for name in ("first", "second", "third"))
ANNA = Person("anna", "Anna", (FIRST, SECOND, THIRD))
BEN = Person("ben", "Ben", (Contact("pager", "ben"),))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)),))
TWO_STEPS = Policy("ops", (*OPS.steps, Step(("ben",), timedelta(minutes=5))))
TAKEN, GONE, AWAY = Accepted("beep"), Refused("no such number"), Unreachable("503")
SILENT = Unreachable("no answer", may_have_arrived=True)
HOUR = timedelta(hours=1)


class Phones(Pager):
    """Phones whose outcomes are set by address; the others take everything."""

    def __init__(self, outcomes: Mapping[str, Outcome]) -> None:
        super().__init__(TAKEN)
        self.outcomes = outcomes

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        await super().send(notice, contact)
        return self.outcomes.get(contact.address, TAKEN)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database with one page to Anna."""
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, [ANNA], [OPS], {}))
    await page_for(opened, "job")
    yield opened
    opened.close()


async def carry(
    database: Database, now: datetime = PAGED_AT, rounds: int = 4, **outcomes: Outcome
) -> list[tuple[str, str]]:
    """Send what is due, round after round; the address and kind of each notice, in their order."""
    phones = Phones(outcomes)
    courier = courier_of(database, phones, now)
    for _ in range(rounds):
        await courier.dispatch()
        await courier.settle(10)
    return [(address, notice.kind.value) for address, notice in phones.notices]


async def acknowledge(database: Database, now: datetime = PAGED_AT) -> None:
    """Acknowledge the incident for an hour."""
    await database.write(lambda db: desk.acknowledge(db, 1, "ben", now, until=now + HOUR))


async def states_of(database: Database) -> list[tuple[str, str]]:
    """The kind and state of each notice."""
    pages = await database.read(lambda db: outbox.pages_of(db, 1))
    return [(page.kind.value, page.state) for page in pages]


async def lines_of(database: Database) -> list[str]:
    """The lines of the timeline about what was not sent."""
    dossier = await database.read(lambda db: desk.dossier(db, 1))
    assert dossier is not None
    return [entry.words for entry in dossier.timeline if entry.kind == "not told"]


@pytest.mark.parametrize(
    ("by", "kind", "told"),
    [
        ("ben", "email", ["anna"]),
        ("anna", "email", ["anna", "ben"]),
        (None, "email", ["anna", "ben"]),
        # Their other devices still show the page.
        ("ben", "push", ["anna", "ben"]),
    ],
)
async def test_nobody_hears_of_what_they_did_themselves_except_by_a_machine_or_on_a_device_that_rings(
    database: Database, by: str | None, kind: str, told: list[str]
) -> None:
    contact = Contact(kind, "ben@example.com")

    def work(db: Connection) -> list[str]:
        incident = store.load(db, 1)
        assert incident is not None
        recipient = Recipient("ben", contact.kind, contact.mark)
        outbox.intend(db, NoticeKind.PAGE, [Intent(incident, recipient, "")], PAGED_AT)
        assert len(leases.lease(db, PAGED_AT, 10, AtCapacity())) == 2
        desk.acknowledge(db, 1, "somebody", PAGED_AT, until=PAGED_AT + HOUR, by_person=by)
        pages = outbox.pages_of(db, 1)
        return sorted(page.person for page in pages if page.kind is NoticeKind.ACKNOWLEDGED)

    assert await database.write(work) == told


@pytest.mark.parametrize(("address", "proven"), [(True, False), (False, True)])
async def test_a_contact_whose_address_takes_nothing_loses_its_proof_and_the_next_is_paged_at_once(
    database: Database, address: bool, proven: bool
) -> None:
    await database.write(lambda db: desk.prove(db, "anna", FIRST.mark, PAGED_AT))
    sent = await carry(database, first=Refused("gone", address=address))
    assert sent == [("first", "page"), ("second", "page")]
    proof = (await database.read(desk.contact_proofs))["anna", FIRST.mark]
    assert (proof.proven_at is not None) is proven


async def test_every_contact_that_has_the_page_or_may_have_it_hears_the_answer_and_the_end(
    database: Database,
) -> None:
    now = PAGED_AT
    for _ in range(3):
        await carry(database, now, 1, first=SILENT)
        now += timedelta(minutes=1)
    assert await carry(database, now, first=SILENT, second=GONE) == [("second", "page"), ("third", "page")]
    await acknowledge(database, now)
    assert sorted(await carry(database, now)) == [("first", "acknowledged"), ("third", "acknowledged")]
    await database.write(lambda db: desk.resolve(db, 1, "ben", now))
    assert sorted(await carry(database, now)) == [("first", "recovered"), ("third", "recovered")]


async def test_a_contact_that_nothing_reached_hears_nothing(database: Database) -> None:
    await carry(database, first=AWAY, rounds=1)
    await acknowledge(database)
    assert await carry(database) == []


async def test_a_send_whose_outcome_was_never_recorded_may_have_arrived(database: Database) -> None:
    await database.write(lambda db: leases.lease(db, PAGED_AT, 10, FREE))
    later = PAGED_AT + LEASE
    assert await carry(database, later, first=GONE) == [("first", "page"), ("second", "page")]
    dossier = await database.read(lambda db: desk.dossier(db, 1))
    assert dossier is not None
    tried = [(attempt.outcome, attempt.at, attempt.may_have_arrived) for attempt in dossier.attempts]
    assert tried[0] == ("unrecorded", PAGED_AT, True)
    await acknowledge(database, later)
    assert sorted(await carry(database, later)) == [("first", "acknowledged"), ("second", "acknowledged")]


async def test_a_send_under_way_counts(database: Database) -> None:
    await database.write(lambda db: leases.lease(db, PAGED_AT, 10, FREE))
    await acknowledge(database)
    assert await carry(database, PAGED_AT + LEASE) == [("first", "acknowledged")]


async def test_a_contact_whose_provider_could_not_deliver_the_page_has_none(database: Database) -> None:
    await carry(database, rounds=1, first=Accepted("queued", "id-1"))
    report = Undelivered("id-1", "out of service")
    await database.write(lambda db: desk.receipt(db, "pager", report, PAGED_AT, 0.0))
    assert await carry(database) == [("second", "page")]
    await acknowledge(database)
    assert await carry(database) == [("second", "acknowledged")]


async def test_news_is_retried_on_its_own_contact_until_that_refuses_it(database: Database) -> None:
    await carry(database)
    await acknowledge(database)
    later = PAGED_AT + timedelta(minutes=1)
    assert await carry(database, first=AWAY) == [("first", "acknowledged")]
    assert await carry(database, later, first=GONE) == [("first", "acknowledged")]
    assert await carry(database, later + HOUR) == []
    assert await states_of(database) == [("page", "delivered"), ("acknowledged", "expired")]


async def test_news_for_a_contact_that_is_gone_ends(database: Database) -> None:
    await carry(database)
    await acknowledge(database)
    await database.write(lambda db: desk.define_person(db, Person("anna", "Anna", (SECOND, THIRD))))
    assert await carry(database) == []
    assert await states_of(database) == [("page", "delivered"), ("acknowledged", "expired")]
    assert await lines_of(database) == ["acknowledged to Anna by pager: not sent (this contact was removed)"]


async def test_news_goes_to_the_corrected_address_of_the_only_contact_of_its_kind(database: Database) -> None:
    await carry(database)
    await acknowledge(database)
    moved = Person("anna", "Anna", (Contact("mail", "anna"), Contact("pager", "corrected")))
    await database.write(lambda db: desk.define_person(db, moved))
    assert await carry(database) == [("corrected", "acknowledged")]


async def test_a_page_goes_round_the_contacts_as_they_are_now(database: Database) -> None:
    await database.write(lambda db: desk.define_person(db, Person("anna", "Anna", (THIRD, SECOND))))
    assert await carry(database) == [("third", "page")]
    await acknowledge(database)
    assert await carry(database) == [("third", "acknowledged")]


async def test_the_terminal_that_took_a_page_for_somebody_hears_the_answer(database: Database) -> None:
    await database.write(lambda db: desk.forget_person(db, "anna"))
    assert await carry(database) == [("terminal", "page")]
    await acknowledge(database)
    assert await carry(database) == [("terminal", "acknowledged")]


@pytest.mark.parametrize("step", [0, 1])
async def test_the_first_page_of_an_occurrence_reopens_where_an_earlier_one_was_paged(
    database_url: str, step: int
) -> None:
    """At any step: the provider of that contact may hold the incident as acknowledged."""
    database = Database(database_url)
    await database.write(lambda db: desk.install(db, [ANNA, BEN], [TWO_STEPS], {}))
    await page_for(database, "job")
    answered = PAGED_AT + timedelta(minutes=5 * step)
    for at in (PAGED_AT, answered):
        await reopening(database, at)
    await acknowledge(database, answered)
    pages = [
        page
        for minutes in (0, 5, 10)
        for page in await reopening(database, answered + HOUR + timedelta(minutes=minutes))
    ]
    database.close()
    assert pages == [("first", True), ("ben", step == 1), ("ben", False)]


async def test_later_notices_name_the_first_one_that_their_contact_took(database: Database) -> None:
    phones = Phones({"first": GONE, "second": Accepted("beep", provider_id="message-1")})
    courier = courier_of(database, phones, PAGED_AT)
    await courier.dispatch()
    await courier.settle(10)
    await courier.dispatch()
    await courier.settle(10)
    await acknowledge(database)
    await courier.dispatch()
    await courier.settle(10)
    assert [(address, notice.kind.value, notice.thread) for address, notice in phones.notices] == [
        ("first", "page", None),
        ("second", "page", None),
        ("second", "acknowledged", "message-1"),
    ]


async def reopening(database: Database, now: datetime) -> list[tuple[str, bool]]:
    """Page and send what is due; the address of each page, and whether it reopens."""
    await database.write(lambda db: escalator.sweep(db, now))
    phones = Phones({})
    courier = courier_of(database, phones, now)
    await courier.dispatch()
    await courier.settle(10)
    return [(address, notice.reopens) for address, notice in phones.notices if notice.kind.value == "page"]
