"""Making, changing and deleting a check on the console, without a line of script."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.origin import Origin
from heartbeat import audit, installation
from heartbeat.app import System
from heartbeat.checks import former_slugs
from heartbeat.checks import store as check_store
from heartbeat.checks.check import State
from heartbeat.checks.schedule import Cron, Every
from heartbeat.definitions import kind as kinds
from heartbeat.definitions.edit.policies import POLICY, make_default
from heartbeat.http.console.checks import form as check_form
from tests.unit.conftest import FIRST
from tests.unit.definitions.edit.conftest import edit_by_anna
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping, read_check
from tests.unit.http.console.conftest import press, see
from tests.unit.http.markup import sound

NEW = {
    "slug": "nightly",
    "kind": "schedule",
    "schedule": "30 5 * * *",
    "timezone": "Europe/London",
    "grace": "10m",
}


async def deeds(system: System) -> list[tuple[str, str, str]]:
    entries = await system.context.database.read(lambda db: audit.listed(db, limit=9))
    return [(deed.actor, deed.action, deed.target) for deed in entries if deed.action != "sign_in"]


async def mark(browser: httpx.AsyncClient, slug: str = "job") -> str:
    return (await see(browser, f"/checks/{slug}/edit")).fields["before"]


async def test_a_check_is_created(system: System, browser: httpx.AsyncClient) -> None:
    fields = NEW | {
        "name": "Nightly backup",
        "labels": "host=vault-1\r\n",
        "severity": "critical",
        "policy": "ops",
    }
    answer = await press(browser, "/new", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/checks/nightly")
    job = await read_check(system, "nightly")
    assert job.name == "Nightly backup"
    assert job.schedule == Cron("30 5 * * *", "Europe/London")
    assert job.grace == timedelta(minutes=10)
    assert job.labels == {"host": "vault-1"}
    assert job.policy == "ops"
    assert job.origin == "api"
    assert await deeds(system) == [("admin", "check.make", "check nightly")]


async def test_a_new_form_has_the_time_zone_of_the_file(system: System, browser: httpx.AsyncClient) -> None:
    for screen in ("/new?slug=nightly", "/on-call/new-person"):
        assert (await see(browser, screen)).fields["timezone"] == "UTC"
    await system.context.database.write(lambda db: installation.remember(db, "timezone", "Europe/London"))
    for screen in ("/new?slug=nightly", "/on-call/new-person"):
        assert (await see(browser, screen)).fields["timezone"] == "Europe/London"


async def test_a_preview_shows_the_schedule_and_creates_nothing(
    system: System, browser: httpx.AsyncClient
) -> None:
    screen = sound((await press(browser, "/new", **NEW, do="preview")).text)
    for text in (
        "Due at 05:30 every day, Europe/London. Silent 10 min after that.",
        "04:30 UTC 05:30 BST",
        "07 May 04:30 UTC",
    ):
        assert text in screen.words
    assert screen.fields["slug"] == "nightly"
    assert "Nothing was saved" not in screen.words
    assert await system.context.database.read(lambda db: check_store.load(db, "nightly")) is None


async def test_a_preview_needs_no_more_than_a_schedule(browser: httpx.AsyncClient) -> None:
    screen = sound((await press(browser, "/new", kind="schedule", schedule="61 * * * *", do="preview")).text)
    assert "has a wrong minute: crontab(5) takes 0-59." in screen.words
    assert "slug" not in screen.words[screen.words.index("Preview") :]


async def test_problems_name_their_fields_and_the_typed_texts_stay(
    system: System, browser: httpx.AsyncClient
) -> None:
    invalid = NEW | {"slug": "Not A Slug", "grace": "soon", "name": "kept as typed"}
    answer = await press(browser, "/new", **invalid)
    assert answer.status_code == 422
    screen = sound(answer.text)
    assert "Nothing was saved." in screen.words
    assert "'Not A Slug' cannot be a name" in screen.words
    assert screen.fields["name"] == "kept as typed"
    second = sound((await press(browser, "/new", **(invalid | {"slug": "job"}))).text)
    assert "grace: 'soon' is not a duration" in second.words
    assert (
        'name="grace" value="soon" autocomplete="off" spellcheck="false" aria-invalid="true"' in second.html
    )
    bad_label = sound((await press(browser, "/new", **NEW, labels="vault")).text)
    assert "labels: 'vault' is not a label" in bad_label.words
    assert await deeds(system) == []


async def test_the_form_names_the_default_policy_that_is_in_force(
    system: System, browser: httpx.AsyncClient
) -> None:
    def make(db: Connection) -> None:
        desk.install(db, [FIRST], [], {})
        for name in ("day", "night"):
            kinds.define(edit_by_anna(db), POLICY, name, {"steps": [{"page": "first", "wait": "5m"}]})
        make_default(edit_by_anna(db), "night")

    await system.context.database.write(make)
    assert "default: night" in (await see(browser, "/new")).words
    await make_check(system, policy=None)
    assert "default: night" in (await see(browser, "/checks/job/edit")).words
    assert "Policy night" in (await see(browser, "/checks/job")).words


async def test_a_slug_that_is_taken_replaces_nothing(system: System, browser: httpx.AsyncClient) -> None:
    job = await make_check(system, "nightly")
    answer = await press(browser, "/new", **NEW)
    assert answer.status_code == 422
    assert "a check called nightly exists already" in sound(answer.text).words
    assert await read_check(system, "nightly") == job


async def test_a_check_is_changed_and_keeps_what_was_heard(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    await ping(system, await make_check(system))
    screen = await see(browser, "/checks/job/edit")
    assert screen.fields["every"] == "5m"
    assert "Due every 5 minutes, counted from the end of its last run." in screen.words
    fields = {"kind": "every", "every": "10m", "grace": "1m", "before": await mark(browser)}
    answer = await press(browser, "/checks/job/edit", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/checks/job")
    changed = await read_check(system)
    assert changed.schedule == Every(timedelta(minutes=10))
    assert changed.pings == 1
    assert await deeds(system) == [("admin", "check.change", "check job")]


async def test_a_concurrent_change_is_not_overwritten_silently(
    system: System, browser: httpx.AsyncClient
) -> None:
    await make_check(system)
    fields = {"kind": "every", "grace": "1m", "before": await mark(browser)}
    assert (await press(browser, "/checks/job/edit", **fields, every="10m")).status_code == 303
    late = await press(browser, "/checks/job/edit", **fields, every="20m")
    assert late.status_code == 422
    screen = sound(late.text)
    assert check_form.CHANGED in screen.words
    assert screen.fields["every"] == "20m"
    assert (await read_check(system)).schedule == Every(timedelta(minutes=10))
    fields["before"] = screen.fields["before"]
    assert (await press(browser, "/checks/job/edit", **fields, every="20m")).status_code == 303
    assert (await read_check(system)).schedule == Every(timedelta(minutes=20))


async def test_a_check_of_the_file_has_a_reason_instead_of_a_form(
    system: System, browser: httpx.AsyncClient
) -> None:
    await make_check(system, origin=Origin.FILE)
    for path in ("/checks/job/edit", "/checks/job/delete"):
        screen = await see(browser, path)
        assert "job is declared by heartbeat.yaml" in screen.words
        assert "heartbeat apply" in screen.words
        assert screen.forms == ["/sign-out"]
        fields: dict[str, Any] = {"kind": "every", "every": "9m", "before": "x"}
        assert (await press(browser, path, **fields)).status_code in (409, 422)
    assert (await read_check(system)).schedule == Every(timedelta(minutes=5))


async def test_deleting_asks_first_and_deletes_the_history(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    job = await make_check(system)
    await ping(system, job)
    number = await fall_silent(system, clock, job)
    screen = await see(browser, "/checks/job/delete")
    assert (
        "Delete job? It no longer pages anybody. Its 1 ping and its history are deleted for good."
        in screen.words
    )
    assert (await read_check(system)).state is State.DOWN
    assert (await press(browser, "/checks/job/delete")).headers["location"] == "/checks"
    await see(browser, "/checks/job", 404)
    assert "deleted by admin" in (await see(browser, f"/incidents/{number}")).words
    assert await deeds(system) == [("admin", "check.delete", "check job")]


async def test_what_is_not_there_can_be_neither_changed_nor_deleted(browser: httpx.AsyncClient) -> None:
    for path in ("/checks/nope/edit", "/checks/nope/delete"):
        await see(browser, path, 404)
        assert (await press(browser, path, kind="every", every="5m")).status_code == 404


@pytest.mark.parametrize("field", ["slug", "name", "description", "labels", "schedule", "timezone", "policy"])
async def test_hostile_fields_are_inert(browser: httpx.AsyncClient, field: str) -> None:
    hostile = '"><script>alert(1)</script>\u202e\0'
    answer = await press(browser, "/new", **(NEW | {field: hostile}))
    assert answer.status_code == 422, answer.headers
    assert sound(answer.text).tags.count("script") == 2, "ours"


async def test_an_empty_installation_leads_to_the_form(browser: httpx.AsyncClient) -> None:
    for path in ("/", "/checks"):
        assert "/new" in (await see(browser, path)).links


async def test_a_check_is_renamed_and_its_old_address_leads_to_it(
    system: System, browser: httpx.AsyncClient
) -> None:
    job = await make_check(system)
    await ping(system, job)
    fields = {"slug": "nightly", "kind": "every", "every": "5m", "grace": "1m", "before": await mark(browser)}
    answer = await press(browser, "/checks/job/edit", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/checks/nightly")
    renamed = await read_check(system, "nightly")
    assert (renamed.uuid, renamed.pings, renamed.formerly) == (job.uuid, 1, ("job",))
    led = await browser.get("/checks/job")
    assert (led.status_code, led.headers["location"]) == (303, "/checks/nightly")
    at = system.context.clock.now()
    await system.context.database.write(lambda db: former_slugs.touch(db, ["job"], at))
    screen = await see(browser, "/checks/nightly/edit")
    assert "A job last pinged job just now." in screen.words
    assert screen.fields["slug"] == "nightly"
    assert "Former slugs" in screen.words


async def test_a_check_is_not_renamed_onto_another_one(system: System, browser: httpx.AsyncClient) -> None:
    await make_check(system)
    other = await make_check(system, "nightly")
    fields = {"slug": "nightly", "kind": "every", "every": "5m", "grace": "1m", "before": await mark(browser)}
    answer = await press(browser, "/checks/job/edit", **fields)
    assert answer.status_code == 422
    assert "a check called nightly exists already" in sound(answer.text).words
    assert await read_check(system, "nightly") == other
    assert (await read_check(system, "job")).formerly == ()
