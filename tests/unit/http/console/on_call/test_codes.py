"""A code on the screen of a person: sent to one contact, seen on its way, typed, and the contact is proven."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import Connection

from alerting import contact_code, desk
from alerting.notifiers.contract import Arrived, Undelivered
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import verification
from heartbeat.actor import Role
from heartbeat.app import System
from tests.unit.access.conftest import PASSWORD, add
from tests.unit.conftest import NOW
from tests.unit.http.conftest import CONTACTS, SECRET_KEY, SetClock, visitor
from tests.unit.http.console.conftest import BROWSER, press, see

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgres"])

PATH = "/on-call/people/first"
TERMINAL = CONTACTS[0]
AT = f"{PATH}/contacts/{TERMINAL.mark}"
PHONE, HOOK = Contact("sms", "+15005550001"), Contact("webhook", "https://hooks.example.com/x")
BEN = Person("ben", "Ben", (PHONE, HOOK), origin=Origin.API)


@pytest.fixture
async def own(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of the viewer who is the person `first`, signed in."""
    await system.context.database.write(lambda db: add(db, "first", Role.VIEWER))
    await system.context.database.write(lambda db: desk.define_person(db, BEN))
    async with visitor(system, **BROWSER) as client:
        answer = await client.post("/sign-in", data={"name": "first", "password": PASSWORD})
        assert answer.status_code == 303
        yield client


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the code that the terminal of the person shows."""
    found = re.search(r"(\d{6}) is the code for First responder", capsys.readouterr().out)
    assert found is not None
    return found[1]


async def sent_before(system: System, code: str = "482913") -> None:
    """A code was sent to Ben's phone."""
    code_hash = verification.hashed(SECRET_KEY, "ben", PHONE.mark, code)

    def work(db: Connection) -> None:
        number = desk.contact_code_store.add(db, "ben", PHONE, code_hash, NOW)
        desk.contact_code_store.record(db, number, "accepted", "201 Created", "SM1")

    await system.context.database.write(work)


async def test_a_viewer_proves_their_own_contact(
    own: httpx.AsyncClient, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    page = await see(own, PATH)
    assert "Send a code" in page.words
    untried = page.words.count("nothing sent lately")
    answer = await press(own, f"{AT}/verify")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}#contact-{TERMINAL.mark}")
    page = await see(own, PATH)
    assert "A code was sent just now" in page.words
    assert page.words.count("nothing sent lately") == untried - 1
    assert "It counts until 03:10 UTC." in page.words
    assert 'autocomplete="one-time-code"' in page.html
    clock.advance(minutes=2)
    code = printed(capsys)
    assert code not in page.html
    answer = await press(own, f"{AT}/confirm", code=f"{code[:3]} {code[3:]}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}#contact-{TERMINAL.mark}")
    page = await see(own, PATH)
    assert "Proven 03:02 UTC: a test page or a code arrived." in page.words
    assert "It counts until" not in page.words


async def test_a_wrong_code_is_said_beside_its_field(
    own: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await press(own, f"{AT}/verify")
    wrong = f"{(int(printed(capsys)) + 1) % 10**6:06}"
    answer = await press(own, f"{AT}/confirm", code=wrong)
    assert answer.status_code == 422
    assert (
        "code: this is not the one that was sent last. Nothing was changed: 4 tries are left." in answer.text
    )
    assert 'aria-invalid="true"' in answer.text
    assert "data-live" not in answer.text, "the address of the answer cannot be fetched"
    answer = await press(own, f"{AT}/confirm", code="hello")
    assert "code: must be the 6 digits that arrived, such as 482913." in answer.text
    for _ in range(contact_code.TRIES):
        answer = await press(own, f"{AT}/confirm", code=wrong)
    assert "Nothing was changed: send another code." in answer.text


async def test_a_button_that_is_pressed_twice_sends_one_code(own: httpx.AsyncClient) -> None:
    await press(own, f"{AT}/verify")
    answer = await press(own, f"{AT}/verify")
    assert answer.status_code == 429
    assert "Nothing was sent: this contact can get another code in 30 s." in answer.text


async def test_nobody_proves_contacts_of_others_but_an_admin_beside_them(
    system: System, own: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await sent_before(system)
    bens = f"/on-call/people/ben/contacts/{PHONE.mark}"
    assert "Send a code" not in (await see(own, "/on-call/people/ben")).words
    for verb in ("verify", "confirm"):
        answer = await press(own, f"{bens}/{verb}", code="482913")
        assert answer.status_code == 403
        assert "You need the admin role to prove contacts of other people." in answer.text
    assert "The code" not in (await see(own, "/on-call/people/ben")).words
    answer = await press(browser, f"{bens}/confirm", code="482913")
    assert answer.status_code == 303
    assert "Proven 03:00 UTC" in (await see(own, "/on-call/people/ben")).words


async def test_who_waits_sees_that_the_code_arrived_or_did_not(
    system: System, own: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await sent_before(system)
    page = await see(browser, "/on-call/people/ben")
    assert "A code was sent just now: 201 Created." in page.words
    live = re.search(r'data-live="([^"]*)"', page.html)
    assert live is not None
    assert "topic=codes" in live[1]
    for report, words in (
        (Arrived("SM1"), "The code of 03:00 UTC was delivered"),
        (Undelivered("SM1", "the phone is switched off"), "was not delivered: the phone is switched off."),
    ):
        await system.context.database.write(lambda db, report=report: desk.receipt(db, "sms", report, NOW, 0))  # type: ignore[misc]  # a lambda
        page = await see(browser, "/on-call/people/ben")
        assert words in page.words


async def test_a_refused_code_has_no_field_and_says_why(system: System, browser: httpx.AsyncClient) -> None:
    await press(browser, f"{PATH}/contacts/{CONTACTS[2].mark}/verify")
    page = await see(browser, PATH)
    assert "The code of 03:00 UTC was not delivered" in page.words
    assert "Send another code" in page.words
    assert "one-time-code" not in page.html


async def test_machines_get_no_code_and_what_is_gone_is_not_found(
    own: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    assert f"contacts/{HOOK.mark}" not in (await see(browser, "/on-call/people/ben")).html
    answer = await press(browser, f"/on-call/people/ben/contacts/{HOOK.mark}/verify")
    assert answer.status_code == 422
    assert "what webhook gets, a machine reads" in answer.text
    for path in (
        f"/on-call/people/nobody/contacts/{PHONE.mark}",
        f"{PATH}/contacts/{PHONE.mark}",
        f"{PATH}/contacts/%00",
    ):
        for verb in ("verify", "confirm"):
            assert (await press(browser, f"{path}/{verb}", code="482913")).status_code == 404


async def test_a_form_of_another_session_sends_no_code(
    system: System, own: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (await own.post(f"{AT}/verify", data={"csrf": "forged"})).status_code == 403
    assert "is the code" not in capsys.readouterr().out
