"""The whole system: decrypted secrets reach the provider and nobody else, and entered addresses are limited."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting import desk, notice
from alerting.escalation import Policy, Step
from alerting.notice import Links
from alerting.notifiers import registry
from alerting.notifiers.console import Console
from alerting.notifiers.contract import Accepted, Outcome, Refused
from alerting.notifiers.email import Email
from alerting.notifiers.registry import Setup
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.severity import Severity
from heartbeat import app, notifier_clients, settings
from heartbeat.checks import checker
from heartbeat.checks import store as check_store
from heartbeat.database import Database
from heartbeat.notifier_clients import vault_of
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
    opened = Database(database_url)
    yield opened
    opened.close()


def sealed(person: Person, address: str) -> Person:
    """Return the person with an entered, and so encrypted, address."""
    (contact,) = person.contacts
    ciphertext = vault_of(SETTINGS).seal(address, person.about(contact))
    return replace(person, contacts=(replace(contact, address=ciphertext),))


async def test_a_sealed_address_reaches_the_wire_and_no_row(database: Database) -> None:
    clock, requests = SetClock(NOW), list[httpx.Request]()

    def slack(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"ok"))

    async with httpx.AsyncClient(transport=httpx.MockTransport(slack)) as http:
        system = app.build(SETTINGS, database=database, clock=clock, http=http)
        await database.write(lambda db: desk.install(db, [sealed(ANNA, ADDRESS)], [OPS], {}))
        await database.write(lambda db: check_store.insert(db, [a_check()]))
        clock.advance(minutes=6)
        await database.write(lambda db: checker.sweep(db, clock.now()))
        clock.advance(seconds=10)
        await system.ticker.tick()
        await system.stop()
    assert [str(request.url) for request in requests] == [ADDRESS]
    (incident,) = await database.read(lambda db: desk.incidents(db, open_only=True, limit=2))
    story = await database.read(lambda db: desk.dossier(db, incident.id))
    assert "page to Anna by slack: accepted (ok)" in repr(story)
    assert "T0K3N" not in repr(story)


async def tried(person: Person, settings: dict[str, dict[str, str]], contact: Contact) -> tuple[Outcome, str]:
    """Send a test page. Return the outcome, and the Authorization header that the provider got."""
    headers: list[str] = []

    def provider(request: httpx.Request) -> httpx.Response:
        headers.append(request.headers.get("authorization", ""))
        return httpx.Response(200, stream=httpx.ByteStream(b'{"id": "m1"}'))

    async with httpx.AsyncClient(transport=httpx.MockTransport(provider)) as http:
        send = notifier_clients.sender(SETTINGS, notifier_clients.assembler(SETTINGS, http, http, {}))
        setups = {kind: Setup(values) for kind, values in settings.items()}
        links = Links("http://test/", "http://test/answer")
        trial = notice.trial(person, contact, Severity.ERROR, links, NOW, "north")
        outcome = await send(setups, trial, person, contact)
    return outcome, "".join(headers)


async def test_a_sealed_setting_is_opened_for_its_notifier() -> None:
    contact = Contact("ntfy", "https://ntfy.example.com/ops")
    ciphertext = vault_of(SETTINGS).seal("tk_token", registry.about("ntfy", "token"))
    assert await tried(ANNA, {"ntfy": {"token": ciphertext}}, contact) == (
        Accepted("200 OK", "m1"),
        "Bearer tk_token",
    )


async def test_a_secret_sealed_for_another_person_is_refused() -> None:
    other = sealed(replace(ANNA, id="eve"), ADDRESS)
    outcome, authorization = await tried(ANNA, {}, other.contacts[0])
    assert outcome == Refused(
        "This encrypted secret is damaged or belongs elsewhere: enter the secret again."
    )
    assert authorization == ""


async def test_a_setting_that_cannot_be_decrypted_disables_only_its_own_kind() -> None:
    contact = Contact("ntfy", "https://ntfy.example.com/ops")
    ciphertext = vault_of(SETTINGS).seal("tk_token", registry.about("email", "password"))
    outcome, _ = await tried(ANNA, {"ntfy": {"token": ciphertext}}, contact)
    assert outcome == Refused("the notifier ntfy is not set up here")


async def test_a_page_to_an_entered_address_uses_the_strict_client(database: Database) -> None:
    """One person is defined through the API, another one in the file."""
    clock, ways = SetClock(NOW), list[str]()

    def client(way: str) -> httpx.AsyncClient:
        def provider(request: httpx.Request) -> httpx.Response:
            ways.append(f"{way} {request.url.path}")
            return httpx.Response(200, stream=httpx.ByteStream(b"ok"))

        return httpx.AsyncClient(transport=httpx.MockTransport(provider))

    declared = Person("first", "First", (Contact("slack", "https://hooks.example.com/declared"),))
    anna = replace(sealed(ANNA, "https://hooks.example.com/entered"), origin=Origin.API)
    both = Policy("ops", (Step(("first", "anna"), timedelta(minutes=5)),))
    async with client("own") as own, client("strict") as strict:
        system = app.build(SETTINGS, database=database, clock=clock, http=own, entered=strict)
        await database.write(lambda db: desk.install(db, [declared], [both], {}))
        await database.write(lambda db: desk.define_person(db, anna))
        await database.write(lambda db: check_store.insert(db, [a_check()]))
        clock.advance(minutes=6)
        await database.write(lambda db: checker.sweep(db, clock.now()))
        clock.advance(seconds=10)
        await system.ticker.tick()
        await system.stop()
    assert sorted(ways) == ["own /declared", "strict /entered"]


@pytest.mark.parametrize("origin", [Origin.API, Origin.FILE])
async def test_the_reach_of_mail_depends_on_the_origin_of_the_mail_server(origin: Origin) -> None:
    """The mail server of the file may be inside the network, an entered one may not, whoever the mail is for."""
    async with (
        notifier_clients.client_for_own(SETTINGS) as own,
        notifier_clients.client_for_entered(SETTINGS) as entered,
    ):
        settings = {"smtp": "smtp://mail.example.com", "from": "a@example.com"}
        outfit = notifier_clients.assembler(SETTINGS, own, entered, {})({"email": Setup(settings, origin)})
        fence = own.fence if origin == Origin.FILE else entered.fence
        for emails in (outfit.own, outfit.entered):
            email = emails["email"]
            assert isinstance(email, Email)
            assert email.fence is fence


def test_a_notifier_with_entered_settings_is_strict_for_everybody() -> None:
    own, strict = (
        httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503))) for _ in "ab"
    )
    url = {"url": "https://events.example.com/v2/enqueue"}
    outfit = notifier_clients.assembler(SETTINGS, own, strict, {})(
        {"pagerduty": Setup(url, Origin.API), "ntfy": Setup({})}
    )
    assert client_of(outfit.own["pagerduty"]) is client_of(outfit.entered["pagerduty"]) is strict
    assert (client_of(outfit.own["ntfy"]), client_of(outfit.entered["ntfy"])) == (own, strict)
    assert (client_of(outfit.own["slack"]), client_of(outfit.entered["slack"])) == (own, strict)


@pytest.mark.parametrize("origin", [Origin.FILE, Origin.API])
def test_the_owner_of_a_server_in_the_settings_decides_how_far_it_may_reach(origin: Origin) -> None:
    own, strict = (
        httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503))) for _ in "ab"
    )
    signal = Setup({"url": "http://signal.internal:8080", "number": "+4915112345678"}, origin)
    outfit = notifier_clients.assembler(SETTINGS, own, strict, {})({"signal": signal})
    expected = own if origin is Origin.FILE else strict
    assert client_of(outfit.own["signal"]) is client_of(outfit.entered["signal"]) is expected


def test_a_notifier_without_our_connections_serves_addresses_of_the_file_only() -> None:
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503)))
    for setup in ({}, {"apprise": Setup({})}, {"apprise": Setup({}, Origin.API)}):
        outfit = notifier_clients.assembler(SETTINGS, http, http, {})(setup)
        assert "apprise" not in outfit.entered
        assert "apprise" in outfit.own


def client_of(notifier: Any) -> httpx.AsyncClient:
    client: httpx.AsyncClient = notifier.http
    return client


def test_an_empty_setting_means_the_default_file() -> None:
    assert settings.read({"HEARTBEAT_CONFIG": ""}).config == settings.Settings().config


def test_only_the_notifier_of_an_installed_kind_can_be_replaced(database: Database) -> None:
    with pytest.raises(ValueError, match="pigeon is not an installed kind of notifier"):
        app.build(
            SETTINGS,
            database=database,
            clock=SetClock(NOW),
            http=httpx.AsyncClient(),
            notifiers={"pigeon": Console()},
        )
