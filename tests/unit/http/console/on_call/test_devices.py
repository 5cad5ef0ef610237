"""Ring me here: people add and remove the devices on which they are paged, whoever defines them."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from alerting import desk
from alerting.notifiers import push
from alerting.origin import Origin
from alerting.person import DEVICE, Contact, Person
from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.definitions.edit import devices
from tests.push_service import SubscribedBrowser
from tests.unit.access.conftest import PASSWORD, add
from tests.unit.conftest import NOW
from tests.unit.http.conftest import CONTACTS, visitor
from tests.unit.http.console.conftest import BROWSER, press, see

PHONE = (
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
)
# Addresses of the internet, written as numbers: nothing is looked up.
AT = "https://192.0.43.8/send/"
PATH = "/on-call/people/first"
BEN = Person("ben", "Ben", (), origin=Origin.API)


@pytest.fixture
async def phone(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """The phone of the viewer who is the person `first`, whom the file declares, signed in."""
    await system.context.database.write(lambda db: add(db, "first", Role.VIEWER))
    await system.context.database.write(lambda db: desk.define_person(db, BEN))
    async with visitor(system, **BROWSER, **{"user-agent": PHONE}) as client:
        answer = await client.post("/sign-in", data={"name": "first", "password": PASSWORD})
        assert answer.status_code == 303
        yield client


async def ring(
    phone: httpx.AsyncClient, place: str = AT + "1", path: str = f"{PATH}/devices"
) -> httpx.Response:
    return await press(phone, path, subscription=SubscribedBrowser(place).subscription)


async def contacts_of(system: System, name: str = "first") -> tuple[Contact, ...]:
    return (await system.context.database.read(desk.people))[name].contacts


async def test_a_person_of_the_file_adds_the_phone_in_their_hand(
    system: System, phone: httpx.AsyncClient
) -> None:
    answer = await ring(phone)
    assert (answer.status_code, answer.headers["location"]) == (303, PATH)
    first, *others = await contacts_of(system)
    assert first.kind == DEVICE
    assert tuple(others) == CONTACTS
    sealed = system.context.vault.open(first.address, f"person first {DEVICE}")
    assert json.loads(sealed)["endpoint"] == AT + "1"
    words = (await see(phone, PATH)).words
    assert "Paged by ops, through push, then console, then slack, then pigeon." in words
    assert "push Chrome on Android added 03:00 UTC" in words
    assert "No proof yet that a page arrives." in words


async def test_a_device_is_there_once_however_often_the_button_is_pressed(
    system: System, phone: httpx.AsyncClient
) -> None:
    subscription = SubscribedBrowser(AT + "1").subscription
    for _ in range(2):
        await press(phone, f"{PATH}/devices", subscription=subscription)
    assert [contact.kind for contact in await contacts_of(system)].count(DEVICE) == 1


async def test_the_page_has_the_key_to_subscribe_with_and_says_what_a_phone_of_apple_needs(
    system: System, phone: httpx.AsyncClient
) -> None:
    page = await see(phone, PATH)
    key = push.public_key(await system.context.push_identity())
    assert f'data-ring="{key}"' in page.html
    assert "Ring me here" in page.words
    assert "tap Share, then Add to Home Screen" in page.words
    assert "The button needs JavaScript." in page.words


async def test_the_button_is_on_ones_own_page_only(
    phone: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    assert "Ring me here" not in (await see(phone, "/on-call/people/ben")).words
    assert "Ring me here" not in (await see(browser, PATH)).words


async def test_nobody_adds_a_device_for_somebody_else(
    system: System, phone: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    assert (await ring(phone, path="/on-call/people/ben/devices")).status_code == 403
    assert (await ring(browser)).status_code == 403, "not even an admin"
    assert (await ring(phone, path="/on-call/people/nobody/devices")).status_code == 404
    assert await contacts_of(system, "ben") == ()
    assert await contacts_of(system) == CONTACTS


async def test_a_person_removes_their_device_and_an_admin_one_that_is_lost(
    system: System, phone: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    for number in (1, 2, 3):
        await ring(phone, f"{AT}{number}")
    one, two, three = await system.context.database.read(lambda db: desk.devices_of(db, "first"))
    assert f"{PATH}/devices/{one.id}/remove" in (await see(phone, PATH)).html
    assert (await press(phone, f"{PATH}/devices/{one.id}/remove")).status_code == 303
    assert (await press(phone, f"{PATH}/devices/{one.id}/remove")).status_code == 303, "it is gone"
    assert (await press(browser, f"{PATH}/devices/{two.id}/remove")).status_code == 303
    left = await system.context.database.read(lambda db: desk.devices_of(db, "first"))
    assert left == [three]


async def test_a_viewer_removes_no_device_of_somebody_else(system: System, phone: httpx.AsyncClient) -> None:
    await system.context.database.write(
        lambda db: desk.add_device(db, "ben", "Firefox on Linux", "sealed", "hash", NOW)
    )
    assert (await press(phone, "/on-call/people/ben/devices/1/remove")).status_code == 403
    assert len(await contacts_of(system, "ben")) == 1


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("http://192.0.43.8/send/1", "does not use https"),
        ("https://127.0.0.1/send/1", "127.0.0.1"),
        ("https://10.0.0.7/send/1", "10.0.0.7"),
    ],
)
async def test_a_push_service_inside_or_without_encryption_is_refused_at_once(
    system: System, phone: httpx.AsyncClient, place: str, why: str
) -> None:
    answer = await ring(phone, place)
    assert answer.status_code == 422
    assert why in answer.text
    assert "Nothing was changed." in answer.text
    assert await contacts_of(system) == CONTACTS


async def test_what_no_browser_sends_is_refused(system: System, phone: httpx.AsyncClient) -> None:
    for subscription in ("", "{}", "[]", "x" * 5_000):
        answer = await press(phone, f"{PATH}/devices", subscription=subscription)
        assert answer.status_code == 422
    assert await contacts_of(system) == CONTACTS


async def test_a_person_has_a_bounded_number_of_devices(system: System, phone: httpx.AsyncClient) -> None:
    for number in range(devices.MOST):
        assert (await ring(phone, f"{AT}{number}")).status_code == 303
    refused = await ring(phone, f"{AT}one-more")
    assert refused.status_code == 422
    assert "First responder has 10 devices" in refused.text
    assert len(await contacts_of(system)) == devices.MOST + len(CONTACTS)


async def test_a_form_of_another_session_adds_nothing(system: System, phone: httpx.AsyncClient) -> None:
    data = {"csrf": "forged", "subscription": SubscribedBrowser(AT + "1").subscription}
    assert (await phone.post(f"{PATH}/devices", data=data)).status_code == 403
    assert await contacts_of(system) == CONTACTS


async def test_the_api_shows_devices_and_a_definition_that_is_sent_back_leaves_them(
    system: System, phone: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    await system.context.database.write(
        lambda db: desk.add_device(db, "ben", "Chrome on Android", "sealed", "hash", NOW)
    )
    shown = (await admin.get("/v1/people/ben")).json()
    assert shown["contacts"] == []
    (device,) = shown["devices"]
    assert device == {
        "id": Contact(DEVICE, "sealed").mark,
        "name": "Chrome on Android",
        "added_at": "2024-05-03T03:00:00Z",
        "tested_at": None,
        "proven_at": None,
    }
    changed = await admin.put("/v1/people/ben", json={"name": "Ben", "contacts": [{"console": "terminal"}]})
    assert changed.json()["devices"] == [device]
    assert "sealed" not in str(shown)


async def test_no_form_and_no_definition_takes_the_address_of_a_device(
    browser: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    assert 'value="push"' not in (await see(browser, "/on-call/new-person")).html
    answer = await admin.put("/v1/people/ben", json={"name": "Ben", "contacts": [{"push": "x"}]})
    assert answer.status_code == 422
    assert "Ring me here" in answer.text


async def test_a_device_that_is_gone_is_shown_as_such(system: System, phone: httpx.AsyncClient) -> None:
    await ring(phone)
    person = (await system.context.database.read(desk.people))["first"]
    results = [(person.contacts[0], "refused", "410 Gone: this device takes no more pages")]
    await system.context.database.write(lambda db: desk.record_test_page(db, person, results, NOW))
    words = (await see(phone, PATH)).words
    assert "Test page refused" in words
    assert "410 Gone: this device takes no more pages" in words
