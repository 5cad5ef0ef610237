"""The link in a test page: GET asks and changes nothing, POST proves that the page arrived."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from alerting import desk
from alerting.desk import Proof
from alerting.person import Contact
from heartbeat import audit, signed_link
from heartbeat.app import System
from heartbeat.http.callbacks import proof_link
from heartbeat.signed_link import TestedContact
from tests.unit.conftest import NOW
from tests.unit.http.conftest import CONTACTS, SECRET_KEY, SECRET_KEY_BEFORE, SetClock, visitor
from tests.unit.http.markup import sound

CONSOLE = CONTACTS[0]


@pytest.fixture
async def phone(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of a phone; nobody has signed in on it."""
    async with visitor(system, accept="text/html") as browser:
        yield browser


def address(contact: Contact = CONSOLE, person: str = "first", key: str = SECRET_KEY) -> str:
    return f"/answer/test/{signed_link.sign_test(key, TestedContact(person, contact.mark, NOW))}"


async def proof(system: System) -> Proof:
    proofs = await system.context.database.read(desk.contact_proofs)
    return proofs.get(("first", CONSOLE.mark), desk.NO_PROOF)


async def test_looking_asks_and_proves_nothing(system: System, phone: httpx.AsyncClient) -> None:
    answer = await phone.get(address())
    page = sound(answer.text)
    assert "Did the test page reach you, First responder?" in page.words
    assert "It was sent by console at 03:00 UTC. Nothing is wrong." in page.words
    assert page.forms == [""]
    await phone.head(address())
    assert await proof(system) == desk.NO_PROOF


async def test_pressing_proves_the_contact_once_and_says_when(
    system: System, phone: httpx.AsyncClient, clock: SetClock
) -> None:
    clock.advance(minutes=2)
    answer = await phone.post(address())
    assert (answer.status_code, answer.headers["location"]) == (303, address())
    page = sound((await phone.get(address())).text)
    assert "Pages reach First responder by console" in page.words
    assert "You said so at 03:02 UTC." in page.words
    assert page.forms == []
    assert (await proof(system)).proven_at == NOW + timedelta(minutes=2)
    (entry,) = await system.context.database.read(lambda db: audit.listed(db, limit=10))
    assert (entry.actor, entry.via, entry.action, entry.target, entry.after) == (
        "First responder",
        "signed link",
        "person.prove",
        "person first",
        {"contact": "console"},
    )


async def test_a_button_outside_of_a_browser_gets_one_line(system: System, client: httpx.AsyncClient) -> None:
    answer = await client.post(address(key=SECRET_KEY_BEFORE))
    assert (answer.status_code, answer.text) == (200, f"{proof_link.THANKS}\n")
    as_json = await client.post(address(), headers={"accept": "application/json"})
    assert as_json.json() == {"outcome": "proven", "words": proof_link.THANKS}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (address(key="another key of another installation"), "made by another installation"),
        ("/answer/test/nonsense", "This link is"),
        (address(Contact("email", "old@example.com")), "This contact has changed"),
        (address(person="nobody"), "This contact has changed"),
    ],
)
async def test_a_link_that_cannot_be_used_says_why(
    system: System, phone: httpx.AsyncClient, client: httpx.AsyncClient, path: str, why: str
) -> None:
    for answer in (await phone.get(path), await phone.post(path), await client.post(path)):
        assert answer.status_code == 410
        assert why in answer.text
    assert await system.context.database.read(desk.contact_proofs) == {}


async def test_a_link_expires(system: System, phone: httpx.AsyncClient, clock: SetClock) -> None:
    clock.advance(days=7)
    answer = await phone.post(address())
    assert answer.status_code == 410
    assert "This link has expired: send a new test page." in answer.text


async def test_the_link_of_a_test_answers_no_incident_and_the_other_way_round(
    phone: httpx.AsyncClient,
) -> None:
    token = address().rpartition("/")[2]
    assert (await phone.post(f"/answer/{token}")).status_code == 410
    answerer = signed_link.Answerer(1, 1, "first", NOW + timedelta(days=1))
    assert (await phone.post(f"/answer/test/{signed_link.sign(SECRET_KEY, answerer)}")).status_code == 410


async def test_a_proof_is_older_than_the_next_test_page(
    system: System, phone: httpx.AsyncClient, clock: SetClock
) -> None:
    await phone.post(address())
    later = TestedContact("first", CONSOLE.mark, NOW + timedelta(hours=1))
    clock.advance(hours=1)
    page = sound((await phone.get(f"/answer/test/{signed_link.sign_test(SECRET_KEY, later)}")).text)
    assert page.forms == [""]


def test_a_person_may_have_dots_in_their_name() -> None:
    tested = TestedContact("a.b.c", "0" * 16, NOW)
    assert signed_link.read_test([SECRET_KEY], signed_link.sign_test(SECRET_KEY, tested), NOW) == tested
