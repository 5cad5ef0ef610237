"""The courier: the statements of a batch of pages, and the notices that it sends."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, ClassVar, Self

import httpx
import pytest
from sqlalchemy import Connection, event

from alerting import desk, escalator, leases
from alerting.composing import Composer
from alerting.courier import BATCH, HANDS_A_PERSON, Courier
from alerting.escalation import Policy, Step
from alerting.incident import CauseWords, Facts, Hold, Incident, Symptom
from alerting.leases import AtCapacity
from alerting.notice import Links, Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Unreachable
from alerting.notifiers.registry import NotifierSet
from alerting.outbox import Page, pages_of
from alerting.person import Person
from alerting.severity import Severity
from alerting.surroundings import Surroundings
from heartbeat.database import Database
from tests.unit.conftest import NOW

TEAM = [Person(name, name.title(), (Contact("pager", name),)) for name in ("anna", "ben", "carl")]
OPS = Policy(
    "ops", (Step(("anna", "ben"), timedelta(minutes=5)), Step(("carl", "nobody"), timedelta(minutes=5)))
)
PAGED_AT = NOW + timedelta(seconds=10)
LATER = NOW + timedelta(minutes=1)


class Pager:
    """A phone that accepts everything and remembers what it was sent."""

    kind: ClassVar[str] = "pager"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = False

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.notices: list[tuple[str, Notice]] = []

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        return cls(Accepted())

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        return None

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        self.notices.append((contact.address, notice))
        return self.outcome


class Hanging(Pager):
    """As a pager, but Anna's never answers. It sends no digests."""

    digests: ClassVar[bool] = False

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        outcome = await super().send(notice, contact)
        if contact.address == "anna":
            await asyncio.get_running_loop().create_future()
        return outcome


class Webhook(Pager):
    """As a pager, without digests."""

    digests: ClassVar[bool] = False


SILENT = CauseWords("silent", "is silent", "was silent")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database with a team of three and one policy."""
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, TEAM, [OPS], {}))
    yield opened
    opened.close()


async def group_falls_silent(
    database: Database, jobs: range, now: datetime, hold: Hold | None = None
) -> None:
    """Raise jobs of one group."""
    symptoms = [
        Symptom(
            f"job {n}",
            "group",
            "group",
            f"job {n}",
            "silent",
            SILENT,
            Severity.ERROR,
            "ops",
            Facts(since=now),
            hold,
        )
        for n in jobs
    ]
    await database.write(lambda db: desk.raise_(db, symptoms, now))


async def page_for(database: Database, *jobs: str) -> None:
    """Open an incident for each job, and write the pages of its first step."""
    symptoms = [
        Symptom(job, job, job, job, "silent", SILENT, Severity.ERROR, "ops", Facts(since=NOW)) for job in jobs
    ]
    await database.write(lambda db: desk.raise_(db, symptoms, NOW))
    await database.write(lambda db: escalator.sweep(db, PAGED_AT))


def courier_of(
    database: Database,
    pager: Pager,
    now: datetime = PAGED_AT,
    *,
    others: Mapping[str, Pager] = MappingProxyType({}),
    clock: Callable[[], datetime] | None = None,
) -> Courier:
    """A courier whose only notifier is this pager, unless there are others by kind."""
    phones = {"pager": pager, "console": pager, **others}
    return Courier(
        database.write,
        database.read,
        lambda _: NotifierSet(phones, phones),
        now=clock or (lambda: now),
        composer=Composer(
            lambda _db, _incidents, _symptoms, _now: {},
            lambda _cause: SILENT,
            lambda _incident, _person: Links("http://test/", "http://test/answer"),
        ),
        fill_in=lambda text, _about: text,
        digest_links=lambda number, _person: Links("http://test/incidents", f"http://test/digest/{number}"),
    )


async def statements_of(database: Database, courier: Courier) -> tuple[int, int]:
    """Return the number of pages of a dispatch, and of its statements."""
    statements: list[str] = []

    def count(*executed: Any) -> None:
        statements.append(executed[2])

    engines = {database.writer, database._reader}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", count)
    taken = await courier.dispatch()
    for engine in engines:
        event.remove(engine, "before_cursor_execute", count)
    await courier.settle(10)
    return taken, len(statements)


async def test_a_batch_costs_as_many_statements_as_one_incident(database: Database) -> None:
    pager = Pager(Accepted("beep"))
    await page_for(database, "one")
    alone = await statements_of(database, courier_of(database, pager))
    await page_for(database, "two", "three", "four")
    batch = await statements_of(database, courier_of(database, pager))
    assert (alone[0], batch[0]) == (2, 6)
    assert batch[1] == alone[1]


async def test_each_notice_names_who_is_next_and_counts_those_before_it(database: Database) -> None:
    pager = Pager(Accepted("beep"))
    await page_for(database, "one", "two")
    await statements_of(database, courier_of(database, pager))
    await database.write(lambda db: desk.resolve(db, 1, "anna", PAGED_AT))
    await statements_of(database, courier_of(database, pager))
    sent = sorted((address, notice.incident, notice.sequence) for address, notice in pager.notices)
    assert sent == [
        ("anna", 1, 0),
        ("anna", 1, 1),
        ("anna", 2, 0),
        ("ben", 1, 0),
        ("ben", 1, 1),
        ("ben", 2, 0),
    ]
    assert all("If nobody answers, Carl is paged at" in notice.text for _, notice in pager.notices[:4])


@pytest.mark.parametrize(
    ("answer", "reader", "following"),
    [
        (lambda db: desk.reassign(db, 1, "carl", "Ben", LATER), "anna", "Carl is paged at 03:01 UTC."),
        (
            lambda db: desk.withdraw(db, 1, "Anna", LATER),
            "carl",
            "Anna and Ben are paged again at 03:01 UTC.",
        ),
    ],
    ids=["reassigned", "withdrawn"],
)
async def test_news_of_an_answer_names_who_is_paged_by_it(
    database: Database, answer: Callable[[Connection], object], reader: str, following: str
) -> None:
    """Not whoever follows if they don't answer."""
    pager = Pager(Accepted("beep"))
    await page_for(database, "one")
    await statements_of(database, courier_of(database, pager))
    until = LATER + timedelta(hours=1)
    await database.write(lambda db: desk.acknowledge(db, 1, "Carl", PAGED_AT, until=until))
    await database.write(answer)
    await statements_of(database, courier_of(database, pager, LATER))
    (news,) = [notice for to, notice in pager.notices if to == reader and notice.kind is NoticeKind.UPDATE]
    assert following in news.lines[-1]


async def test_a_notice_names_who_is_paged_with_you(database: Database) -> None:
    pager = Pager(Accepted("beep"))
    await page_for(database, "one")
    await statements_of(database, courier_of(database, pager))
    said = {address: notice.lines[-1] for address, notice in pager.notices}
    assert said["anna"].startswith("You are first on call (ops), with Ben.")
    assert said["ben"].startswith("You are first on call (ops), with Anna.")


async def test_a_notice_names_the_step_that_pages_instead_of_one_that_reaches_nobody(
    database: Database,
) -> None:
    pager, wait = Pager(Accepted("beep")), OPS.steps[0].wait
    gone = Policy("ops", (OPS.steps[0], Step(("gone",), wait)))
    await database.write(lambda db: desk.define_policy(db, gone))
    await page_for(database, "one")
    await statements_of(database, courier_of(database, pager))
    await database.write(lambda db: escalator.sweep(db, PAGED_AT + wait))
    await statements_of(database, courier_of(database, pager, PAGED_AT + wait))
    places = Counter(notice.lines[-1].partition(",")[0] for _, notice in pager.notices)
    assert places == {"You are first on call (ops)": 4}, "two people, twice"


async def test_a_notice_on_a_channel_of_several_people_names_the_person(database: Database) -> None:
    pager = Pager(Accepted("beep"))
    both = [replace(person, contacts=(Contact("pager", "team"),)) for person in TEAM[:2]]
    await database.write(lambda db: desk.install(db, [*both, *TEAM[2:]], [OPS], {}))
    await page_for(database, "one")
    await statements_of(database, courier_of(database, pager))
    assert sorted(notice.lines[-1].partition(" (")[0] for _, notice in pager.notices) == [
        "Anna is first on call",
        "Ben is first on call",
    ]


async def test_a_repeated_page_says_for_how_long_nobody_has_answered(database: Database) -> None:
    pager = Pager(Accepted("beep"))
    await page_for(database, "one")
    await statements_of(database, courier_of(database, pager))
    later = PAGED_AT + timedelta(minutes=5)
    await database.write(lambda db: escalator.sweep(db, later))
    await statements_of(database, courier_of(database, pager, later))
    assert {notice.title for _, notice in pager.notices[2:]} == {
        "ERROR one silent, 2nd page, unanswered for 5 min"
    }


async def test_composing_does_not_keep_the_writer(database: Database) -> None:
    used: list[object] = []

    def around(db: Connection, *_given: object) -> dict[int, Surroundings]:
        used.append(db.engine)
        return {}

    courier = courier_of(database, Pager(Accepted("beep")))
    courier._composer = replace(courier._composer, surroundings_of=around)
    await page_for(database, "one")
    await courier.dispatch()
    await courier.settle(10)
    assert used == [database._reader]


async def test_what_joins_while_a_page_is_on_its_way_is_told_once(database: Database) -> None:
    await group_falls_silent(database, range(3), NOW)
    await database.write(lambda db: escalator.sweep(db, PAGED_AT))
    await group_falls_silent(database, range(3, 5), PAGED_AT)
    pager = Pager(Accepted("beep"))
    sender = courier_of(database, pager)
    await sender.dispatch()
    await sender.settle(10)
    later = PAGED_AT + timedelta(seconds=10)
    await database.write(lambda db: escalator.sweep(db, later))
    sender = courier_of(database, pager, later)
    await sender.dispatch()
    await sender.settle(10)
    titles = [notice.title for address, notice in pager.notices if address == "anna"]
    assert [title.split(" silent")[0] for title in titles] == [
        "ERROR group: 3 of 3 jobs",
        "+2 on group (5 of 5",
    ]


async def test_a_page_leaves_out_the_news_that_is_under_way_to_the_same_reader(database: Database) -> None:
    await group_falls_silent(database, range(3), NOW)
    await database.write(lambda db: escalator.sweep(db, PAGED_AT))
    leased: list[Page] = await database.write(lambda db: leases.lease(db, PAGED_AT, 8, AtCapacity()))
    await group_falls_silent(database, range(3, 5), PAGED_AT)
    await database.write(lambda db: escalator.sweep(db, PAGED_AT + timedelta(seconds=10)))
    composer = courier_of(database, Pager(Accepted()))._composer
    addressed = [(page, TEAM[0], TEAM[0].contacts[0]) for page in leased if page.person == "anna"]
    (send,) = await database.read(lambda db: composer.sends(db, addressed, lambda _: False, PAGED_AT))
    assert send.notice.title.startswith("ERROR group: 3 of 3 jobs silent")


async def test_a_page_goes_out_without_surroundings_that_cannot_be_told(database: Database) -> None:
    await page_for(database, "one")
    pager = Pager(Accepted("beep"))
    sender = courier_of(database, pager)

    def broken(*_: object) -> Mapping[int, Surroundings]:
        raise RuntimeError

    sender._composer = replace(sender._composer, surroundings_of=broken)
    await sender.dispatch()
    await sender.settle(10)
    assert [address for address, _ in pager.notices] == ["anna", "ben"]


async def test_a_page_that_cannot_be_composed_keeps_no_other_from_being_sent(database: Database) -> None:
    await page_for(database, "one", "two")
    pager = Pager(Accepted("beep"))
    sender = courier_of(database, pager)

    def broken(incident: Incident, _person: Person) -> Links:
        if incident.title == "one":
            raise ValueError
        return Links("http://test/", "http://test/answer")

    sender._composer = replace(sender._composer, links=broken)
    await sender.dispatch()
    await sender.settle(10)
    assert [notice.title for _, notice in pager.notices] == ["ERROR two silent"] * 2


async def test_a_person_whose_provider_hangs_delays_no_other(database: Database) -> None:
    pager = Hanging(Accepted())
    await page_for(database, *(f"job {n}" for n in range(60)))
    sender = courier_of(database, pager)
    reached: Counter[str] = Counter()
    async with asyncio.timeout(60):
        while reached["ben"] < 60:
            await sender.dispatch()
            reached = Counter(address for address, _ in pager.notices)
    assert HANDS_A_PERSON - BATCH < reached["anna"] <= HANDS_A_PERSON
    await sender.settle(0)


@pytest.mark.parametrize("jobs", [1, 30], ids=["pages", "a digest"])
async def test_what_another_process_may_have_sent_while_this_one_stood_still_is_not_sent_again(
    database: Database, jobs: int
) -> None:
    await page_for(database, *(f"job {n}" for n in range(jobs)))
    ours, theirs = Pager(Accepted()), Pager(Accepted())
    now = PAGED_AT
    sender = courier_of(database, ours, clock=lambda: now)
    other = courier_of(database, theirs, clock=lambda: now)
    looked = sender._look

    async def look(work: Callable[[Connection], Any]) -> Any:
        """Stop after it is known what to send, and go on after the lease has run out and another has sent it."""
        nonlocal now
        found = await looked(work)
        now = max(now, PAGED_AT + timedelta(minutes=3))
        await other.dispatch()
        await other.settle(10)
        return found

    sender._look = look
    await sender.dispatch()
    await sender.settle(10)
    assert not ours.notices
    assert sorted(address for address, _ in theirs.notices) == ["anna", "ben"]


async def test_a_digest_that_stood_still_keeps_nothing_from_others(database: Database) -> None:
    await page_for(database, *(f"job {n}" for n in range(30)))
    ours, theirs = Pager(Accepted()), Pager(Accepted())
    now = PAGED_AT
    sender = courier_of(database, ours, clock=lambda: now)
    other = courier_of(database, theirs, clock=lambda: now)
    await sender.dispatch()
    now += timedelta(minutes=3)
    await page_for(database, *(f"late job {n}" for n in range(30)))
    await sender.settle(10)
    await other.dispatch()
    await other.settle(10)
    assert not ours.notices
    told = {address: notice.details["incidents"] for address, notice in theirs.notices}
    assert told == {"anna": 60, "ben": 60}


async def test_the_outcomes_of_a_batch_are_recorded_in_one_transaction(database: Database) -> None:
    await page_for(database, "one", "two", "three")
    sender = courier_of(database, Pager(Accepted()))
    written = 0

    async def counted(work: Callable[[Connection], Any]) -> Any:
        nonlocal written
        written += 1
        return await database.write(work)

    sender._transact = counted
    assert await sender.dispatch() == 6
    await sender.settle(10)
    assert written == 2
    delivered = await database.read(lambda db: [page.state for n in (1, 2, 3) for page in pages_of(db, n)])
    assert delivered == ["delivered"] * 6


class Dead(Webhook):
    """Only the second contacts answer."""

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        outcome = await super().send(notice, contact)
        return outcome if contact.address.endswith("-2") else Unreachable("connection refused")


async def passes(sender: Courier, seconds: int) -> None:
    """Let so much time pass, five seconds at a time, and send what is due."""
    for _ in range(0, seconds, 5):
        now = sender._now() + timedelta(seconds=5)
        sender._now = lambda now=now: now  # type: ignore[misc]  # a lambda
        while await sender.dispatch():
            await asyncio.wait(sender._tasks) if sender._tasks else None


async def test_a_dead_contact_costs_a_probe_and_not_a_try_of_each_page(database: Database) -> None:
    pager = Webhook(Unreachable("connection refused"))
    await page_for(database, *(f"job {n}" for n in range(40)))
    sender = courier_of(database, pager)
    await passes(sender, 60)
    tried = Counter(address for address, _ in pager.notices)
    assert all(count <= 2 * BATCH + 8 for count in tried.values()), tried
    pager.notices.clear()
    await passes(sender, 300)
    probed = Counter(address for address, _ in pager.notices)
    assert all(1 <= count <= 8 for count in probed.values()), probed
    pager.outcome = Accepted()
    pager.notices.clear()
    await passes(sender, 65)
    reached = Counter(address for address, _ in pager.notices)
    assert reached == {"anna": 40, "ben": 40}


async def test_what_waited_for_a_probe_that_is_answered_wakes_the_ticker(database: Database) -> None:
    pager = Webhook(Unreachable("connection refused"))
    await page_for(database, *(f"job {n}" for n in range(10)))
    sender = courier_of(database, pager)
    await passes(sender, 60)
    woken: list[bool] = []
    sender._wake = lambda: woken.append(True)
    pager.outcome = Accepted()
    while not woken and sender._now() < PAGED_AT + timedelta(minutes=10):
        probe_at = sender._now() + timedelta(seconds=5)
        sender._now = lambda now=probe_at: now  # type: ignore[misc]  # a lambda
        if await sender.dispatch() and sender._tasks:
            await asyncio.wait(sender._tasks)
    assert woken, "nobody looks at the pages that are due now"
    woken.clear()
    assert await sender.dispatch(), "they are due"
    await asyncio.wait(sender._tasks)


async def test_a_person_with_another_contact_does_not_wait_for_a_probe(database: Database) -> None:
    twice = [
        replace(person, contacts=(*person.contacts, Contact("pager", f"{person.id}-2"))) for person in TEAM
    ]
    await database.write(lambda db: desk.install(db, twice, [OPS], {}))
    pager = Dead(Accepted())
    await page_for(database, *(f"job {n}" for n in range(20)))
    await passes(courier_of(database, pager), 30)
    reached = Counter(address for address, _ in pager.notices if address.endswith("-2"))
    assert reached == {"anna-2": 20, "ben-2": 20}
