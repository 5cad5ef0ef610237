"""Channels are added, changed and taken away on the console, without a line of script."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import audit, vault
from heartbeat.app import System
from heartbeat.http.console import definition_form
from tests.unit.http.console.conftest import press, see
from tests.unit.http.console.on_call.test_person_form import HOOK
from tests.unit.http.markup import sound

ROOM: dict[str, Any] = {
    "slug": "room",
    "name": "Ops room",
    "timezone": "Europe/London",
    "kind": ["slack", "ntfy"],
    "address": [HOOK, "https://ntfy.example.com/room"],
    "keeps": ["", ""],
}


async def channel(system: System, name: str = "room") -> Person | None:
    return (await system.context.database.read(desk.people)).get(name)


async def test_a_channel_is_added_and_its_secret_never_comes_out(
    system: System, browser: httpx.AsyncClient
) -> None:
    assert "/on-call/new-channel" in (await see(browser, "/on-call")).links
    new = await see(browser, "/on-call/new-channel")
    assert not {"user", "quiet_hours"} & new.fields.keys(), "a room neither signs in nor sleeps"
    assert "Contact 1: for" not in new.html
    done = await press(browser, "/on-call/new-channel", **ROOM)
    assert (done.status_code, done.headers["location"]) == (303, "/on-call/channels/room")
    made = await channel(system)
    assert made is not None
    assert (made.channel, made.name, made.timezone) == (True, "Ops room", "Europe/London")
    assert vault.is_sealed(made.contacts[0].address)
    deeds = await system.context.database.read(lambda db: audit.listed(db, limit=1))
    assert [(deed.action, deed.target) for deed in deeds] == [("channel.make", "channel room")]
    for path in ("/on-call", "/on-call/channels/room", "/on-call/channels/room/edit", "/audit"):
        assert "SECRET" not in (await see(browser, path)).html
    shown = await see(browser, "/on-call/channels/room")
    assert "No policy pages this channel, through slack, then ntfy." in shown.words
    assert {"/on-call/channels/room/edit", "/on-call/channels/room/delete"} <= set(shown.links)
    listed = await see(browser, "/on-call")
    assert "/on-call/channels/room" in listed.links
    assert "/on-call/people/room" not in listed.links


async def test_a_channel_is_not_shown_as_a_person(system: System, browser: httpx.AsyncClient) -> None:
    await press(browser, "/on-call/new-channel", **ROOM)
    sent_on = await browser.get("/on-call/people/room")
    assert (sent_on.status_code, sent_on.headers["location"]) == (303, "/on-call/channels/room")
    for path in ("people/room/edit", "people/room/delete", "channels/first", "channels/first/edit"):
        await see(browser, f"/on-call/{path}", 404)
    tested = await press(browser, "/on-call/people/room/test-page")
    assert tested.headers["location"] == "/on-call/channels/room"


async def test_a_channel_is_changed_and_what_is_not_touched_is_kept(
    system: System, browser: httpx.AsyncClient
) -> None:
    await press(browser, "/on-call/new-channel", **ROOM)
    before = await channel(system)
    assert before is not None
    path = "/on-call/channels/room/edit"
    mark = (await see(browser, path)).fields["before"]
    fields = ROOM | {"name": "Room", "address": ["", "https://ntfy.example.com/b"], "keeps": ["0", ""]}
    assert (await press(browser, path, **fields, before=mark)).status_code == 303
    after = await channel(system)
    assert after is not None
    assert after.name == "Room"
    assert after.contacts == (before.contacts[0], Contact("ntfy", "https://ntfy.example.com/b"))
    late = await press(browser, path, **fields, before=mark)
    assert late.status_code == 422
    assert definition_form.CHANGED in sound(late.text).words


@pytest.mark.parametrize(
    ("changes", "words", "about"),
    [
        ({"kind": [], "address": [], "keeps": []}, "Contacts: needs at least one", "contacts"),
        ({"address": [HOOK, "http://127.0.0.1/room"]}, "Contact 2:", "contact-1"),
        ({"address": [HOOK, "nowhere"]}, "Contact 2:", "contact-1"),
        ({"timezone": "Mars"}, "Time zone: 'Mars' is no time zone", "timezone"),
        ({"slug": "first"}, "Slug: there is a person of this name; choose another name.", "slug"),
    ],
)
async def test_a_problem_stands_beside_its_field_and_nothing_typed_is_lost(
    system: System, browser: httpx.AsyncClient, changes: dict[str, Any], words: str, about: str
) -> None:
    answer = await press(browser, "/on-call/new-channel", **(ROOM | changes))
    assert answer.status_code == 422
    shown = sound(answer.text)
    assert shown.words.count(words) == 2, "at the top, and beside the field"
    assert f'id="{about}-fault"' in shown.html
    assert shown.fields["name"] == "Ops room"
    assert await channel(system) is None


async def test_a_channel_is_deleted_unless_a_policy_pages_it(
    system: System, browser: httpx.AsyncClient
) -> None:
    await press(browser, "/on-call/new-channel", **ROOM)
    night = Policy("night", (Step(("room",), timedelta(minutes=5)),), Origin.API)
    await system.context.database.write(lambda db: desk.define_policy(db, night))
    assert "Paged by night, through slack, then ntfy." in (await see(browser, "/on-call/channels/room")).words
    policy = await see(browser, "/on-call/policies/night")
    assert "/on-call/channels/room" in policy.links
    refused = await press(browser, "/on-call/channels/room/delete")
    assert refused.status_code == 409
    assert "Policy night pages room: take room out of it first." in refused.text
    await system.context.database.write(lambda db: desk.forget_policy(db, "night"))
    assert (await press(browser, "/on-call/channels/room/delete")).headers["location"] == "/on-call"
    assert await channel(system) is None


async def test_a_channel_of_the_file_is_only_read(system: System, browser: httpx.AsyncClient) -> None:
    declared = Person("hall", "Hall", (Contact("console", "terminal"),), origin=Origin.FILE, channel=True)
    await system.context.database.write(lambda db: desk.define_person(db, declared))
    shown = await see(browser, "/on-call/channels/hall")
    assert not [link for link in shown.links if link.endswith(("/edit", "/delete"))]
    for deed in ("edit", "delete"):
        assert (
            "Hall is declared by heartbeat.yaml"
            in (await see(browser, f"/on-call/channels/hall/{deed}")).words
        )
        assert (await press(browser, f"/on-call/channels/hall/{deed}", **ROOM)).status_code == 409
