"""Test pages: to every contact, as loud as the loudest page of the person, and not twice at once."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.crew import Team
from alerting.escalation import Policy, Step
from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Outcome, Refused
from alerting.notifiers.registry import Setup
from alerting.person import Contact, Person
from alerting.rotation import Layer, Length, Rotation
from alerting.severity import Severity
from heartbeat import audit, installation, signed_link, trial
from heartbeat.checks import store as check_store
from heartbeat.database import Database
from heartbeat.signed_link import TestedContact
from heartbeat.trial import Sender, TestPage, TooSoon
from tests.unit.conftest import NOW, a_check, somebody

MAIL, HOOK = Contact("email", "anna@example.com"), Contact("slack", "https://hooks.example.com/x")
ANNA = Person("anna", "Anna", (MAIL, HOOK))
WAIT = timedelta(minutes=5)
NIGHT = NOW.replace(hour=0, tzinfo=None)
SECRET = "a-secret-key-for-tests-that-is-long"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


def sender(notices: list[Notice]) -> Sender:
    async def deliver(_: Mapping[str, Setup], notice: Notice, _person: Person, contact: Contact) -> Outcome:
        notices.append(notice)
        return Refused("no such hook") if contact.kind == "slack" else Accepted("250 OK")

    return Sender("https://heartbeat.test", SECRET, deliver)


def fill(db: Connection, *severities: tuple[str | None, Severity]) -> None:
    policies = [Policy("ops", (Step(("anna",), WAIT),)), Policy("other", (Step(("ben",), WAIT),))]
    desk.install(db, [ANNA, Person("ben", "Ben", (MAIL,))], policies, {})
    installation.remember(db, "policy", "ops")
    jobs = [
        a_check(f"job-{n}", policy=policy, severity=level) for n, (policy, level) in enumerate(severities)
    ]
    check_store.insert(db, jobs)


async def test_a_contact_whose_address_takes_nothing_loses_its_proof(database: Database) -> None:
    async def deliver(_: Mapping[str, Setup], _notice: Notice, _person: Person, contact: Contact) -> Outcome:
        return Refused("gone", address=contact == MAIL)

    await database.write(fill)
    for contact in ANNA.contacts:
        await database.write(lambda db, mark=contact.mark: desk.prove(db, "anna", mark, NOW))  # type: ignore[misc]  # a lambda
    sending = Sender("https://heartbeat.test", SECRET, deliver)
    await trial.send(database, sending, "anna", somebody("ben"), NOW)
    proofs = await database.read(desk.contact_proofs)
    assert [proofs["anna", contact.mark].proven_at for contact in ANNA.contacts] == [None, NOW]


async def test_every_contact_gets_a_page_with_a_link_of_its_own(database: Database) -> None:
    await database.write(fill)
    notices: list[Notice] = []
    page = await trial.send(database, sender(notices), "anna", somebody("ben"), NOW)
    assert page == TestPage(
        ANNA, Severity.ERROR, ((MAIL, Accepted("250 OK")), (HOOK, Refused("no such hook")))
    )
    for notice, contact in zip(notices, ANNA.contacts, strict=True):
        assert (notice.kind, notice.ack_label) == (NoticeKind.TEST, "I got it")
        assert notice.ack_url is not None
        token = notice.ack_url.removeprefix("https://heartbeat.test/answer/test/")
        assert signed_link.read_test([SECRET], token, NOW) == TestedContact("anna", contact.mark, NOW)
    assert len({notice.dedup_key for notice in notices}) == 2
    proofs = await database.read(desk.contact_proofs)
    assert {kind: proofs["anna", kind.mark].outcome for kind in ANNA.contacts} == {
        MAIL: "accepted",
        HOOK: "refused",
    }
    (entry,) = await database.read(lambda db: audit.listed(db, limit=9))
    assert (entry.actor, entry.action, entry.target) == ("ben", "person.test", "person anna")
    assert entry.after == {"severity": "error", "contacts": ["email: accepted", "slack: refused"]}


@pytest.mark.parametrize(
    ("severities", "loudest"),
    [
        ([], Severity.ERROR),
        ([("ops", Severity.WARNING), ("ops", Severity.INFO)], Severity.WARNING),
        ([("ops", Severity.INFO), ("other", Severity.CRITICAL)], Severity.INFO),
        ([("ops", Severity.INFO), (None, Severity.CRITICAL)], Severity.CRITICAL),
        ([("other", Severity.CRITICAL)], Severity.ERROR),
    ],
)
async def test_it_is_as_loud_as_the_worst_check_that_can_page_the_person(
    database: Database, severities: list[tuple[str | None, Severity]], loudest: Severity
) -> None:
    await database.write(lambda db: fill(db, *severities))
    notices: list[Notice] = []
    await trial.send(database, sender(notices), "anna", somebody("ben"), NOW)
    assert {notice.severity for notice in notices} == {loudest}


@pytest.mark.parametrize("crew", ["a rotation", "a team"])
async def test_it_is_as_loud_as_the_worst_check_that_pages_the_person_in_a_rotation_or_a_team(
    database: Database, crew: str
) -> None:
    def work(db: Connection) -> None:
        fill(db, ("crew", Severity.CRITICAL))
        if crew == "a team":
            desk.define_team(db, Team("crew", ("ben", "anna")))
        else:
            desk.define_rotation(
                db, Rotation("crew", "UTC", (Layer(("anna", "ben"), Length.parse("1d"), NIGHT),))
            )
        desk.define_policy(db, Policy("crew", (Step(("crew",), WAIT),)))

    await database.write(work)
    notices: list[Notice] = []
    await trial.send(database, sender(notices), "anna", somebody("ben"), NOW)
    assert {notice.severity for notice in notices} == {Severity.CRITICAL}


async def test_nobody_is_rung_twice_at_once(database: Database) -> None:
    await database.write(fill)
    notices: list[Notice] = []
    rung = sender(notices)
    await trial.send(database, rung, "anna", somebody("ben"), NOW)
    again = await trial.send(database, rung, "anna", somebody("ben"), NOW + timedelta(seconds=9))
    assert (again, len(notices)) == (TooSoon(NOW), 2)
    later = await trial.send(database, rung, "anna", somebody("ben"), NOW + trial.PAUSE)
    assert isinstance(later, TestPage)


async def test_a_test_page_to_a_stranger_is_none(database: Database) -> None:
    assert await trial.send(database, sender([]), "nobody", somebody("ben"), NOW) is None
