"""Verification by a code: sent to one contact, typed here, and proof that pages arrive there."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from alerting import contact_code, desk
from alerting.contact_code import Mistyped, NoCode
from alerting.crew_tables import contact_codes
from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Arrived, Outcome, Refused, Undelivered, Unreachable
from alerting.notifiers.registry import Setup
from alerting.person import Contact, Person
from heartbeat import audit, verification
from heartbeat.actor import Actor, Role
from heartbeat.database import Database
from heartbeat.trial import Sender
from heartbeat.verification import CodeSent, Confirmation, NotACode, ReadByMachine, TooManyCodes
from tests.unit.conftest import NOW, somebody

PHONE, CHAT, HOOK = Contact("sms", "+15005550001"), Contact("signal", "+15005550001"), Contact("webhook", "x")
ANNA = Person("anna", "Anna", (PHONE, CHAT, HOOK))
BEN = Person("ben", "Ben", (PHONE,))
SECRET, OLD_SECRET = "a-secret-key-for-tests-that-is-long", "an-older-key-for-tests-that-is-long"
ADMIN = somebody("ben")


class Phone:
    """Takes what is sent, with one outcome for everything."""

    def __init__(self, outcome: Outcome | None = None) -> None:
        self.notices: list[Notice] = []
        self.outcome = outcome or Accepted("201 Created", provider_id="SM1")

    async def deliver(
        self, _: Mapping[str, Setup], notice: Notice, _person: Person, _contact: Contact
    ) -> Outcome:
        self.notices.append(notice)
        return self.outcome

    @property
    def code(self) -> str:
        """The code in the last message, as its reader finds it."""
        found = re.search(r"\d{6}", self.notices[-1].title)
        assert found is not None
        return found[0]

    @property
    def wrong_code(self) -> str:
        return f"{(int(self.code) + 1) % 10**6:06}"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, [ANNA, BEN], [], {}))
    yield opened
    opened.close()


@pytest.fixture
def phone() -> Phone:
    return Phone()


async def send(
    database: Database, phone: Phone, contact: Contact = PHONE, *, now: datetime = NOW, key: str = SECRET
) -> verification.CodeSending:
    sender = Sender("https://heartbeat.test", key, phone.deliver)
    return await verification.send(database, sender, "anna", contact.mark, ADMIN, now)


async def confirm(
    database: Database, code: str, contact: Contact = PHONE, *, name: str = "anna", now: datetime = NOW
) -> Confirmation:
    return await database.write(
        lambda db: verification.confirm(db, [SECRET, OLD_SECRET], name, contact.mark, code, ADMIN, now)
    )


async def proven_at(database: Database, contact: Contact = PHONE, name: str = "anna") -> datetime | None:
    proofs = await database.read(desk.contact_proofs)
    return proofs.get((name, contact.mark), desk.NO_PROOF).proven_at


async def test_the_code_that_arrived_proves_its_contact_and_no_other(
    database: Database, phone: Phone
) -> None:
    sent = await send(database, phone)
    assert sent == CodeSent(ANNA, PHONE, phone.outcome, NOW + timedelta(minutes=10))
    later = NOW + timedelta(minutes=9)
    assert await confirm(database, phone.code, now=later) == PHONE
    assert await proven_at(database) == later
    assert await proven_at(database, CHAT) is None
    assert await proven_at(database, PHONE, "ben") is None
    entries = await database.read(lambda db: audit.listed(db, limit=9))
    assert [(each.actor, each.action, each.target, each.after) for each in reversed(entries)] == [
        ("ben", "person.verify", "person anna", {"contact": "sms"}),
        ("ben", "person.prove", "person anna", {"contact": "sms", "by": "code"}),
    ]


async def test_the_message_says_what_the_code_is_for_and_asks_for_no_answer(
    database: Database, phone: Phone
) -> None:
    await send(database, phone)
    (notice,) = phone.notices
    assert (notice.kind, notice.ack_url, notice.code) == (NoticeKind.TEST, None, phone.code)
    assert notice.title == f"{phone.code} is the code for Anna"
    assert notice.lines == (
        "Type it in heartbeat within 10 min: it proves that pages reach Anna by sms.",
        "If you did not ask for it, you can ignore it.",
    )
    assert notice.open_url == "https://heartbeat.test/on-call/people/anna"
    assert len(notice.short) <= 160
    assert phone.code in notice.short
    assert phone.code not in repr(notice.details)


async def test_a_code_is_typed_as_it_is_read(database: Database, phone: Phone) -> None:
    await send(database, phone)
    spaced = f" {phone.code[:3]} {phone.code[3:]}\n"
    assert await confirm(database, spaced) == PHONE


async def test_a_code_is_of_use_once(database: Database, phone: Phone) -> None:
    await send(database, phone)
    await confirm(database, phone.code)
    assert await confirm(database, phone.code, now=NOW + timedelta(seconds=1)) == NoCode()
    assert await proven_at(database) == NOW


async def test_a_code_expires(database: Database, phone: Phone) -> None:
    await send(database, phone)
    assert await confirm(database, phone.code, now=NOW + contact_code.LASTS) == NoCode()
    assert await proven_at(database) is None


async def test_only_the_newest_code_counts(database: Database, phone: Phone) -> None:
    await send(database, phone)
    old = phone.code
    while phone.code == old:
        later = NOW + contact_code.PAUSE * len(phone.notices)
        await send(database, phone, now=later)
    assert isinstance(await confirm(database, old, now=later), Mistyped)
    assert await confirm(database, phone.code, now=later) == PHONE


async def test_wrong_tries_are_counted_and_end_the_code(database: Database, phone: Phone) -> None:
    await send(database, phone)
    verdicts = [await confirm(database, phone.wrong_code) for _ in range(contact_code.TRIES)]
    assert [verdict.left for verdict in verdicts if isinstance(verdict, Mistyped)] == [4, 3, 2, 1, 0]
    assert await confirm(database, phone.code) == NoCode()
    assert await proven_at(database) is None


async def test_tries_at_the_same_time_are_counted_one_by_one(database: Database, phone: Phone) -> None:
    await send(database, phone)
    verdicts = await asyncio.gather(*(confirm(database, phone.wrong_code) for _ in range(12)))
    assert sum(isinstance(verdict, Mistyped) for verdict in verdicts) == contact_code.TRIES


async def test_buttons_pressed_at_the_same_time_send_one_code(database: Database, phone: Phone) -> None:
    results = await asyncio.gather(*(send(database, phone) for _ in range(8)))
    assert sum(isinstance(result, CodeSent) for result in results) == 1
    assert len(phone.notices) == 1


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345x", "١٢٣٤٥٦", "12 34 5\0"])
async def test_what_cannot_be_a_code_counts_as_no_try(database: Database, phone: Phone, typed: str) -> None:
    await send(database, phone)
    for _ in range(contact_code.TRIES):
        assert await confirm(database, typed) == NotACode()
    assert await confirm(database, phone.code) == PHONE


async def test_a_code_for_one_contact_proves_no_other(database: Database, phone: Phone) -> None:
    await send(database, phone, PHONE)
    assert await confirm(database, phone.code, CHAT) == NoCode()
    assert await confirm(database, phone.code, PHONE, name="ben") == NoCode()
    assert await proven_at(database, CHAT) is None


async def test_a_corrected_address_needs_a_code_of_its_own(database: Database, phone: Phone) -> None:
    await send(database, phone)
    corrected = Contact("sms", "+15005550009")
    changed = replace(ANNA, contacts=(corrected, CHAT))
    await database.write(lambda db: desk.define_person(db, changed))
    assert await confirm(database, phone.code, PHONE) is None
    assert await confirm(database, phone.code, corrected) == NoCode()
    assert await proven_at(database, corrected) is None


async def test_a_new_address_loses_the_proof_of_the_old_one(database: Database, phone: Phone) -> None:
    await send(database, phone)
    await confirm(database, phone.code)
    corrected = Contact("sms", "+15005550009")
    await database.write(lambda db: desk.define_person(db, replace(ANNA, contacts=(corrected,))))
    assert await proven_at(database, corrected) is None


async def test_no_contact_is_sent_too_many_codes(database: Database, phone: Phone) -> None:
    sent = [
        await send(database, phone, now=NOW + timedelta(minutes=minutes))
        for minutes in range(contact_code.A_CONTACT)
    ]
    assert all(isinstance(each, CodeSent) for each in sent)
    late = NOW + timedelta(minutes=50)
    refused = await send(database, phone, now=late)
    assert refused == TooManyCodes(NOW + timedelta(hours=1))
    assert isinstance(refused, TooManyCodes)
    assert refused.sentence(late) == "Nothing was sent: this contact can get another code in 10 min."
    assert len(phone.notices) == contact_code.A_CONTACT
    assert isinstance(await send(database, phone, CHAT, now=late), CodeSent)
    assert isinstance(await send(database, phone, now=NOW + timedelta(hours=1)), CodeSent)


async def test_old_codes_are_deleted(database: Database, phone: Phone) -> None:
    await send(database, phone)
    await send(database, phone, now=NOW + contact_code.WINDOW)
    rows = await database.read(lambda db: db.execute(select(contact_codes.c.sent_at)).scalars().all())
    assert rows == [NOW + contact_code.WINDOW]


async def test_codes_go_with_their_person(database: Database, phone: Phone) -> None:
    await send(database, phone)
    await database.write(lambda db: desk.forget_person(db, "anna"))
    assert await database.read(lambda db: db.execute(select(contact_codes)).all()) == []


async def test_nothing_that_is_stored_reveals_the_code(database: Database, phone: Phone) -> None:
    await send(database, phone)
    rows = await database.read(lambda db: db.execute(select(contact_codes)).all())
    entries = await database.read(lambda db: audit.listed(db, limit=9))
    stored = [{**row._mapping, "code_hash": ""} for row in rows]
    assert phone.code not in repr(stored) + repr(entries)
    hashes = {verification.hashed(key, "anna", PHONE.mark, phone.code) for key in (SECRET, "another-key")}
    assert len(hashes) == 2, "without the key, all of a million codes would soon be tried"
    assert rows[0].code_hash in hashes


async def test_a_code_outlives_the_change_of_the_secret_key(database: Database, phone: Phone) -> None:
    await send(database, phone, key=OLD_SECRET)
    assert await confirm(database, phone.code) == PHONE


async def test_a_code_of_another_installation_is_wrong(database: Database, phone: Phone) -> None:
    await send(database, phone, key="a-key-of-another-installation-entirely")
    assert isinstance(await confirm(database, phone.code), Mistyped)


async def test_no_code_goes_where_a_machine_reads(database: Database, phone: Phone) -> None:
    assert await send(database, phone, HOOK) == ReadByMachine("webhook")
    assert phone.notices == []


async def test_a_room_that_several_people_read_gets_no_code(database: Database, phone: Phone) -> None:
    room = Person("anna", "Room", (CHAT,), channel=True)
    await database.write(lambda db: desk.define_person(db, room))
    assert await send(database, phone, CHAT) is None
    assert phone.notices == []


async def test_a_stranger_and_a_contact_that_is_gone_get_no_code(database: Database, phone: Phone) -> None:
    assert await send(database, phone, Contact("sms", "+15005550008")) is None
    sender = Sender("https://heartbeat.test", SECRET, phone.deliver)
    assert await verification.send(database, sender, "no\0body", PHONE.mark, ADMIN, NOW) is None
    assert await confirm(database, "123456", name="no\0body") is None
    assert phone.notices == []


@pytest.mark.parametrize(
    ("outcome", "word", "said"),
    [
        (Accepted("201 Created"), "accepted", "201 Created"),
        (Refused("no such number"), "refused", "no such number"),
        (Unreachable("timed out"), "unreachable", "timed out"),
    ],
)
async def test_who_waits_sees_what_became_of_the_send(
    database: Database, outcome: Outcome, word: str, said: str
) -> None:
    await send(database, Phone(outcome))
    code = (await database.read(lambda db: verification.last_codes(db, "anna", NOW)))[PHONE.mark]
    assert (code.outcome, code.said) == (word, said)
    assert code.is_open(NOW)


async def test_an_address_that_takes_nothing_loses_its_proof(database: Database) -> None:
    await database.write(lambda db: desk.prove(db, "anna", PHONE.mark, NOW))
    await send(database, Phone(Refused("gone", address=True)))
    assert await proven_at(database) is None


@pytest.mark.parametrize(
    ("reports", "receipt"),
    [
        ([Arrived("SM1")], "delivered"),
        ([Undelivered("SM1", "switched off")], "undelivered"),
        ([Undelivered("SM1", "switched off"), Arrived("SM1")], "undelivered"),
        ([Arrived("SM1"), Undelivered("SM1", "switched off")], "undelivered"),
        ([Arrived("SM2"), Arrived("SM\x001")], None),
    ],
)
async def test_who_waits_sees_the_report_of_the_provider(
    database: Database, phone: Phone, reports: list[Arrived | Undelivered], receipt: str | None
) -> None:
    await send(database, phone)
    assert await database.read(lambda db: desk.known_ids(db, "sms", ["SM1", "SM2"])) == {"SM1"}
    for report in reports:
        await database.write(lambda db, report=report: desk.receipt(db, "sms", report, NOW, 0.0))  # type: ignore[misc]  # a lambda
    code = (await database.read(lambda db: verification.last_codes(db, "anna", NOW)))[PHONE.mark]
    assert code.receipt == receipt
    assert await proven_at(database) is None, "that it arrived does not say that anybody read it"


@pytest.mark.parametrize(
    ("actor", "may"),
    [
        (Actor("Anna", Role.VIEWER, "session", person="anna"), True),
        (Actor("Ben", Role.RESPONDER, "session", person="ben"), False),
        (Actor("Ben", Role.ADMIN, "session", person="ben"), True),
        (Actor("deploy", Role.RESPONDER, "key deploy"), False),
        (Actor("", Role.RESPONDER, "key deploy", person=""), False),
    ],
)
def test_a_person_or_an_admin_verifies(actor: Actor, may: bool) -> None:
    assert verification.may_verify(actor, "anna") is may
