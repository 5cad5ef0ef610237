"""A browser renews its subscription by itself: its device stays, with its proof, and nobody else can replace it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from alerting import desk
from alerting.notifiers.push import subscription
from alerting.origin import Origin
from alerting.person import DEVICE, Contact, Person
from heartbeat import audit
from heartbeat.app import System
from heartbeat.definitions.edit import devices
from heartbeat.definitions.kind import Edit
from heartbeat.http.callbacks import renewal
from tests.push_service import SubscribedBrowser
from tests.unit.conftest import NOW, somebody
from tests.unit.http.conftest import visitor

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgres"])

# Addresses of the internet, written as numbers: nothing is looked up.
AT = "https://192.0.43.8/send/"
ANNA = Person("anna", "Anna", (Contact("console", "terminal"),), origin=Origin.API)
BEN = Person("ben", "Ben", (), origin=Origin.API)


@pytest.fixture
def old() -> SubscribedBrowser:
    return SubscribedBrowser(AT + "old")


@pytest.fixture
def new() -> SubscribedBrowser:
    return SubscribedBrowser(AT + "new")


@pytest.fixture
async def phone(system: System, old: SubscribedBrowser) -> AsyncIterator[httpx.AsyncClient]:
    """The phone of Anna, who has added it and is not signed in. She has another device before it, and one after it."""
    for person in (ANNA, BEN):
        await system.context.database.write(lambda db, person=person: desk.define_person(db, person))  # type: ignore[misc]  # a lambda
    for browser in (SubscribedBrowser(AT + "first"), old, SubscribedBrowser(AT + "last")):
        await add(system, ANNA, browser)
    async with visitor(system) as client:
        yield client


async def add(system: System, person: Person, browser: SubscribedBrowser) -> None:
    """Add a device as its person does on the console."""
    author, vault, to = somebody(person.id), system.context.vault, subscription(browser.subscription)
    await system.context.database.write(
        lambda db: devices.add(Edit(db, author, NOW, vault), person, "Chrome", to)
    )


async def renew(phone: httpx.AsyncClient, old: SubscribedBrowser, new: SubscribedBrowser) -> httpx.Response:
    body = {"old": json.loads(old.subscription), "new": json.loads(new.subscription)}
    return await phone.post("/callbacks/push/renewal", content=json.dumps(body))


async def endpoints(system: System, name: str = "anna") -> list[str]:
    """Where the devices of a person lead, in their order."""
    person = (await system.context.database.read(desk.people))[name]
    opened = [
        system.context.vault.open(contact.address, f"person {name} {DEVICE}")
        for contact in person.contacts
        if contact.kind == DEVICE
    ]
    return [json.loads(address)["endpoint"].removeprefix(AT) for address in opened]


async def proofs(system: System) -> list[Any]:
    """When the devices of Anna were proven, in their order."""
    found = await system.context.database.read(desk.contact_proofs)
    devices = await system.context.database.read(lambda db: desk.devices_of(db, "anna"))
    return [found.get(("anna", each.contact.mark), desk.NO_PROOF).proven_at for each in devices]


async def test_a_renewed_device_keeps_its_place_and_its_proof(
    system: System, phone: httpx.AsyncClient, old: SubscribedBrowser, new: SubscribedBrowser
) -> None:
    second = (await system.context.database.read(lambda db: desk.devices_of(db, "anna")))[1]
    await system.context.database.write(lambda db: desk.prove(db, "anna", second.contact.mark, NOW))
    answer = await renew(phone, old, new)
    assert (answer.status_code, answer.content) == (204, b"")
    assert await endpoints(system) == ["first", "new", "last"]
    assert await proofs(system) == [None, NOW, None]
    renewed = (await system.context.database.read(lambda db: desk.devices_of(db, "anna")))[1]
    assert (renewed.id, renewed.name, renewed.added_at) == (second.id, second.name, second.added_at)
    entry = (await system.context.database.read(lambda db: audit.listed(db, limit=1)))[0]
    assert (entry.actor, entry.via, entry.action, entry.target, entry.after) == (
        "Anna",
        "device Chrome",
        "person.renew_device",
        "person anna",
        {"device": "Chrome"},
    )


async def test_a_browser_that_got_no_answer_asks_again(
    system: System, phone: httpx.AsyncClient, old: SubscribedBrowser, new: SubscribedBrowser
) -> None:
    for _ in range(2):
        assert (await renew(phone, old, new)).status_code == 204
    assert await endpoints(system) == ["first", "new", "last"]
    entries = await system.context.database.read(lambda db: audit.listed(db, limit=9))
    assert [entry.action for entry in entries].count("person.renew_device") == 1


async def test_who_knows_the_address_but_not_the_keys_replaces_nothing(
    system: System, phone: httpx.AsyncClient, old: SubscribedBrowser, new: SubscribedBrowser
) -> None:
    """Its push service knows the address, and the public key may have been seen."""
    for stranger in (SubscribedBrowser(old.endpoint), SubscribedBrowser(old.endpoint, key=old.key)):
        answer = await renew(phone, stranger, new)
        assert (answer.status_code, answer.text) == (404, renewal.UNKNOWN)
    assert await endpoints(system) == ["first", "old", "last"]


async def test_an_unknown_device_is_not_added(
    system: System, phone: httpx.AsyncClient, new: SubscribedBrowser
) -> None:
    assert (await renew(phone, SubscribedBrowser(AT + "gone"), new)).status_code == 404
    assert await endpoints(system) == ["first", "old", "last"]


async def test_a_device_of_two_people_is_renewed_for_both(
    system: System, phone: httpx.AsyncClient, old: SubscribedBrowser, new: SubscribedBrowser
) -> None:
    await add(system, BEN, old)
    assert (await renew(phone, old, new)).status_code == 204
    assert await endpoints(system) == ["first", "new", "last"]
    assert await endpoints(system, "ben") == ["new"]


async def test_a_device_that_was_added_again_by_hand_is_there_once(
    system: System, phone: httpx.AsyncClient, old: SubscribedBrowser, new: SubscribedBrowser
) -> None:
    await add(system, ANNA, new)
    assert (await renew(phone, old, new)).status_code == 204
    assert await endpoints(system) == ["first", "last", "new"]


@pytest.mark.parametrize("place", ["https://127.0.0.1/send/1", "https://10.0.0.7/send/1"])
async def test_a_push_service_inside_is_refused(
    system: System, phone: httpx.AsyncClient, old: SubscribedBrowser, place: str
) -> None:
    answer = await renew(phone, old, SubscribedBrowser(place))
    assert answer.status_code == 422
    assert "Nothing was changed." in answer.text
    assert await endpoints(system) == ["first", "old", "last"]


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", '{"old": {}}', '{"old": {}, "new": {}}', '{"old": 1, "new": 2}', "[" * 5_000, "\xff"],
)
async def test_what_no_browser_sends_is_refused(phone: httpx.AsyncClient, body: str) -> None:
    answer = await phone.post("/callbacks/push/renewal", content=body.encode("latin-1"))
    assert (answer.status_code, answer.text) == (400, renewal.UNREADABLE)


async def test_a_lost_key_lets_nobody_in(
    system: System, phone: httpx.AsyncClient, old: SubscribedBrowser, new: SubscribedBrowser
) -> None:
    """An address that cannot be decrypted proves nobody's."""
    await system.context.database.write(
        lambda db: [
            desk.renew_device(db, each, "enc:v1:unreadable", "a hash")
            for each in desk.devices_of(db, "anna")[1:2]
        ]
    )
    assert (await renew(phone, old, new)).status_code == 404
