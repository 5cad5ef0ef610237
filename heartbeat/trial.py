"""Test pages: a page to every contact of a person, as loud as their loudest, whose answer proves that it arrived."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from alerting import desk, notice
from alerting.notice import Links, Notice
from alerting.notifiers.contract import Accepted, Outcome, Refused
from alerting.notifiers.registry import Setup
from alerting.person import OPERATOR, Contact, Person
from alerting.severity import Severity
from heartbeat import audit, installation, notifier_clients, signed_link
from heartbeat.actor import Actor
from heartbeat.checks import store as check_store
from heartbeat.checks.definition import SEVERITY
from heartbeat.database import Database
from heartbeat.signed_link import TestedContact

if TYPE_CHECKING:  # It brings metrics along, for which no command waits.
    from heartbeat.foundation import Foundation

PAUSE = timedelta(seconds=10)
"""The time between two test pages to a person, at least: a button is easily pressed twice, and the phone is loud."""

Deliver = Callable[[Mapping[str, Setup], Notice, Person, Contact], Awaitable[Outcome]]
"""Sends a notice to a contact, through the notifiers with these settings."""


@dataclass(frozen=True, slots=True)
class TestPage:
    """A test page that was sent: its severity, and the outcome at each contact."""

    __test__ = False  # pytest would take it for a test.

    person: Person
    severity: Severity
    outcomes: tuple[tuple[Contact, Outcome], ...]


@dataclass(frozen=True, slots=True)
class TooSoon:
    """Nothing was sent: the last test page to the person was at `last_at`."""

    last_at: datetime


@dataclass(frozen=True, slots=True)
class Sender:
    """The way to send test pages: the address and key for their links, and what delivers them."""

    public_url: str
    secret_key: str
    deliver: Deliver


def tester(foundation: "Foundation") -> Callable[[str, Actor], Awaitable["TestPage | TooSoon | None"]]:
    """Return what sends a test page to the person of a name: see `send`."""
    sending = sender(foundation)

    async def test_page(name: str, actor: Actor) -> TestPage | TooSoon | None:
        return await send(foundation.database, sending, name, actor, foundation.clock.now())

    return test_page


def sender(foundation: "Foundation") -> Sender:
    """Return the way to send test pages from this process."""
    settings = foundation.settings
    deliver = notifier_clients.sender(settings, foundation.assembler())
    return Sender(settings.public_url, settings.secret_key, deliver)


async def send(
    database: Database, sender: Sender, name: str, actor: Actor, now: datetime
) -> TestPage | TooSoon | None:
    """Send a test page to every contact of a person. Return None if there is no such person."""
    person = (await database.read(everybody)).get(name)
    if person is None:
        return None
    facts, last_at = await database.read(lambda db: (_facts(db, person), _last_at(db, person)))
    if last_at is not None and now - last_at < PAUSE:
        return TooSoon(last_at)
    sends = (
        sender.deliver(facts.setups, _notice(sender, person, contact, facts, now), person, contact)
        for contact in person.all_contacts
    )
    outcomes = tuple(zip(person.all_contacts, await asyncio.gather(*sends), strict=True))
    page = TestPage(person, facts.severity, outcomes)
    await database.write(lambda db: _record(db, page, actor, now))
    return page


def everybody(db: Connection) -> dict[str, Person]:
    """Return everybody who can get a test page, by name."""
    return desk.people(db) | {OPERATOR.id: OPERATOR}


def loudest(db: Connection, person: Person) -> Severity:
    """Return the severity of the worst check that can page this person, the usual one if none can."""
    targets = desk.crew(db).targets_of(person.id)
    paging = {policy.name for policy in desk.policies(db).values() if not targets.isdisjoint(policy.targets)}
    default = installation.default_policy(db)
    return check_store.worst_severity(db, paging, unnamed=default in paging) or SEVERITY


def word(outcome: Outcome) -> str:
    """Return the word for an outcome: accepted, refused or unreachable."""
    return type(outcome).__name__.lower()


def said(outcome: Outcome) -> str:
    """Return the provider's answer, or the reason of a failure."""
    return outcome.said if isinstance(outcome, Accepted) else outcome.reason


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a test page is made of, besides the person."""

    setups: Mapping[str, Setup]
    severity: Severity
    installation: str | None


def _facts(db: Connection, person: Person) -> _Facts:
    return _Facts(desk.notifier_settings.load(db), loudest(db, person), installation.name(db))


def _last_at(db: Connection, person: Person) -> datetime | None:
    """Return when the person was last sent a test page."""
    tried = (proof.sent_at for proof in desk.contact_proofs(db, [person.id]).values())
    return max((at for at in tried if at is not None), default=None)


def _notice(sender: Sender, person: Person, contact: Contact, facts: _Facts, now: datetime) -> Notice:
    token = signed_link.sign_test(sender.secret_key, TestedContact(person.id, contact.mark, now))
    links = Links(f"{sender.public_url}/on-call", f"{sender.public_url}/answer/test/{token}")
    return notice.trial(person, contact, facts.severity, links, now, facts.installation)


def _record(db: Connection, page: TestPage, actor: Actor, now: datetime) -> None:
    results = [(contact, word(outcome), said(outcome)) for contact, outcome in page.outcomes]
    desk.record_test_page(db, page.person, results, now)
    for contact, outcome in page.outcomes:
        if isinstance(outcome, Refused) and outcome.address:
            desk.refute(db, page.person, contact)
    contacts = [f"{contact.kind}: {result}" for contact, result, _ in results]
    entry = {"severity": page.severity.value, "contacts": contacts}
    audit.record(db, actor, "person.test", f"person {page.person.id}", now, after=entry)
