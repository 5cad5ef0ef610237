"""The catch-all is chosen, changed and taken away on the console, without a line of script."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting import desk
from alerting.crew import CatchAll
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Person
from heartbeat import audit
from heartbeat.app import System
from heartbeat.http.console import definition_form
from heartbeat.http.console.on_call import offers
from heartbeat.http.console.on_call.catch_all_fields import CatchAllFields
from tests.unit.http.console.conftest import press, see
from tests.unit.http.console.on_call.test_person_form import BEN
from tests.unit.http.markup import sound

PATH = "/on-call/catch-all"
ONLY_THE_TERMINAL = "If nobody of a policy can be reached, pages go only to the terminal of the service."


async def stored(system: System) -> CatchAll | None:
    return await system.context.database.read(desk.catch_all)


@pytest.fixture(autouse=True)
async def crew(system: System) -> None:
    """Ben, a channel, and a policy that reaches nobody."""
    idle = Policy("idle", (Step(("gone",), timedelta(minutes=5)),), Origin.API)

    def work(db: Any) -> None:
        desk.define_person(db, BEN)
        desk.define_person(db, Person("room", "Room", BEN.contacts, origin=Origin.API, channel=True))
        desk.define_policy(db, idle)

    await system.context.database.write(work)


async def test_it_is_chosen_and_shown(system: System, browser: httpx.AsyncClient) -> None:
    listed = await see(browser, "/on-call")
    assert ONLY_THE_TERMINAL in listed.words
    assert {PATH, f"{PATH}/edit"} <= set(listed.links)
    bare = await see(browser, PATH)
    assert "Names none Defined by nobody yet" in bare.words
    assert f"{PATH}/delete" not in bare.links
    empty = await see(browser, f"{PATH}/edit")
    assert "Choose the catch-all" in empty.words
    assert "Ben by ntfy" in empty.words
    assert "Room by ntfy" in empty.words
    done = await press(browser, f"{PATH}/edit", page=["ben", "room"])
    assert (done.status_code, done.headers["location"]) == (303, PATH)
    assert await stored(system) == CatchAll(("ben", "room"))
    shown = await see(browser, PATH)
    assert "pages go to Ben and Room" in shown.words
    assert "Names ben, room Defined by admin, on the console" in shown.words
    assert {"/on-call/people/ben", "/on-call/channels/room", "/audit?target=catch_all"} <= set(shown.links)
    assert {f"{PATH}/edit", f"{PATH}/delete"} <= set(shown.links)
    assert "pages go to Ben and Room" in (await see(browser, "/on-call")).words
    assert "pages go to Ben and Room, the catch-all" in (await see(browser, "/on-call/policies/idle")).words
    assert "They are in the catch-all" in (await see(browser, "/on-call/people/ben")).words
    assert "It is in the catch-all" in (await see(browser, "/on-call/channels/room")).words
    (entry,) = await system.context.database.read(lambda db: audit.listed(db, limit=1))
    assert (entry.action, entry.target) == ("catch_all.make", "catch_all")


async def test_a_policy_that_reaches_nobody_says_that_the_catch_all_is_paged(
    browser: httpx.AsyncClient,
) -> None:
    words = (await see(browser, "/on-call/policies/idle")).words
    assert "nobody so the catch-all is paged at once" in words
    assert "the next step that reaches somebody" not in words


async def test_it_is_changed_unless_somebody_else_did_meanwhile(
    system: System, browser: httpx.AsyncClient
) -> None:
    assert (await press(browser, f"{PATH}/edit", page="ben", before="")).status_code == 303
    late = await press(browser, f"{PATH}/edit", page="room", before="")
    assert late.status_code == 422
    assert definition_form.CHANGED in sound(late.text).words
    assert await stored(system) == CatchAll(("ben",))
    mark = (await see(browser, f"{PATH}/edit")).fields["before"]
    assert (await press(browser, f"{PATH}/edit", page="room", before=mark)).status_code == 303
    assert await stored(system) == CatchAll(("room",))


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ([], "Whom it pages: needs at least one, such as anna."),
        (
            ["firts"],
            "Whom it pages: there is no person, rotation, team or channel 'firts'; did you mean 'first'?",
        ),
    ],
)
async def test_a_problem_stands_beside_its_field(
    system: System, browser: httpx.AsyncClient, page: list[str], words: str
) -> None:
    answer = await press(browser, f"{PATH}/edit", page=page)
    assert answer.status_code == 422
    shown = sound(answer.text)
    assert shown.words.count(words) == 2, "at the top, and beside the field"
    assert 'id="page-fault"' in shown.html
    assert await stored(system) is None


async def test_names_are_written_if_there_are_many(system: System, browser: httpx.AsyncClient) -> None:
    def many(db: Any) -> None:
        for number in range(offers.TICKED):
            desk.define_person(db, Person(f"p{number}", f"P {number}", BEN.contacts, origin=Origin.API))

    await system.context.database.write(many)
    answer = await press(browser, f"{PATH}/edit", page="p1, p99")
    assert sound(answer.text).fields["page"] == "p1, p99"
    assert (await press(browser, f"{PATH}/edit", page="p1, p2")).status_code == 303
    assert await stored(system) == CatchAll(("p1", "p2"))


async def test_it_is_deleted(system: System, browser: httpx.AsyncClient) -> None:
    await press(browser, f"{PATH}/edit", page="ben")
    refused = await press(browser, "/on-call/people/ben/delete")
    assert "The catch-all pages ben: take ben out of it first." in refused.text
    assert "Delete the catch-all?" in (await see(browser, f"{PATH}/delete")).words
    assert (await press(browser, f"{PATH}/delete")).headers["location"] == "/on-call"
    assert await stored(system) is None
    assert (await press(browser, f"{PATH}/delete")).status_code == 404
    await see(browser, f"{PATH}/delete", 404)


async def test_whoever_cannot_be_reached_is_named(system: System, browser: httpx.AsyncClient) -> None:
    gone = CatchAll(("gone",), Origin.API)
    await system.context.database.write(lambda db: desk.define_catch_all(db, gone))
    for path in (PATH, "/on-call"):
        words = (await see(browser, path)).words
        assert ONLY_THE_TERMINAL in words
        assert "Not reached: gone (unknown, or without a contact)." in words


async def test_that_of_the_file_is_only_read(system: System, browser: httpx.AsyncClient) -> None:
    await system.context.database.write(lambda db: desk.define_catch_all(db, CatchAll(("first",))))
    shown = await see(browser, PATH)
    assert not [link for link in shown.links if link.endswith(("/edit", "/delete"))]
    assert "Defined by heartbeat.yaml" in shown.words
    for deed in ("edit", "delete"):
        told = await see(browser, f"{PATH}/{deed}")
        assert "The catch-all is declared by heartbeat.yaml" in told.words
        assert "catch_all: at its top and run" in told.words
        assert (await press(browser, f"{PATH}/{deed}", page="ben")).status_code == 409
    assert await stored(system) == CatchAll(("first",))


def test_a_problem_of_something_else_stays_as_it_is() -> None:
    assert CatchAllFields().located(["page[1]: no.", "else"]) == [
        ("page", "Whom it pages: no."),
        ("", "else"),
    ]
