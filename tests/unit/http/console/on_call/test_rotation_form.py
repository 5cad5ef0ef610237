"""Rotations are added, changed and taken away on the console, without a line of script."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Person
from alerting.rotation import Change, Layer, Length, Override, Rotation, Window
from heartbeat import audit
from heartbeat.app import System
from heartbeat.http.console import definition_form
from heartbeat.http.console.on_call import offers
from tests.unit.conftest import NOW
from tests.unit.http.console.conftest import press, see
from tests.unit.http.console.on_call.test_person_form import BEN
from tests.unit.http.markup import sound

HOUR = timedelta(hours=1)
BEGINS = datetime.fromisoformat("2024-04-29T09:00")
INFRA: dict[str, Any] = {
    "slug": "infra",
    "timezone": "Europe/Berlin",
    "layers": "2",
    "people-0": ["ben", ""],
    "shift-0": "daily",
    "day-0": "2024-04-29",
    "at-0": "09:00",
    "times-0": "2",
    "days-0-0": ["mon", "fri"],
    "hours-0-0": "09:00-17:00",
    "hours-0-1": "",
    "people-1": ["first", "ben", ""],
    "shift-1": "weekly",
    "day-1": "2024-04-29",
    "at-1": "09:00",
    "times-1": "1",
    "hours-1-0": "",
}
MADE = Rotation(
    "infra",
    "Europe/Berlin",
    (
        Layer(("ben",), Length.parse("1d"), BEGINS, (Window((0, 4), 9 * HOUR, 17 * HOUR),)),
        Layer(("first", "ben"), Length.parse("1w"), BEGINS),
    ),
    Origin.API,
)
SOLE: dict[str, Any] = {
    "timezone": "UTC",
    "layers": "1",
    "people-0": "ben",
    "shift-0": "monthly",
    "day-0": "2024-04-01",
    "at-0": "",
}


async def rotation(system: System, name: str = "infra") -> Rotation | None:
    return (await system.context.database.read(desk.rotations)).get(name)


@pytest.fixture(autouse=True)
async def ben(system: System) -> None:
    await system.context.database.write(lambda db: desk.define_person(db, BEN))


async def test_a_rotation_is_seen_before_it_counts(system: System, browser: httpx.AsyncClient) -> None:
    assert "/on-call/new-rotation" in (await see(browser, "/on-call")).links
    empty = await see(browser, "/on-call/new-rotation")
    assert "Choose who takes turns, to see who is on call when." in empty.words
    assert empty.fields["day-0"] == "2024-04-29", "the Monday of this week"
    seen = sound((await press(browser, "/on-call/new-rotation", **INFRA, do="preview")).text)
    assert "Somebody is always on call." in seen.words
    assert "First responder now until Fri 03 May 09:00 CEST" in seen.words
    assert "Ben Fri 03 May 09:00 to 17:00 CEST" in seen.words
    assert await rotation(system) is None
    done = await press(browser, "/on-call/new-rotation", **INFRA)
    assert (done.status_code, done.headers["location"]) == (303, "/on-call/rotations/infra")
    assert await rotation(system) == MADE
    deeds = await system.context.database.read(lambda db: audit.listed(db, limit=1))
    assert [(deed.action, deed.target) for deed in deeds] == [("rotation.make", "rotation infra")]
    shown = await see(browser, "/on-call/rotations/infra")
    assert {"/on-call/rotations/infra/edit", "/on-call/rotations/infra/delete"} <= set(shown.links)
    assert "First responder, Ben, 1w each from 2024-04-29 09:00" in shown.words


async def test_a_gap_is_told_in_the_preview(browser: httpx.AsyncClient) -> None:
    fields = INFRA | {"layers": "1"}
    seen = sound((await press(browser, "/on-call/new-rotation", **fields, do="preview")).text)
    assert "Nobody is on call at 5 times, 12 days in all." in seen.words
    assert "nobody now until Fri 03 May 09:00 CEST" in seen.words


async def test_the_preview_of_a_rotation_counts_its_overrides_and_every_leave(
    system: System, browser: httpx.AsyncClient
) -> None:
    def work(db: Connection) -> None:
        desk.define_rotation(db, MADE)
        desk.add_override(db, "infra", Override(Change.REPLACE, NOW, NOW + HOUR, on="ben"), "x", NOW)
        leave = Override(Change.REMOVE, NOW + HOUR, NOW + 2 * HOUR, off="first")
        desk.add_override(db, None, leave, "x", NOW)

    await system.context.database.write(work)
    old = await see(browser, "/on-call/rotations/infra/edit")
    assert "Ben now until Fri 03 May 07:00 CEST" in old.words
    again = INFRA | {"slug": "web", "layers": "2", "people-0": "first"}
    new = sound((await press(browser, "/on-call/new-rotation", **again, do="preview")).text)
    assert "First responder now until Fri 03 May 06:00 CEST Ben Fri 03 May 06:00 to 07:00 CEST" in new.words


async def test_buttons_change_layers_and_what_is_in_them_and_nothing_is_saved(
    system: System, browser: httpx.AsyncClient
) -> None:
    async def after(button: str) -> Any:
        return sound((await press(browser, "/on-call/new-rotation", **INFRA, do=button)).text)

    more = await after("add")
    assert more.fields["layers"] == "3"
    assert (more.fields["day-2"], more.fields["at-2"]) == ("2024-04-29", "09:00")
    fewer = await after("drop:0")
    assert (fewer.fields["layers"], fewer.fields["shift-0"]) == ("1", "weekly")
    swapped = (await after("up:turn:1:1")).html
    second = swapped[swapped.index('id="layer-1"') :]
    assert second.index('value="ben" selected') < second.index('value="first" selected')
    alone = (await after("drop:turn:1:0")).html
    assert 'value="first" selected' not in alone
    longer = await after("add:time:1")
    assert longer.fields["times-1"] == "2"
    assert (await after("drop:time:0:0")).fields["hours-0-0"] == ""
    assert longer.fields["hours-0-0"] == "09:00-17:00", "what was typed stays"
    assert longer.html.count(' name="days-0-0" value="mon" checked') == 1
    assert await rotation(system) is None


@pytest.mark.parametrize(
    ("changes", "words", "about"),
    [
        ({"people-1": ["frist"]}, "Layer 2, people: there is no person 'frist'; did you mean", "people-1"),
        ({"people-0": [""]}, "Layer 1, people: needs at least one", "people-0"),
        ({"shift-0": "often"}, "Layer 1, length of a shift: 'often' is no length", "shift-0"),
        ({"day-1": ""}, "Layer 2, first shift: '09:00' is no time", "day-1"),
        ({"hours-0-1": "late"}, "Layer 1, times 2, hours: 'late' are no hours", "hours-0-1"),
        ({"timezone": "CET+1"}, "Time zone: 'CET+1' is no time zone", "timezone"),
        ({"slug": "ben"}, "Slug: there is a person of this name; choose another name.", "slug"),
        ({"slug": "I"}, "Slug: 'I' cannot be a name", "slug"),
    ],
)
async def test_a_problem_stands_beside_its_field_and_nothing_typed_is_lost(
    system: System, browser: httpx.AsyncClient, changes: dict[str, Any], words: str, about: str
) -> None:
    answer = await press(browser, "/on-call/new-rotation", **(INFRA | changes))
    assert answer.status_code == 422
    shown = sound(answer.text)
    assert shown.words.count(words) == 3, "at the top, beside the field, and in place of the preview"
    assert f'id="{about}"' in shown.html
    assert f'id="{about}-fault"' in shown.html
    assert f"#{about}" in shown.links
    typed = {name: value for name, value in (INFRA | changes).items() if isinstance(value, str)}
    assert typed.items() <= shown.fields.items() | {("times-0", "2")}
    assert ' name="days-0-0" value="fri" checked' in shown.html
    assert await rotation(system) is None


async def test_a_rotation_is_changed_and_a_late_form_is_not_lost(
    system: System, browser: httpx.AsyncClient
) -> None:
    await press(browser, "/on-call/new-rotation", **INFRA)
    path = "/on-call/rotations/infra/edit"
    mark = (await see(browser, path)).fields["before"]
    assert (await press(browser, path, **SOLE, before=mark)).status_code == 303
    sole = Layer(("ben",), Length.parse("1mo"), datetime.fromisoformat("2024-04-01T00:00"))
    assert await rotation(system) == Rotation("infra", "UTC", (sole,))
    late = await press(browser, path, **INFRA, before=mark)
    assert late.status_code == 422
    shown = sound(late.text)
    assert definition_form.CHANGED in shown.words
    assert shown.fields["shift-1"] == "weekly", "what was typed stays"
    assert await rotation(system) == Rotation("infra", "UTC", (sole,))
    assert (await press(browser, path, **INFRA, before=shown.fields["before"])).status_code == 303
    assert await rotation(system) == MADE


async def test_names_are_written_if_there_are_many(system: System, browser: httpx.AsyncClient) -> None:
    def many(db: Any) -> None:
        for number in range(offers.TICKED):
            desk.define_person(db, Person(f"p{number}", f"P {number}", BEN.contacts, origin=Origin.API))

    await system.context.database.write(many)
    fields = INFRA | {"people-1": "p1, p2, p1"}
    shown = sound((await press(browser, "/on-call/new-rotation", **fields, do="preview")).text)
    assert shown.fields["people-1"] == "p1, p2, p1"
    assert (await press(browser, "/on-call/new-rotation", **fields)).status_code == 303
    made = await rotation(system)
    assert made is not None
    assert made.layers[1].people == ("p1", "p2", "p1")


async def test_a_rotation_is_deleted_unless_a_policy_pages_it(
    system: System, browser: httpx.AsyncClient
) -> None:
    await press(browser, "/on-call/new-rotation", **INFRA)
    night = Policy("night", (Step(("infra",), timedelta(minutes=5)),), Origin.API)
    await system.context.database.write(lambda db: desk.define_policy(db, night))
    refused = await press(browser, "/on-call/rotations/infra/delete")
    assert refused.status_code == 409
    assert "Policy night pages infra: take infra out of it first." in refused.text
    person = await press(browser, "/on-call/people/ben/delete")
    assert "Rotation infra has ben: take ben out of it first." in person.text
    await system.context.database.write(lambda db: desk.forget_policy(db, "night"))
    asked = await see(browser, "/on-call/rotations/infra/delete")
    assert "Delete infra? Its overrides and proposed swaps are deleted too." in asked.words
    assert (await press(browser, "/on-call/rotations/infra/delete")).headers["location"] == "/on-call"
    assert await rotation(system) is None


async def test_a_rotation_of_the_file_is_only_read(system: System, browser: httpx.AsyncClient) -> None:
    declared = Rotation("declared", "UTC", MADE.layers, Origin.FILE)
    await system.context.database.write(lambda db: desk.define_rotation(db, declared))
    shown = await see(browser, "/on-call/rotations/declared")
    assert not [link for link in shown.links if link.endswith(("/edit", "/delete"))]
    assert "Declared by heartbeat.yaml" in shown.words
    for deed in ("edit", "delete"):
        assert (
            "declared is declared by heartbeat.yaml"
            in (await see(browser, f"/on-call/rotations/declared/{deed}")).words
        )
        assert (await press(browser, f"/on-call/rotations/declared/{deed}", **SOLE)).status_code == 409
    assert await rotation(system, "declared") == declared
    await see(browser, "/on-call/rotations/nope/edit", 404)


FEED = "https://calendar.example.com/hush/basic.ics"


async def test_a_layer_from_a_calendar_is_added_and_its_address_never_shown_again(
    system: System, browser: httpx.AsyncClient
) -> None:
    added = sound((await press(browser, "/on-call/new-rotation", **INFRA, do="add:calendar")).text)
    assert "Address of the calendar (iCal)" in added.words
    fields = INFRA | {"layers": "3", "ical-2": FEED, "mark-2": ""}
    wrong = await press(browser, "/on-call/new-rotation", **(fields | {"ical-2": "calendar"}))
    assert "Layer 3, address of the calendar: must be the address of a calendar" in sound(wrong.text).words
    assert (await press(browser, "/on-call/new-rotation", **fields)).status_code == 303
    made = await rotation(system)
    assert made is not None
    (calendar,) = made.calendars
    assert "hush" not in calendar.address
    form = await browser.get("/on-call/rotations/infra/edit")
    assert "hush" not in form.text
    assert "Leave it empty to keep the one that is stored." in form.text
    screen = await see(browser, "/on-call/rotations/infra")
    assert "The calendar of layer 3 has not been read yet. Until then, it has nobody on call." in screen.words

    mark = sound(form.text).fields["before"]
    kept = {"layers": "1", "ical-0": "", "mark-0": calendar.mark, "timezone": "UTC"}
    assert (await press(browser, "/on-call/rotations/infra/edit", before=mark, **kept)).status_code == 303
    changed = await rotation(system)
    assert changed is not None
    assert changed.layers == (calendar,)


async def test_another_address_of_a_calendar_is_a_change_that_is_not_lost(
    system: System, browser: httpx.AsyncClient
) -> None:
    fields = {"timezone": "UTC", "layers": "1", "mark-0": ""}
    await press(browser, "/on-call/new-rotation", slug="infra", **fields, **{"ical-0": FEED})
    path = "/on-call/rotations/infra/edit"
    shown = await see(browser, path)
    assert "A calendar that has not been read yet counts as empty here." in shown.words
    mark = shown.fields["before"]
    moved = fields | {"ical-0": f"{FEED}?moved"}
    assert (await press(browser, path, before=mark, **moved)).status_code == 303
    late = await press(browser, path, before=mark, **fields, **{"ical-0": f"{FEED}?late"})
    assert late.status_code == 422
    assert definition_form.CHANGED in sound(late.text).words


async def test_the_address_of_a_calendar_inside_is_refused_beside_its_field(
    browser: httpx.AsyncClient,
) -> None:
    fields = {"slug": "infra", "timezone": "UTC", "layers": "1", "ical-0": "https://10.0.0.1/x", "mark-0": ""}
    refused = sound((await press(browser, "/on-call/new-rotation", **fields)).text)
    assert (
        "Layer 1, address of the calendar: the address leads to 10.0.0.1, a private network" in refused.words
    )
