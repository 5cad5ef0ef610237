"""A provider that fails for everybody: digests and news go past it too, and what must stay stays."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

import pytest
from sqlalchemy import Connection

from alerting import breaker, courier, desk, digest_store, escalator, outbox
from alerting.escalation import Policy, Step
from alerting.incident import CauseWords, Facts, Pace, Symptom
from alerting.notice import NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Unreachable
from alerting.person import Person
from alerting.severity import Severity
from heartbeat.database import Database
from tests.unit.alerting.test_courier import PAGED_AT, Pager
from tests.unit.alerting.test_detour import Night
from tests.unit.conftest import NOW

AWAY = Unreachable("503 Service Unavailable")
TAKEN = Accepted("201 Created")
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
SILENT = CauseWords("silent", "is silent", "was silent")
BROKEN_BY = 6
"""People whose pages find out that the provider is away."""


class Provider(Pager):
    """One server for all of its contacts, which people read."""

    server_in_settings: ClassVar[bool] = True


class Machine(Provider):
    """It keeps incidents of its own."""

    digests: ClassVar[bool] = False


class Editing(Provider):
    """It changes its messages as their incident changes."""

    edits: ClassVar[bool] = True


class Calling(Pager):
    """A phone that rings for every notice."""

    pages_only: ClassVar[bool] = True


def person(name: str, *kinds: str) -> Person:
    return Person(name, name.capitalize(), tuple(Contact(kind, f"{kind}-{name}") for kind in kinds))


ANNA, ALONE = person("anna", "pager", "mail"), person("alone", "pager")
SCOUTS = [person(f"scout-{n}", "pager", "mail") for n in range(BROKEN_BY)]


def policy(name: str, people: Sequence[str]) -> Policy:
    return Policy(name, (Step(tuple(people), HOUR),))


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A digest of a dozen takes several transactions, without a pause."""
    monkeypatch.setattr(digest_store, "CHUNK", 5)
    monkeypatch.setattr(courier, "LOOK_AGAIN", 0.0)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Scouts who find out, Anna with a second contact, and somebody without one."""
    opened = Database(database_url)
    policies = [policy("scouts", [one.id for one in SCOUTS]), policy("anna", ["anna"])]
    policies += [policy("alone", ["alone"])]
    await opened.write(lambda db: desk.install(db, [*SCOUTS, ANNA, ALONE], policies, {}))
    yield opened
    opened.close()


async def fail(
    database: Database, jobs: Sequence[str], policy: str, severity: Severity = Severity.ERROR
) -> None:
    """Let jobs fail, each an incident of its own, and write their pages."""
    symptoms = [
        Symptom(job, job, job, job, "silent", SILENT, severity, policy, Facts(since=NOW)) for job in jobs
    ]
    await database.write(lambda db: desk.raise_(db, symptoms, NOW, Pace(gathering=timedelta())))
    await database.write(lambda db: escalator.sweep(db, PAGED_AT))


async def broken(database: Database, provider: Pager) -> Night:
    """A night in which the provider is known to fail, just now."""
    night = Night(database, provider)
    provider.outcome = AWAY
    await fail(database, ["first"], "scouts")
    await night.send_all()
    assert len(night.tried()) >= breaker.FAILURES
    return night


def jobs(count: int, name: str = "job") -> list[str]:
    return [f"{name}-{number}" for number in range(count)]


def to(pager: Pager, address: str) -> list[NoticeKind]:
    return [notice.kind for at, notice in pager.notices if at == address]


@pytest.mark.parametrize(
    ("outcome", "fails"), [(AWAY, True), (replace(AWAY, throttled=True), False), (TAKEN, False)]
)
async def test_what_is_stored_says_the_same_as_the_process_knows(
    database: Database, outcome: Outcome, fails: bool
) -> None:
    seen: list[tuple[str, bool]] = []
    night = Night(database, Provider(outcome))
    night.courier._channels._observe = lambda kind, broken: seen.append((kind, broken))
    await fail(database, ["first"], "scouts")
    await night.send_all()
    assert seen == ([("pager", True)] if fails else [])
    failing = await database.read(lambda db: desk.failing_notifiers(db, {"pager"}))
    assert failing == ({"pager": PAGED_AT} if fails else {})
    night.provider.outcome = TAKEN
    await night.until(PAGED_AT + breaker.LONGEST_WAIT)
    assert seen == ([("pager", True), ("pager", False)] if fails else [])
    assert await database.read(lambda db: desk.failing_notifiers(db, {"pager"})) == {}


async def test_a_storm_goes_past_as_one_digest_and_nothing_is_lost(database: Database) -> None:
    night = await broken(database, Provider(AWAY))
    await fail(database, jobs(13), "anna")
    await night.send_all()
    (digest,) = [notice for at, notice in night.mail.notices if at == "mail-anna"]
    assert digest.kind is NoticeKind.DIGEST
    assert digest.details["incidents"] == 13
    assert to(night.provider, "pager-anna") == []
    dossier = await database.read(lambda db: desk.dossier(db, 9))
    assert dossier is not None
    words = [entry.words for entry in dossier.timeline]
    assert "page to Anna by pager: not tried (pager fails for everybody); it goes to mail" in words
    assert "page to Anna by mail in a digest of 13: accepted (250 OK)" in words


async def test_one_page_of_a_storm_is_the_probe_and_brings_the_channel_back(database: Database) -> None:
    night = await broken(database, Provider(AWAY))
    await end(night, database)
    night.now += 6 * SECOND
    await fail(database, jobs(12), "anna")
    await fail(database, ["mild"], "anna", Severity.WARNING)
    night.provider.outcome = TAKEN
    await night.send_all()
    assert [notice.title for at, notice in night.provider.notices if at == "pager-anna"] == [
        "WARNING mild silent"
    ]
    (digest,) = [notice for at, notice in night.mail.notices if at == "mail-anna"]
    assert digest.details["incidents"] == 12
    night.now += HOUR
    await fail(database, jobs(12, "later"), "anna")
    await night.send_all()
    assert to(night.provider, "pager-anna")[-1] is NoticeKind.DIGEST


async def test_digests_alone_find_out_that_a_channel_fails(database: Database) -> None:
    crowd = [person(f"reader-{n}", "pager", "mail") for n in range(8)]
    names = [one.id for one in crowd]
    await database.write(lambda db: desk.install(db, crowd, [policy("all", names)], {}))
    night = Night(database, Provider(AWAY))
    await fail(database, jobs(12), "all")
    await night.send_all()
    await night.until(PAGED_AT + 6 * SECOND)
    # Three tries of each would take 15 s. One stays behind, as the probe.
    told = {at for at, notice in night.mail.notices if notice.kind is NoticeKind.DIGEST}
    assert len(told) >= 7
    await night.until(PAGED_AT + 60 * SECOND)
    pages = await database.read(
        lambda db: [page for number in range(1, 13) for page in outbox.pages_of(db, number)]
    )
    assert {page.state for page in pages} == {"delivered"}


async def test_whoever_has_no_other_contact_gets_the_digest_once_the_provider_is_back(
    database: Database,
) -> None:
    night = await broken(database, Provider(AWAY))
    await fail(database, jobs(12), "alone")
    await night.send_all()
    assert to(night.provider, "pager-alone") == [NoticeKind.DIGEST]
    night.provider.outcome = TAKEN
    await night.until(night.now + 15 * SECOND)
    assert to(night.provider, "pager-alone")[-1] is NoticeKind.DIGEST
    pages = await database.read(lambda db: outbox.pages_of(db, 5))
    assert [page.state for page in pages] == ["delivered"]


async def told_by_pager(
    database: Database, provider: Pager, anna: Person, count: int = 1, **others: Pager
) -> Night:
    """A night in which Anna got pages by the provider, and by the others. Those with one server fail afterwards."""
    failing = {"pager": provider} | {
        kind: other for kind, other in others.items() if isinstance(other, Provider) and other.digests
    }
    scouts = [person(f"{kind}-scout-{n}", kind, "mail") for kind in failing for n in range(BROKEN_BY)]
    policies = [policy("scouts", [one.id for one in scouts]), policy("these", ["anna"])]
    await database.write(lambda db: desk.install(db, [*scouts, anna], policies, {}))
    night = Night(database, provider, **others)
    await fail(database, jobs(count), "these")
    await night.send_all()
    await database.write(lambda db: escalator.sweep(db, night.now))
    await night.send_all()
    for other in failing.values():
        other.outcome = AWAY
    await fail(database, ["first"], "scouts")
    await night.send_all()
    night.mail.notices.clear()
    return night


async def end(night: Night, database: Database, count: int = 1) -> None:
    """Answer and end the incidents of the jobs."""

    def work(db: Connection) -> None:
        for number in range(1, count + 1):
            desk.acknowledge(db, number, "ben", night.now, until=night.now + HOUR)

    await database.write(work)
    await night.send_all()


async def test_news_goes_past_to_the_next_contact_that_a_person_reads(database: Database) -> None:
    anna = person("anna", "pager", "call", "hook", "mail")
    call, hook = Calling(TAKEN), Machine(TAKEN)
    night = await told_by_pager(database, Provider(TAKEN), anna, call=call, hook=hook)
    await end(night, database)
    assert to(night.mail, "mail-anna") == [NoticeKind.ACKNOWLEDGED]
    assert call.notices == hook.notices == []
    dossier = await database.read(lambda db: desk.dossier(db, 1))
    assert dossier is not None
    line = "acknowledged to Anna by pager: not tried (pager fails for everybody); it goes to mail"
    assert line in [entry.words for entry in dossier.timeline]


@pytest.mark.parametrize("provider", [Machine(TAKEN), Editing(TAKEN)], ids=["machine", "edits"])
async def test_news_waits_for_a_contact_that_alone_can_use_it(database: Database, provider: Pager) -> None:
    night = await told_by_pager(database, provider, ANNA)
    await end(night, database)
    assert night.mail.notices == []
    provider.outcome = TAKEN
    await night.until(night.now + breaker.LONGEST_WAIT + 10 * SECOND)
    assert to(provider, "pager-anna")[-1] is NoticeKind.ACKNOWLEDGED


async def test_whoever_is_told_by_another_contact_hears_the_news_once(database: Database) -> None:
    both = replace(ANNA, contacts=(ANNA.contacts[0], replace(ANNA.contacts[1], after=timedelta())))
    night = await told_by_pager(database, Provider(TAKEN), both)
    await end(night, database)
    assert to(night.mail, "mail-anna") == [NoticeKind.ACKNOWLEDGED]


async def test_of_two_channels_that_fail_one_sends_the_news_past(database: Database) -> None:
    anna = person("anna", "pager", "text", "mail")
    anna = replace(
        anna, contacts=(anna.contacts[0], replace(anna.contacts[1], after=timedelta()), *anna.contacts[2:])
    )
    text = Provider(TAKEN)
    night = await told_by_pager(database, Provider(TAKEN), anna, text=text)
    assert to(text, "text-anna") == [NoticeKind.PAGE]
    await end(night, database)
    assert to(night.mail, "mail-anna") == [NoticeKind.ACKNOWLEDGED]


async def test_an_update_that_waits_elsewhere_becomes_part_of_the_next_one(database: Database) -> None:
    night = await told_by_pager(database, Provider(TAKEN), ANNA)
    night.mail.outcome = AWAY
    for number, job in enumerate(("one", "two"), 1):
        symptom = Symptom(
            job, "job-0", "job-0", job, "silent", SILENT, Severity.ERROR, "these", Facts(since=night.now)
        )
        await database.write(lambda db, symptom=symptom: desk.raise_(db, [symptom], night.now, Pace()))  # type: ignore[misc]
        await database.write(lambda db: escalator.sweep(db, night.now + timedelta(minutes=1)))
        night.now += timedelta(minutes=1)
        await night.send_all()
        assert to(night.mail, "mail-anna") == [NoticeKind.UPDATE] * number
    night.mail.outcome = TAKEN
    await night.until(night.now + 30 * SECOND)
    last = [notice for at, notice in night.mail.notices if at == "mail-anna"][2:]
    assert [notice.title for notice in last] == ["+2 on job-0 (3 of 3 silent)"]


async def test_much_news_goes_past_as_one_digest(database: Database) -> None:
    night = await told_by_pager(database, Provider(TAKEN), ANNA, count=12)
    await end(night, database, 12)
    (digest,) = night.mail.notices
    assert digest[1].title == "12 incidents: acknowledged by ben"
    assert digest[1].kind is NoticeKind.ACKNOWLEDGED
