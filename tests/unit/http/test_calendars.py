"""Calendars over HTTP: the secret address opens one without a key, and nothing else does."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest
from icalendar import Calendar

from alerting import desk
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.rotation import Change, Layer, Length, Override, Rotation
from heartbeat import audit
from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.http import calendars
from heartbeat.logs import Censor
from heartbeat.on_call import calendar_link
from tests.unit.access.conftest import PASSWORD, add
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SECRET_KEY, SECRET_KEY_BEFORE, SetClock, visitor
from tests.unit.http.console.conftest import BROWSER, press

MAIL = (Contact("email", "a@example.com"),)
ANNA = Person("anna-b", "Anna Berg", MAIL, user="anna")
BEN = Person("ben", "Ben", MAIL)
BEGINS = NOW.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
INFRA = Rotation(
    "infra", "Europe/Berlin", (Layer(("anna-b", "ben"), Length.parse("1d"), BEGINS),), Origin.API
)
ADDRESSES = {"rotation": "/v1/rotations/infra/calendar", "person": "/v1/people/anna-b/calendar"}
NOWHERE = f"/calendars/1.{'0' * 16}.{'0' * 64}.ics"


@pytest.fixture(autouse=True)
async def _furnished(system: System) -> None:
    def define(db: object) -> None:
        desk.install(db, [ANNA, BEN], [], {})  # type: ignore[arg-type]
        desk.define_rotation(db, INFRA)  # type: ignore[arg-type]
        add(db, "anna", Role.RESPONDER)  # type: ignore[arg-type]
        add(db, "ben", Role.VIEWER)  # type: ignore[arg-type]
        add(db, "olga", Role.ADMIN)  # type: ignore[arg-type]

    await system.context.database.write(define)


@pytest.fixture
async def stranger(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """A calendar program, which has no key."""
    async with visitor(system) as made:
        yield made


@pytest.fixture
async def browsers(system: System) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """The browsers of Anna, a responder, of Ben, a viewer, and of Olga, an admin."""
    names = ("anna", "ben", "olga")
    async with AsyncExitStack() as stack:
        opened = {name: await stack.enter_async_context(visitor(system, **BROWSER)) for name in names}
        for name, browser in opened.items():
            await browser.post("/sign-in", data={"name": name, "password": PASSWORD})
        yield opened


async def made(admin: httpx.AsyncClient, subject: str) -> str:
    """Return the path of a new address."""
    answer = await admin.put(ADDRESSES[subject])
    assert answer.is_success, answer.text
    return str(answer.json()["url"]).removeprefix("http://test")


async def text_of(browser: httpx.AsyncClient, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status_code == 200
    return answer.text


def titles(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {str(event["SUMMARY"]) for event in Calendar.from_ical(answer.content).events}


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_calendar_shows_who_is_on_call(admin: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    of_rotation = await stranger.get(await made(admin, "rotation"))
    assert of_rotation.headers["content-type"] == "text/calendar; charset=utf-8"
    assert titles(of_rotation) == {"Anna Berg on call (infra)", "Ben on call (infra)"}
    assert titles(await stranger.get(await made(admin, "person"))) == {"On call: infra"}


async def test_a_calendar_shows_what_the_rotation_says_after_a_change(
    system: System, admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    address = await made(admin, "person")
    before = await stranger.get(address)
    leave = Override(Change.REMOVE, NOW - timedelta(days=99), NOW + timedelta(days=200), off="anna-b")
    await system.context.database.write(lambda db: desk.add_override(db, None, leave, "Anna", NOW))
    assert titles(before) == {"On call: infra"}
    assert titles(await stranger.get(address)) == set()


async def test_a_program_that_has_the_calendar_gets_it_only_once_it_changes(
    system: System, admin: httpx.AsyncClient, stranger: httpx.AsyncClient, clock: SetClock
) -> None:
    address = await made(admin, "rotation")
    first = await stranger.get(address)
    assert first.headers["cache-control"] == "private, max-age=300"
    clock.advance(hours=2)
    again = await stranger.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    cover = Override(Change.REPLACE, NOW, NOW + timedelta(hours=5), on="ben")
    await system.context.database.write(lambda db: desk.add_override(db, "infra", cover, "Anna", NOW))
    changed = await stranger.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert (await stranger.head(address)).headers["etag"] == changed.headers["etag"]


@pytest.mark.parametrize("subject", ADDRESSES)
async def test_a_revoked_address_leads_nowhere_and_a_renewed_one_is_another(
    subject: str, admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    address = await made(admin, subject)
    assert await made(admin, subject) == address, "a repeated request makes no other one"
    assert (await admin.get(ADDRESSES[subject])).json()["url"] == f"http://test{address}"
    assert (await admin.delete(ADDRESSES[subject])).status_code == 204
    for path in (address, NOWHERE, "/calendars/x.ics", address.replace("/1.", "/2.")):
        answer = await stranger.get(path)
        assert answer.status_code == 404, path
        assert answer.text.startswith("There is no calendar at this address.")
    assert (await admin.delete(ADDRESSES[subject])).status_code == 404
    assert (await admin.get(ADDRESSES[subject])).status_code == 404
    renewed = await made(admin, subject)
    assert renewed != address
    assert (await stranger.get(address)).status_code == 404
    assert (await stranger.get(renewed)).status_code == 200


async def test_the_address_of_a_feed_that_has_another_nonce_leads_nowhere(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    path = await made(admin, "rotation")
    number = int(path.removeprefix("/calendars/").partition(".")[0])
    replaced = calendar_link.address("", SECRET_KEY, calendar_link.Ticket(number, "0" * 16))
    assert (await stranger.get(replaced)).status_code == 404, "a restored database gives a number again"
    assert (await stranger.get(path)).status_code == 200


async def test_an_address_goes_on_to_work_after_the_secret_was_replaced(
    system: System, admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    path = await made(admin, "rotation")
    ticket = calendar_link.read((SECRET_KEY,), path.removeprefix("/calendars/").removesuffix(".ics"))
    assert ticket is not None
    earlier = calendar_link.address("", SECRET_KEY_BEFORE, ticket)
    assert earlier != path
    assert (await stranger.get(earlier)).status_code == 200


async def test_a_calendar_of_nobody_cannot_be_made(admin: httpx.AsyncClient) -> None:
    for path in ("/v1/rotations/web/calendar", "/v1/people/carl/calendar"):
        answer = await admin.put(path)
        assert (answer.status_code, "There is no " in answer.text) == (404, True)


async def test_an_address_goes_with_its_rotation_and_does_not_come_back(
    system: System, admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    address = await made(admin, "rotation")
    assert (await admin.delete("/v1/rotations/infra")).status_code == 204
    assert (await stranger.get(address)).status_code == 404
    await system.context.database.write(lambda db: desk.define_rotation(db, INFRA))
    assert (await stranger.get(address)).status_code == 404


async def test_the_address_of_somebody_whose_user_is_disabled_leads_nowhere(
    system: System, admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    address = await made(admin, "person")
    assert (await stranger.get(address)).status_code == 200
    assert (await admin.post("/v1/users/anna/disable")).is_success
    assert (await stranger.get(address)).status_code == 404


async def test_one_network_address_fetches_a_bounded_number_of_calendars(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = await made(admin, "rotation")
    statuses = [(await stranger.get(address)).status_code for _ in range(calendars.TRIES + 1)]
    assert statuses == [200] * calendars.TRIES + [429]
    assert (await stranger.get(NOWHERE)).status_code == 404, "costs nothing, and tells nothing"
    clock.advance(minutes=1, seconds=1)
    assert (await stranger.get(address)).status_code == 200


async def test_nobody_else_gets_the_address_of_a_persons_calendar(
    system: System, browsers: dict[str, httpx.AsyncClient], admin: httpx.AsyncClient
) -> None:
    await made(admin, "person")
    assert (await browsers["anna"].get(ADDRESSES["person"])).status_code == 200
    refused = await browsers["ben"].get(ADDRESSES["person"])
    assert (refused.status_code, "Only the person themself" in refused.text) == (403, True)


async def test_a_viewer_does_not_see_the_address_of_a_rotations_calendar(
    browsers: dict[str, httpx.AsyncClient], admin: httpx.AsyncClient
) -> None:
    address = await made(admin, "rotation")
    assert address in await text_of(browsers["anna"], "/on-call/rotations/infra")
    assert address not in await text_of(browsers["ben"], "/on-call/rotations/infra")
    assert (await browsers["ben"].get(ADDRESSES["rotation"])).status_code == 403


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize(
    ("screen", "form"),
    [("/account", "/account/calendar"), ("/on-call/rotations/infra", "/on-call/rotations/infra/calendar")],
)
async def test_an_address_is_made_renewed_and_revoked_on_the_console(
    screen: str, form: str, browsers: dict[str, httpx.AsyncClient], system: System
) -> None:
    anna, shown = browsers["anna"], set()
    assert "/calendars/" not in await text_of(anna, screen)
    for _ in range(2):
        assert (await press(anna, form)).status_code == 303
        address = (await text_of(anna, screen)).partition("http://test/calendars/")[2].partition("<")[0]
        assert (await anna.get(f"/calendars/{address}")).status_code == 200
        shown.add(address)
    assert len(shown) == 2
    await press(anna, f"{form}/revoke")
    assert "/calendars/" not in await text_of(anna, screen)
    for address in shown:
        assert (await anna.get(f"/calendars/{address}")).status_code == 404
    actions = [
        entry.action for entry in await system.context.database.read(lambda db: audit.listed(db, limit=9))
    ]
    assert [action for action in actions if action.startswith("calendar.")] == [
        "calendar.revoke",
        "calendar.make",
        "calendar.revoke",
        "calendar.make",
    ]


async def test_an_admin_takes_the_address_of_somebody_else_away_without_seeing_it(
    browsers: dict[str, httpx.AsyncClient], admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    screen, form = "/on-call/people/anna-b", "/on-call/people/anna-b/calendar"
    olga = browsers["olga"]
    assert "secret address" not in await text_of(olga, screen)
    first = await made(admin, "person")
    shown = await text_of(olga, screen)
    assert "have a secret address, made by" in shown
    assert "/calendars/" not in shown
    assert "secret address" not in await text_of(browsers["ben"], screen)
    assert (await press(browsers["ben"], form)).status_code == 403
    assert (await press(olga, form)).headers["location"] == screen
    assert (await stranger.get(first)).status_code == 404
    second = (await admin.get(ADDRESSES["person"])).json()["url"].removeprefix("http://test")
    assert (await stranger.get(second)).status_code == 200
    assert (await press(olga, f"{form}/revoke")).headers["location"] == screen
    assert (await stranger.get(second)).status_code == 404
    assert (await press(olga, "/on-call/people/nobody/calendar")).status_code == 404


async def test_neither_the_log_nor_the_audit_log_has_an_address(
    system: System, admin: httpx.AsyncClient
) -> None:
    path = await made(admin, "rotation")
    secret = path.removeprefix("/calendars/").removesuffix(".ics")
    line = Censor().censored(f'GET http://test{path} "HTTP/1.1 200 OK"')
    assert "/calendars/…" in line
    assert secret not in line
    entries = await system.context.database.read(lambda db: audit.listed(db, limit=9))
    assert "calendar.make" in [entry.action for entry in entries]
    assert secret.rpartition(".")[2] not in str(entries)
