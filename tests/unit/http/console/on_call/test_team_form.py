"""Teams are added, changed and taken away on the console, without a line of script."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting import desk
from alerting.crew import Team
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Person
from heartbeat import audit
from heartbeat.app import System
from heartbeat.http.console import definition_form
from heartbeat.http.console.on_call import offers
from heartbeat.http.console.on_call.team_fields import TeamFields
from tests.unit.http.console.conftest import press, see
from tests.unit.http.console.on_call.test_person_form import BEN
from tests.unit.http.markup import sound

WEB: dict[str, Any] = {"slug": "web", "people": ["first", "ben"]}


async def team(system: System, name: str = "web") -> Team | None:
    return (await system.context.database.read(desk.teams)).get(name)


@pytest.fixture(autouse=True)
async def crew(system: System) -> None:
    """Ben, a channel, and a team of the file."""

    def work(db: Any) -> None:
        desk.define_person(db, BEN)
        desk.define_person(db, Person("room", "Room", BEN.contacts, origin=Origin.API, channel=True))
        desk.define_team(db, Team("declared", ("first",), Origin.FILE))

    await system.context.database.write(work)


async def test_a_team_is_added_and_shown(system: System, browser: httpx.AsyncClient) -> None:
    assert "/on-call/new-team" in (await see(browser, "/on-call")).links
    empty = await see(browser, "/on-call/new-team")
    assert "Ben by ntfy" in empty.words
    assert "Room" not in empty.words, "a channel is nobody"
    done = await press(browser, "/on-call/new-team", **WEB)
    assert (done.status_code, done.headers["location"]) == (303, "/on-call/teams/web")
    assert await team(system) == Team("web", ("first", "ben"))
    shown = await see(browser, "/on-call/teams/web")
    assert "No policy pages this team." in shown.words
    assert {"/on-call/people/ben", "/on-call/teams/web/edit", "/on-call/teams/web/delete"} <= set(shown.links)
    listed = (await see(browser, "/on-call")).words
    assert "web : First responder and Ben" in listed
    deeds = await system.context.database.read(lambda db: audit.listed(db, limit=1))
    assert [(deed.action, deed.target) for deed in deeds] == [("team.make", "team web")]


async def test_a_team_is_changed_and_keeps_its_order(system: System, browser: httpx.AsyncClient) -> None:
    await press(browser, "/on-call/new-team", slug="web", people="ben, first")
    path = "/on-call/teams/web/edit"
    mark = (await see(browser, path)).fields["before"]
    assert (await press(browser, path, people=["first", "ben"], before=mark)).status_code == 303
    assert await team(system) == Team("web", ("ben", "first"))
    assert (await press(browser, path, people="ben", before=mark)).status_code == 303
    assert await team(system) == Team("web", ("ben",))
    late = await press(browser, path, people="first", before=mark)
    assert late.status_code == 422
    assert definition_form.CHANGED in sound(late.text).words
    assert await team(system) == Team("web", ("ben",))


@pytest.mark.parametrize(
    ("fields", "words", "about"),
    [
        ({"slug": "web"}, "People: needs at least one, such as [anna, ben].", "people"),
        (
            {"slug": "web", "people": "frist"},
            "People: there is no person 'frist'; did you mean 'first'?",
            "people",
        ),
        ({"slug": "web", "people": "room"}, "People: there is no person 'room'", "people"),
        ({"slug": "W", "people": "ben"}, "'W' cannot be a name", "slug"),
        (
            {"slug": "ben", "people": "ben"},
            "Slug: there is a person of this name; choose another",
            "slug",
        ),
        ({"slug": "declared", "people": "ben"}, "there is a team called declared already", "slug"),
    ],
)
async def test_a_problem_stands_beside_its_field_and_nothing_typed_is_lost(
    system: System, browser: httpx.AsyncClient, fields: dict[str, Any], words: str, about: str
) -> None:
    answer = await press(browser, "/on-call/new-team", **fields)
    assert answer.status_code == 422
    shown = sound(answer.text)
    assert shown.words.count(words) == 2, "at the top, and beside the field"
    assert f'id="{about}-fault"' in shown.html
    assert f"#{about}" in shown.links
    assert shown.fields["slug"] == fields["slug"]
    for name in fields.get("people", "").split():
        assert f'value="{name}" checked' in shown.html
    assert await team(system) is None


async def test_names_are_written_if_there_are_many(system: System, browser: httpx.AsyncClient) -> None:
    def many(db: Any) -> None:
        for number in range(offers.TICKED):
            desk.define_person(db, Person(f"p{number}", f"P {number}", BEN.contacts, origin=Origin.API))

    await system.context.database.write(many)
    answer = await press(browser, "/on-call/new-team", slug="web", people="p1, p99")
    shown = sound(answer.text)
    assert shown.fields["people"] == "p1, p99"
    assert "there is no person 'p99'" in shown.words
    assert (await press(browser, "/on-call/new-team", slug="web", people="p1, p2")).status_code == 303
    assert await team(system) == Team("web", ("p1", "p2"))


async def test_a_team_is_deleted_unless_a_policy_pages_it(system: System, browser: httpx.AsyncClient) -> None:
    await press(browser, "/on-call/new-team", **WEB)
    night = Policy("night", (Step(("web",), timedelta(minutes=5)),), Origin.API)
    await system.context.database.write(lambda db: desk.define_policy(db, night))
    assert "Paged by night: everybody in it at once." in (await see(browser, "/on-call/teams/web")).words
    refused = await press(browser, "/on-call/teams/web/delete")
    assert refused.status_code == 409
    assert "Policy night pages web: take web out of it first." in refused.text
    person = await press(browser, "/on-call/people/ben/delete")
    assert "Team web has ben: take ben out of it first." in person.text
    await system.context.database.write(lambda db: desk.forget_policy(db, "night"))
    assert "Delete web?" in (await see(browser, "/on-call/teams/web/delete")).words
    assert (await press(browser, "/on-call/teams/web/delete")).headers["location"] == "/on-call"
    assert await team(system) is None


async def test_a_team_of_the_file_is_only_read(system: System, browser: httpx.AsyncClient) -> None:
    shown = await see(browser, "/on-call/teams/declared")
    assert not [link for link in shown.links if link.endswith(("/edit", "/delete"))]
    assert "Declared by heartbeat.yaml" in shown.words
    for deed in ("edit", "delete"):
        told = await see(browser, f"/on-call/teams/declared/{deed}")
        assert "declared is declared by heartbeat.yaml" in told.words
        assert (await press(browser, f"/on-call/teams/declared/{deed}", people="ben")).status_code == 409
    assert await team(system, "declared") == Team("declared", ("first",))
    for path in ("", "/edit", "/delete"):
        await see(browser, f"/on-call/teams/nope{path}", 404)


def test_a_problem_of_something_else_stays_as_it_is() -> None:
    assert TeamFields().located(["slug: is taken.", "else"]) == [("slug", "Slug: is taken."), ("", "else")]
