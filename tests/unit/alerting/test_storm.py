"""Storms: a handful of pages goes out one by one, more of them as one digest that loses nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from alerting import courier, desk, digest_members, digest_store, escalator, outbox, storm
from alerting.escalation import Policy, Step
from alerting.incident import CauseWords, Facts, Hold, Pace, State, Symptom
from alerting.leases import AtCapacity
from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.person import Person
from alerting.severity import Severity
from heartbeat.database import Database
from tests.unit.alerting.test_courier import courier_of
from tests.unit.alerting.test_tell import Phones
from tests.unit.conftest import NOW

FIRST, SECOND = Contact("pager", "first"), Contact("pager", "second")
ANNA = Person("anna", "Anna", (FIRST, SECOND))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)),))
SILENT = CauseWords("silent", "is silent", "was silent")
GATHERED = timedelta(seconds=10)
HOUR = timedelta(hours=1)
AWAY = Unreachable("503")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database with Anna, who is on call."""
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, [ANNA], [OPS], {}))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A digest of a dozen takes several transactions, without a pause."""
    monkeypatch.setattr(digest_store, "CHUNK", 5)
    monkeypatch.setattr(courier, "LOOK_AGAIN", 0.0)


def a_symptom(number: int, since: datetime, severity: Severity) -> Symptom:
    """A silent job on a host of its own."""
    key, host = f"check:{number}", f"h{number}"
    return Symptom(
        key, f"silent:host={host}", host, f"job {number}", "silent", SILENT, severity, "ops", Facts(since)
    )


async def silence(
    database: Database, numbers: Sequence[int], now: datetime, severity: Severity = Severity.ERROR
) -> None:
    """Let a job on each of these hosts fall silent, and write their pages."""
    symptoms = [a_symptom(n, now, severity) for n in numbers]
    await database.write(lambda db: desk.raise_(db, symptoms, now))
    await database.write(lambda db: escalator.sweep(db, now + GATHERED))


async def carry(database: Database, now: datetime, **outcomes: Outcome) -> list[Notice]:
    """Send what is due, round after round; the notices."""
    phones = Phones(outcomes)
    sender = courier_of(database, phones, now)
    for _ in range(6):
        await sender.dispatch()
        await sender.settle(10)
    return [notice for _, notice in phones.notices]


async def states(database: Database) -> set[tuple[str, str]]:
    """The kinds and states of all notices."""
    everything = await database.read(
        lambda db: [page for incident in desk.incidents(db) for page in outbox.pages_of(db, incident.id)]
    )
    return {(page.kind.value, page.state) for page in everything}


PAGED_AT = NOW + GATHERED


async def test_a_handful_goes_out_one_by_one(database: Database) -> None:
    await silence(database, range(5), NOW)
    assert [notice.kind for notice in await carry(database, PAGED_AT)] == [NoticeKind.PAGE] * 5


async def test_more_than_a_handful_is_one_message_that_counts_and_names_them(database: Database) -> None:
    await silence(database, range(130), NOW)
    (digest,) = await carry(database, PAGED_AT)
    assert digest.kind is NoticeKind.DIGEST
    assert digest.title == "ERROR 130 incidents: 130 jobs silent"
    assert digest.lines[0].startswith("ERROR 130 jobs silent in 130 incidents: h0, h1, ")
    assert digest.lines[0].endswith(" and 30 more")
    assert digest.lines[1:] == (
        "The first opened at 03:00 UTC (10 s ago).",
        "You are first on call (ops). If nobody answers, you are paged again at 03:05 UTC.",
    )
    assert digest.ack_url == "http://test/digest/1"
    assert await states(database) == {("page", "delivered")}


async def test_after_a_handful_within_a_minute_the_others_wait_for_each_other(database: Database) -> None:
    await silence(database, range(5), NOW)
    await carry(database, PAGED_AT)
    await silence(database, [6], NOW + timedelta(seconds=20))
    later = NOW + timedelta(seconds=30)
    (alone,) = await carry(database, later)
    assert (alone.kind, alone.title) == (NoticeKind.PAGE, "ERROR job 6 silent"), "a digest of one is its page"
    await silence(database, [7, 8], NOW + timedelta(seconds=25))
    assert await carry(database, NOW + timedelta(seconds=59)) == []
    (digest,) = await carry(database, later + timedelta(seconds=30))
    assert (digest.kind, digest.details["incidents"]) == (NoticeKind.DIGEST, 2)


async def test_what_is_still_being_sent_counts_for_the_handful(database: Database) -> None:
    answer = asyncio.Event()

    class Slow(Phones):
        async def send(self, notice: Notice, contact: Contact) -> Outcome:
            outcome = await super().send(notice, contact)
            await answer.wait()
            return outcome

    phones = Slow({})
    sender = courier_of(database, phones, PAGED_AT)
    for numbers in (range(3), range(3, 6)):
        await silence(database, numbers, NOW)
        await sender.dispatch()
    answer.set()
    await sender.settle(10)
    kinds = [notice.kind for _, notice in phones.notices]
    assert kinds == [NoticeKind.PAGE] * 3 + [NoticeKind.DIGEST]
    assert await states(database) == {("page", "delivered")}


async def test_a_later_message_of_a_storm_says_how_many_there_are_and_answers_them_all(
    database: Database,
) -> None:
    await silence(database, range(8), NOW)
    await carry(database, PAGED_AT)
    await silence(database, range(10, 17), NOW + timedelta(seconds=25))
    later = PAGED_AT + timedelta(seconds=30)
    (digest,) = await carry(database, later)
    assert digest.details["incidents"] == 7
    assert "In all, 15 incidents are open, nobody has answered any." in digest.lines
    await silence(database, [20], later + timedelta(minutes=5))
    assert await press(database, 2, later) == 15, (
        "those of the first message too, and not the one that came later"
    )


async def test_the_end_of_some_of_a_storm_is_not_told_as_the_end_of_trouble(database: Database) -> None:
    await silence(database, range(12), NOW)
    await carry(database, PAGED_AT)
    well = {f"check:{number}": "is well again" for number in range(8)}
    at = PAGED_AT + timedelta(minutes=2)
    await database.write(lambda db: desk.clear(db, well, PAGED_AT))
    await database.write(lambda db: escalator.sweep(db, at))
    (notice,) = [sent for sent in await carry(database, at) if sent.kind is NoticeKind.RECOVERED]
    assert notice.title == "8 incidents over, 4 still open"
    assert not notice.fine


async def test_what_is_worse_than_a_storm_pages_by_itself_at_once(database: Database) -> None:
    await silence(database, range(30), NOW)
    await carry(database, PAGED_AT)
    await silence(database, [40], NOW + timedelta(seconds=1))
    await silence(database, [41], NOW + timedelta(seconds=1), Severity.CRITICAL)
    (page,) = await carry(database, PAGED_AT + timedelta(seconds=1))
    assert page.kind is NoticeKind.PAGE
    assert page.title.startswith("CRITICAL job 41")
    (digest,) = await carry(database, PAGED_AT + timedelta(seconds=30))
    assert digest.title == "ERROR job 40 silent"


async def test_incidents_that_still_gather_go_out_with_the_first_of_a_storm(database: Database) -> None:
    for second in range(7):
        symptoms = [a_symptom(second, NOW + timedelta(seconds=second), Severity.ERROR)]
        at = NOW + timedelta(seconds=second)
        await database.write(lambda db, s=symptoms, at=at: desk.raise_(db, s, at))  # type: ignore[misc]  # a lambda
    held = replace(
        a_symptom(9, NOW, Severity.ERROR), hold=Hold(PAGED_AT + timedelta(seconds=5), "maintenance")
    )
    await database.write(lambda db: desk.raise_(db, [held], NOW))
    await database.write(lambda db: escalator.sweep(db, PAGED_AT))
    (digest,) = await carry(database, PAGED_AT)
    assert digest.details["incidents"] == 7


async def test_a_crowd_pages_without_gathering(database: Database) -> None:
    crowd = [a_symptom(n, NOW, Severity.ERROR) for n in range(100)]
    await database.write(lambda db: desk.raise_(db, crowd, NOW))
    await database.write(lambda db: escalator.sweep(db, NOW))
    assert await carry(database, NOW) == []
    await database.write(lambda db: desk.raise_(db, [a_symptom(101, NOW, Severity.CRITICAL)], NOW))
    await database.write(lambda db: escalator.sweep(db, NOW))
    (digest,) = await carry(database, NOW)
    assert digest.details["incidents"] == 101


async def test_many_that_open_over_a_long_gathering_time_are_no_crowd(database: Database) -> None:
    pace = Pace(gathering=HOUR)
    for minute in range(2):
        at = NOW + timedelta(minutes=minute)
        some = [a_symptom(n, at, Severity.ERROR) for n in range(60 * minute, 60 * minute + 60)]
        await database.write(lambda db, s=some, at=at: desk.raise_(db, s, at, pace))  # type: ignore[misc]  # a lambda
        await database.write(lambda db, at=at: escalator.sweep(db, at, pace=pace))  # type: ignore[misc]  # a lambda
        assert await carry(database, at) == []


async def test_a_digest_that_follows_another_takes_what_comes_meanwhile(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await silence(database, range(8), NOW)
    await carry(database, PAGED_AT)
    await silence(database, range(10, 18), NOW)
    take_more, later = digest_store.take_more, PAGED_AT + timedelta(seconds=30)
    looks: list[int] = []

    def while_others_are_written(db: Connection, *of_digest: Any) -> int:
        taken = take_more(db, *of_digest)
        if not looks:
            desk.raise_(db, [a_symptom(20, NOW, Severity.ERROR)], NOW)
            escalator.sweep(db, later)
        looks.append(taken)
        return taken

    monkeypatch.setattr(digest_store, "take_more", while_others_are_written)
    (digest,) = await carry(database, later)
    assert (looks, digest.details["incidents"]) == ([3, 1, 0], 9)


async def test_no_page_is_put_off_that_a_digest_is_about_to_take(database: Database) -> None:
    await silence(database, range(12), NOW)

    def begin(db: Connection, now: datetime) -> storm.Outlook:
        return storm.begin(db, now, lambda _: True, AtCapacity())

    first = await database.write(lambda db: begin(db, PAGED_AT))
    second = await database.write(lambda db: begin(db, PAGED_AT))
    assert (len(first.begun), len(second.begun), second.postponed) == (1, 0, 0)
    (begun,) = first.begun
    more = await database.write(
        lambda db: digest_store.take_more(db, begun.number, begun.stream, begun.below, PAGED_AT)
    )
    assert more == 5
    late = await database.write(lambda db: begin(db, PAGED_AT + timedelta(seconds=15)))
    assert late.postponed == 2


async def test_the_worst_come_first(database: Database) -> None:
    await silence(database, range(4), NOW, Severity.WARNING)
    await silence(database, range(10, 14), NOW, Severity.CRITICAL)
    (digest,) = await carry(database, PAGED_AT)
    assert [line.split(":")[0] for line in digest.lines[:2]] == [
        "CRITICAL 4 jobs silent in 4 incidents",
        "WARNING 4 jobs silent in 4 incidents",
    ]
    assert digest.severity is Severity.CRITICAL


async def test_a_digest_that_is_refused_goes_to_the_next_contact_whole(database: Database) -> None:
    await silence(database, range(12), NOW)
    refused, taken = await carry(database, PAGED_AT, first=Refused("gone"))
    assert refused.details["incidents"] == taken.details["incidents"] == 12
    assert await states(database) == {("page", "delivered")}


async def test_a_digest_refused_for_its_address_costs_the_contact_its_proof(database: Database) -> None:
    await database.write(lambda db: desk.prove(db, "anna", FIRST.mark, NOW))
    await silence(database, range(12), NOW)
    await carry(database, PAGED_AT, first=Refused("gone", address=True))
    proof = (await database.read(desk.contact_proofs))["anna", FIRST.mark]
    assert proof.proven_at is None


async def test_a_digest_that_is_not_reached_is_retried_whole(database: Database) -> None:
    await silence(database, range(12), NOW)
    assert len(await carry(database, PAGED_AT, first=AWAY)) == 1
    (digest,) = await carry(database, PAGED_AT + timedelta(seconds=5))
    assert digest.details["incidents"] == 12


async def test_a_digest_that_was_never_recorded_is_sent_again(database: Database) -> None:
    await silence(database, range(12), NOW)
    stream = next(iter(await database.read(lambda db: digest_store.waiting(db, PAGED_AT))))
    await database.write(lambda db: digest_store.begin(db, stream, 4, PAGED_AT))
    (rest,) = await carry(database, PAGED_AT + timedelta(seconds=31))
    assert rest.details["incidents"] == 7
    again = await carry(database, PAGED_AT + digest_store.LEASE)
    assert [notice.kind for notice in again] == [NoticeKind.PAGE] * 5, (
        "by then, they are no more than a handful"
    )
    holders = await database.read(lambda db: digest_members.incidents_of(db, 1, 0, 100))
    assert len(holders) == 5, "the button of the digest that may have arrived goes on working"


async def test_one_press_acknowledges_all_of_a_digest_and_says_so_once(database: Database) -> None:
    await silence(database, range(12), NOW)
    await carry(database, PAGED_AT)
    await silence(database, [40], NOW + timedelta(minutes=2), Severity.CRITICAL)
    now = NOW + timedelta(minutes=3)
    (worse,) = await carry(database, now)
    assert worse.kind is NoticeKind.PAGE
    await press(database, 1, now)
    assert await database.read(lambda db: desk.digest_states(db, 1)) == {(State.ACKNOWLEDGED, False): 12}
    await database.write(lambda db: escalator.sweep(db, now + timedelta(minutes=20)))
    assert await database.read(desk.count_open) == {State.ACKNOWLEDGED: 12, State.OPEN: 1}
    (notice,) = [one for one in await carry(database, now) if one.kind is NoticeKind.ACKNOWLEDGED]
    assert notice.title == "12 incidents: acknowledged by ben"
    assert "No more pages before 04:03 UTC, unless something new breaks." in notice.lines
    assert not await press(database, 1, now), "a second press changes nothing"


async def press(database: Database, number: int, now: datetime) -> int:
    """Acknowledge a digest as its button does; the number of incidents that this acknowledged."""
    count, after = 0, 0
    while True:
        part = await database.write(
            lambda db, after=after: desk.acknowledge_digest(  # type: ignore[misc]  # a lambda
                db, number, after, "ben", now, until=now + HOUR, limit=5
            )
        )
        count += part.acknowledged
        if part.last is None:
            return count
        after = part.last


async def test_a_press_on_an_old_digest_leaves_what_has_paged_again(database: Database) -> None:
    await silence(database, range(8), NOW)
    await carry(database, PAGED_AT)
    await press(database, 1, PAGED_AT)
    again = PAGED_AT + HOUR
    await database.write(lambda db: escalator.sweep(db, again))
    assert await press(database, 1, again) == 0
    assert await database.read(lambda db: desk.digest_states(db, 1)) == {(State.OPEN, True): 8}


async def test_recoveries_of_a_storm_are_one_message(database: Database) -> None:
    await silence(database, range(12), NOW)
    await carry(database, PAGED_AT)
    for incident in await database.read(lambda db: desk.incidents(db)):
        await database.write(lambda db, n=incident.id: desk.resolve(db, n, "ben", PAGED_AT))  # type: ignore[misc]  # a lambda
    (notice,) = await carry(database, PAGED_AT)
    assert notice.kind is NoticeKind.RECOVERED
    assert notice.title == "12 incidents: resolved by ben"
    assert notice.ack_url is None


async def test_the_news_of_many_incidents_says_what_is_new_in_each(database: Database) -> None:
    await silence(database, range(8), NOW)
    await carry(database, PAGED_AT)
    later = PAGED_AT + timedelta(minutes=2)
    joined = [
        replace(a_symptom(n, later, Severity.ERROR), key=f"second:{n}", title="import") for n in range(8)
    ]
    await database.write(lambda db: desk.raise_(db, joined, later))
    await database.write(lambda db: escalator.sweep(db, later + GATHERED))
    (digest,) = await carry(database, later + GATHERED)
    assert (digest.kind, digest.title) == (NoticeKind.UPDATE, "News of 8 incidents: 16 jobs silent")
    assert digest.lines[0].startswith("ERROR 16 jobs silent in 8 incidents: h0 (+1), h1 (+1), ")


async def test_machines_get_one_event_for_each_incident(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Phones, "digests", False)
    await silence(database, range(12), NOW)
    assert [notice.kind for notice in await carry(database, PAGED_AT)] == [NoticeKind.PAGE] * 12


async def test_what_a_rate_limit_held_back_goes_out_as_one_message(database: Database) -> None:
    await database.write(lambda db: desk.define_person(db, Person("anna", "Anna", (FIRST,))))
    await silence(database, range(3), NOW)
    limited = Unreachable("429", timedelta(seconds=20), throttled=True)
    await carry(database, PAGED_AT, first=limited)
    (digest,) = await carry(database, PAGED_AT + timedelta(seconds=30))
    assert digest.details["incidents"] == 3


async def test_a_digest_whose_contact_was_removed_ends(database: Database) -> None:
    await silence(database, range(8), NOW)
    await carry(database, PAGED_AT)
    await press(database, 1, PAGED_AT)
    await database.write(
        lambda db: desk.define_person(db, Person("anna", "Anna", (Contact("mail", "anna"),)))
    )
    assert await carry(database, PAGED_AT) == []
    assert await states(database) == {("page", "delivered"), ("acknowledged", "expired")}


async def test_an_accepted_digest_is_told_in_each_timeline(database: Database) -> None:
    await silence(database, range(8), NOW)
    await carry(database, PAGED_AT, first=Accepted("beep"))
    dossier = await database.read(lambda db: desk.dossier(db, 3))
    assert dossier is not None
    assert dossier.timeline[-1].words == "page to Anna by pager in a digest of 8: accepted (beep)"
