"""The whole system put together: secrets at rest reach the provider, and nobody else, in clear."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from alerting import desk, notice
from alerting.escalation import Policy, Step
from alerting.notifiers.contract import Accepted, Outcome, Refused
from alerting.person import Contact, Person
from heartbeat import app, checker, store
from heartbeat.app import setting_about, vault_of
from heartbeat.database import Database
from heartbeat.settings import Settings
from tests.unit.conftest import NOW, a_check
from tests.unit.http.conftest import SetClock

SETTINGS = Settings(
    public_url="http://test", admin_key="k" * 16, secret_key="s" * 32, encryption_keys=("e" * 32,)
)
ANNA = Person("anna", "Anna", (Contact("slack", "to be sealed"),))
ADDRESS = "https://hooks.example.com/services/T0K3N"
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)),))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh database."""
    made = Database(database_url)
    yield made
    made.close()


def sealed(person: Person, address: str) -> Person:
    """The person with a contact as it is kept where somebody entered it."""
    (contact,) = person.contacts
    kept = vault_of(SETTINGS).seal(address, person.about(contact))
    return replace(person, contacts=(replace(contact, address=kept),))


async def test_a_sealed_address_reaches_the_wire_and_no_row(database: Database) -> None:
    clock, seen = SetClock(NOW), list[httpx.Request]()

    def slack(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"ok"))

    async with httpx.AsyncClient(transport=httpx.MockTransport(slack)) as http:
        system = app.build(SETTINGS, database=database, clock=clock, http=http)
        await database.write(lambda db: desk.install(db, [sealed(ANNA, ADDRESS)], [OPS], {}))
        await database.write(lambda db: store.insert(db, [a_check()]))
        clock.advance(minutes=6)
        await database.write(lambda db: checker.sweep(db, clock.now()))
        clock.advance(seconds=10)
        await system.ticker.tick()
        await system.stop()
    assert [str(request.url) for request in seen] == [ADDRESS]
    (incident,) = await database.read(lambda db: desk.incidents(db, open_only=True, limit=2))
    story = await database.read(lambda db: desk.dossier(db, incident.id))
    assert "page to Anna by slack: accepted (ok)" in repr(story)
    assert "T0K3N" not in repr(story)


async def sent(person: Person, written: dict[str, dict[str, str]], contact: Contact) -> tuple[Outcome, str]:
    """What comes of a test page, and the Authorization that the provider was shown."""
    shown: list[str] = []

    def provider(request: httpx.Request) -> httpx.Response:
        shown.append(request.headers.get("authorization", ""))
        return httpx.Response(200, stream=httpx.ByteStream(b'{"id": "m1"}'))

    async with httpx.AsyncClient(transport=httpx.MockTransport(provider)) as http:
        send = app.sender(SETTINGS, http, written)
        outcome = await send(notice.trial(person, "http://test/", NOW), person, contact)
    return outcome, "".join(shown)


async def test_a_sealed_setting_is_opened_for_its_notifier() -> None:
    contact = Contact("ntfy", "https://ntfy.example.com/ops")
    kept = vault_of(SETTINGS).seal("tk_token", setting_about("ntfy", "token"))
    assert await sent(ANNA, {"ntfy": {"token": kept}}, contact) == (
        Accepted("200 OK", "m1"),
        "Bearer tk_token",
    )


async def test_what_is_sealed_for_another_is_refused_in_words() -> None:
    other = sealed(replace(ANNA, id="eve"), ADDRESS)
    outcome, shown = await sent(ANNA, {}, other.contacts[0])
    assert outcome == Refused(
        "This encrypted secret is damaged or belongs elsewhere: enter the secret again."
    )
    assert shown == ""


async def test_a_setting_that_cannot_be_opened_costs_only_its_own_kind() -> None:
    contact = Contact("ntfy", "https://ntfy.example.com/ops")
    kept = vault_of(SETTINGS).seal("tk_token", setting_about("email", "password"))
    outcome, _ = await sent(ANNA, {"ntfy": {"token": kept}}, contact)
    assert outcome == Refused("there is no usable notifier of the kind ntfy here")
