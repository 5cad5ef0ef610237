"""Adding, changing and taking away who can be paged, and policies, on the console, without a line of script."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import audit, installation, vault
from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.definitions.entry import MAX_STEPS
from heartbeat.http.console import definition_form
from heartbeat.http.console.on_call import offers
from tests.unit.access.conftest import PASSWORD, add
from tests.unit.http.conftest import make_check, visitor
from tests.unit.http.console.conftest import BROWSER, press, see
from tests.unit.http.markup import sound

HOOK = "https://hooks.slack.com/services/T0/B0/SECRET"
NEW: dict[str, Any] = {
    "slug": "anna",
    "name": "Anna",
    "timezone": "Europe/London",
    "kind": ["slack", "ntfy"],
    "address": [HOOK, "https://ntfy.example.com/anna"],
    "keeps": ["", ""],
}
NIGHT: dict[str, Any] = {
    "slug": "night",
    "rungs": "2",
    "page-0": "first",
    "wait-0": "5m",
    "page-1": ["first", "ben"],
    "wait-1": "15m",
}
BEN = Person("ben", "Ben", (Contact("ntfy", "https://ntfy.example.com/ben"),), origin=Origin.API)


async def person(system: System, name: str = "anna") -> Person | None:
    return (await system.context.database.read(desk.people)).get(name)


async def policy(system: System, name: str = "night") -> Policy | None:
    return (await system.context.database.read(desk.policies)).get(name)


async def deeds(system: System) -> list[tuple[str, str]]:
    found = await system.context.database.read(lambda db: audit.listed(db, limit=9))
    return [(deed.action, deed.target) for deed in found if deed.action != "sign_in"]


@pytest.fixture
async def ben(system: System) -> None:
    """Somebody whom the API has made."""
    await system.context.database.write(lambda db: desk.define_person(db, BEN))


async def test_somebody_is_added_and_a_secret_goes_in_and_never_comes_out(
    system: System, browser: httpx.AsyncClient
) -> None:
    assert "/on-call/new-person" in (await see(browser, "/on-call")).links
    done = await press(browser, "/on-call/new-person", **NEW)
    assert (done.status_code, done.headers["location"]) == (303, "/on-call/people/anna")
    made = await person(system)
    assert made is not None
    assert (made.name, made.timezone) == ("Anna", "Europe/London")
    assert [one.kind for one in made.contacts] == ["slack", "ntfy"]
    assert vault.is_sealed(made.contacts[0].address)
    assert made.contacts[1].address == "https://ntfy.example.com/anna"
    assert await deeds(system) == [("person.make", "person anna")]
    for path in ("/on-call", "/on-call/people/anna", "/on-call/people/anna/edit", "/audit"):
        assert "SECRET" not in (await see(browser, path)).html
    shown = await see(browser, "/on-call/people/anna")
    assert {"/on-call/people/anna/edit", "/on-call/people/anna/delete"} <= set(shown.links)


async def test_somebody_is_changed_and_what_is_not_touched_is_kept(
    system: System, browser: httpx.AsyncClient
) -> None:
    await press(browser, "/on-call/new-person", **NEW)
    before = await person(system)
    assert before is not None
    shown = await see(browser, "/on-call/people/anna/edit")
    assert "stored; type another to replace it" in shown.html
    fields = NEW | {"name": "Anna B", "address": ["", "https://ntfy.example.com/b"], "keeps": ["0", ""]}
    done = await press(browser, "/on-call/people/anna/edit", **fields, before=shown.fields["before"])
    assert done.status_code == 303, done.text
    after = await person(system)
    assert after is not None
    assert after.name == "Anna B"
    assert after.contacts == (before.contacts[0], Contact("ntfy", "https://ntfy.example.com/b"))


async def test_a_row_is_added_moved_and_taken_away_and_nothing_is_saved(
    system: System, browser: httpx.AsyncClient
) -> None:
    more = sound((await press(browser, "/on-call/new-person", **NEW, do="add")).text)
    assert more.html.count('aria-label="Contact 3: notifier"') == 1
    assert "Nothing was saved" not in more.words
    assert f'value="{HOOK}"' in more.html, "what was typed stays"
    moved = await press(browser, "/on-call/new-person", **NEW, do="up:1")
    assert moved.text.index("ntfy.example.com") < moved.text.index(HOOK)
    fewer = await press(browser, "/on-call/new-person", **NEW, do="drop:0")
    assert HOOK not in fewer.text
    assert await person(system) is None


@pytest.mark.parametrize(
    ("changes", "words", "field"),
    [
        ({"slug": "An Na"}, "'An Na' cannot be a name", 'name="slug"'),
        ({"timezone": "Mars"}, "Time zone: 'Mars' is no time zone", 'name="timezone"'),
        ({"kind": [], "address": [], "keeps": []}, "Contacts: needs at least one", ""),
        ({"address": [HOOK, "nowhere"]}, "Contact 2:", 'aria-label="Contact 2: address"'),
        (
            {"kind": ["", "ntfy"]},
            "Contact 1: choose a notifier.",
            'aria-label="Contact 1: address"',
        ),
        ({"kind": ["pigeon", "ntfy"]}, "Contact 1: there is no notifier 'pigeon'", 'aria-label="Contact 1: '),
        (
            {"address": [HOOK, "http://127.0.0.1/anna"]},
            "Contact 2:",
            'aria-label="Contact 2: address"',
        ),
        ({"slug": "first"}, "Slug: there is a person called first already", 'name="slug"'),
    ],
)
async def test_problems_are_shown_by_field_and_typed_values_stay(
    system: System, browser: httpx.AsyncClient, changes: dict[str, Any], words: str, field: str
) -> None:
    before = await person(system, "first")
    answer = await press(browser, "/on-call/new-person", **(NEW | changes))
    assert answer.status_code == 422, answer.headers
    shown = sound(answer.text)
    assert f"Nothing was saved. {words}" in shown.words or f" {words}" in shown.words
    if field:
        assert [tag for tag in answer.text.split("<") if field in tag and "aria-invalid" in tag]
    assert shown.fields["name"] == "Anna"
    assert await person(system) is None
    assert await person(system, "first") == before


async def test_a_change_by_somebody_else_is_not_lost(
    system: System, browser: httpx.AsyncClient, ben: None
) -> None:
    mark = (await see(browser, "/on-call/people/ben/edit")).fields["before"]
    fields: dict[str, Any] = {"kind": "ntfy", "address": "https://ntfy.example.com/ben", "keeps": ""}
    assert (
        await press(browser, "/on-call/people/ben/edit", **fields, name="B", before=mark)
    ).status_code == 303
    late = await press(browser, "/on-call/people/ben/edit", **fields, name="Late", before=mark)
    assert late.status_code == 422
    shown = sound(late.text)
    assert definition_form.CHANGED in shown.words
    mark = shown.fields["before"]
    assert (
        await press(browser, "/on-call/people/ben/edit", **fields, name="C", before=mark)
    ).status_code == 303
    found = await person(system, "ben")
    assert found is not None
    assert found.name == "C"


async def test_a_definition_of_the_file_has_a_reason_and_no_form(
    system: System, browser: httpx.AsyncClient
) -> None:
    for path, name in (("people/first", "First responder"), ("policies/ops", "ops")):
        shown = await see(browser, f"/on-call/{path}")
        assert not [link for link in shown.links if link.endswith(("/edit", "/delete"))]
        for deed in ("edit", "delete"):
            told = await see(browser, f"/on-call/{path}/{deed}")
            assert f"{name} is declared by heartbeat.yaml" in told.words
            assert told.forms == ["/sign-out"]
            assert (await press(browser, f"/on-call/{path}/{deed}", **(NEW | NIGHT))).status_code == 409
    assert await deeds(system) == []


async def test_somebody_is_deleted_unless_a_policy_pages_them(
    system: System, browser: httpx.AsyncClient, ben: None
) -> None:
    await press(browser, "/on-call/new-policy", **NIGHT)
    assert "Delete Ben?" in (await see(browser, "/on-call/people/ben/delete")).words
    refused = await press(browser, "/on-call/people/ben/delete")
    assert refused.status_code == 409
    assert "Policy night pages ben: take ben out of it first." in refused.text
    await press(browser, "/on-call/policies/night/delete")
    done = await press(browser, "/on-call/people/ben/delete")
    assert done.headers["location"] == "/on-call"
    assert await person(system, "ben") is None


async def test_a_policy_is_made_seen_before_it_counts(
    system: System, browser: httpx.AsyncClient, ben: None
) -> None:
    empty = await see(browser, "/on-call/new-policy")
    assert "Choose whom the first step pages." in empty.words
    seen = sound((await press(browser, "/on-call/new-policy", **NIGHT, do="preview")).text)
    assert "03:00 UTC step 1 First responder by console, then slack, then pigeon" in seen.words
    assert "03:20 UTC step 2 again, and so on" in seen.words
    assert await policy(system) is None
    done = await press(browser, "/on-call/new-policy", **NIGHT)
    assert (done.status_code, done.headers["location"]) == (303, "/on-call/policies/night")
    assert await policy(system) == Policy(
        "night",
        (Step(("first",), timedelta(minutes=5)), Step(("first", "ben"), timedelta(minutes=15))),
    )
    assert await deeds(system) == [("policy.make", "policy night")]


async def test_a_policy_is_changed_step_by_step(
    system: System, browser: httpx.AsyncClient, ben: None
) -> None:
    await press(browser, "/on-call/new-policy", **NIGHT)
    path = "/on-call/policies/night/edit"
    shown = await see(browser, path)
    mark = shown.fields["before"]
    assert shown.fields["wait-1"] == "15m"
    more = sound((await press(browser, path, **NIGHT, do="add", before=mark)).text)
    assert "Step 3" in more.words
    assert more.fields["rungs"] == "3"
    fewer = NIGHT | {"rungs": "1", "page-0": ["ben", "first"], "before": mark}
    assert (await press(browser, path, **fewer)).status_code == 303
    assert await policy(system) == Policy("night", (Step(("first", "ben"), timedelta(minutes=5)),)), (
        "who stood together before stays in that order"
    )
    late = await press(browser, path, **fewer)
    assert late.status_code == 422
    assert definition_form.CHANGED in sound(late.text).words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"wait-1": "soon"}, "Step 2, how long to wait: 'soon' is not a duration"),
        ({"wait-0": "9d"}, "Step 1, how long to wait: '9d' is out of range; write 1m to 1d."),
        ({"page-1": []}, "Step 2, whom to page: needs at least one"),
        (
            {"page-1": "frist"},
            "Step 2, whom to page: there is no person, rotation, team or channel 'frist'; did you mean 'first'?",
        ),
        ({"slug": "N"}, "'N' cannot be a name"),
        ({"slug": "ops"}, "Slug: there is a policy called ops already"),
    ],
)
async def test_a_problem_of_a_policy_names_the_step(
    system: System, browser: httpx.AsyncClient, ben: None, changes: dict[str, Any], words: str
) -> None:
    answer = await press(browser, "/on-call/new-policy", **(NIGHT | changes))
    assert answer.status_code == 422
    assert words in sound(answer.text).words
    assert await policy(system) is None
    assert await deeds(system) == []


async def test_names_are_typed_if_there_are_many_people(system: System, browser: httpx.AsyncClient) -> None:
    def many(db: Any) -> None:
        for number in range(offers.TICKED + 1):
            desk.define_person(db, replace(BEN, id=f"p{number}", name=f"P {number}"))

    await system.context.database.write(many)
    shown = sound(
        (await press(browser, "/on-call/new-policy", **(NIGHT | {"page-1": "p1, p2"}), do="preview")).text
    )
    assert shown.fields["page-1"] == "p1, p2"
    assert "P 1 by ntfy" in shown.words
    done = await press(browser, "/on-call/new-policy", **(NIGHT | {"page-1": "p1, p2"}))
    assert done.status_code == 303
    found = await policy(system)
    assert found is not None
    assert found.steps[1].targets == ("p1", "p2")


async def test_a_long_policy_is_changed_too(system: System, browser: httpx.AsyncClient) -> None:
    long = Policy("night", (Step(("first",), timedelta(minutes=1)),) * MAX_STEPS, Origin.API)
    await system.context.database.write(lambda db: desk.define_policy(db, long))
    shown = await see(browser, "/on-call/policies/night/edit")
    assert shown.fields["rungs"] == str(MAX_STEPS)
    assert "Another step" not in shown.words
    fields = {f"page-{place}": "first" for place in range(MAX_STEPS)}
    fields |= {f"wait-{place}": "2m" for place in range(MAX_STEPS)}
    mark, rungs = shown.fields["before"], str(MAX_STEPS)
    done = await press(browser, "/on-call/policies/night/edit", **fields, rungs=rungs, before=mark)
    assert done.status_code == 303
    assert await policy(system) == Policy("night", (Step(("first",), timedelta(minutes=2)),) * MAX_STEPS)


async def test_a_policy_becomes_the_default_and_is_then_not_deleted(
    system: System, browser: httpx.AsyncClient, ben: None
) -> None:
    await press(browser, "/on-call/new-policy", **NIGHT)
    await press(browser, "/on-call/new-policy", **(NIGHT | {"slug": "other"}))
    await make_check(system)
    read = system.context.database.read
    asked = await see(browser, "/on-call/policies/other/default")
    assert "Make other the default?" in asked.words
    done = await press(browser, "/on-call/policies/other/default")
    assert done.headers["location"] == "/on-call/policies/other"
    assert await read(installation.default_policy) == "other"
    assert "policy, the default" in (await see(browser, "/on-call/policies/other")).words
    refused = await press(browser, "/on-call/policies/other/delete")
    assert refused.status_code == 409
    assert "Policy other is the default: make another one the default first." in refused.text
    await system.context.database.write(lambda db: installation.remember(db, "policy", "ops"))
    owned = await press(browser, "/on-call/policies/night/default")
    assert owned.status_code == 409
    assert "names ops as the default policy" in owned.text


async def test_an_unknown_name_is_neither_changed_nor_deleted(browser: httpx.AsyncClient) -> None:
    for path in (
        "/on-call/people/nope/edit",
        "/on-call/people/nope/delete",
        "/on-call/policies/nope/edit",
        "/on-call/policies/nope/delete",
        "/on-call/policies/nope/default",
    ):
        await see(browser, path, 404)
        assert (await press(browser, path, **NIGHT)).status_code == 404, path


async def test_a_responder_looks_and_does_nothing(system: System, ben: None) -> None:
    await system.context.database.write(lambda db: add(db, "rita", Role.RESPONDER))
    async with visitor(system, **BROWSER) as rita:
        await rita.post("/sign-in", data={"name": "rita", "password": PASSWORD})
        for path in ("/on-call", "/on-call/people/ben", "/on-call/policies/ops"):
            shown = await see(rita, path)
            assert not [link for link in shown.links if link.endswith(("/edit", "/delete", "/default"))]
            assert not [link for link in shown.links if "/on-call/new-" in link]
            assert "/audit" not in " ".join(shown.links)


@pytest.mark.parametrize("field", ["slug", "name", "timezone", "kind", "address", "keeps"])
async def test_hostile_fields_are_inert(browser: httpx.AsyncClient, field: str) -> None:
    hostile = '"><script>alert(1)</script>\u202e\0'
    value: Any = [hostile, hostile] if isinstance(NEW[field], list) else hostile
    answer = await press(browser, "/on-call/new-person", **(NEW | {field: value}))
    assert answer.status_code == (303 if field == "keeps" else 422), answer.text
    if answer.status_code == 422:
        assert sound(answer.text).tags.count("script") == 2, "ours"


@pytest.mark.parametrize("field", ["slug", "rungs", "page-0", "wait-0"])
async def test_hostile_fields_of_a_policy_are_inert(
    browser: httpx.AsyncClient, ben: None, field: str
) -> None:
    hostile = '"><script>alert(1)</script>\u202e\0'
    answer = await press(browser, "/on-call/new-policy", **(NIGHT | {field: hostile}), do="preview")
    assert answer.status_code == 200, answer.text
    assert sound(answer.text).tags.count("script") == 2, "ours"
