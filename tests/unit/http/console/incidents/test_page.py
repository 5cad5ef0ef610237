"""The screen of one incident: its sentence, its jobs, its timeline, and the buttons."""

import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Connection, update

from alerting import desk, tables
from alerting.incident import Hold
from heartbeat.app import System
from heartbeat.checks import rule_grammar, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.check import State
from heartbeat.checks.rule import Rule
from heartbeat.pings import limit_watch, reached_limit
from heartbeat.pings.creation import CreationLimit
from heartbeat.pings.usage import CREATED, Used
from tests.unit.conftest import a_check
from tests.unit.http.conftest import (
    SetClock,
    escalate,
    fall_silent,
    incident_of,
    make_check,
    ping,
    read_check,
    recover,
)
from tests.unit.http.console.conftest import make_group, press, see
from tests.unit.http.markup import sound

LIGHT = 100_000
"""Bytes that a page may weigh."""


async def test_an_incident_is_downloaded_as_a_draft_of_its_postmortem(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    screen = await see(browser, f"/incidents/{number}")
    assert "Post-mortem draft" in screen.words
    drafted = await browser.get(f"/incidents/{number}/postmortem")
    assert drafted.headers["content-disposition"] == f'attachment; filename="incident-{number}.md"'
    assert drafted.text.startswith("# job: post-mortem (draft)\n")
    assert (await browser.get("/incidents/99/postmortem")).status_code == 404


async def test_a_broken_rule_is_shown_with_its_last_values(
    system: System, browser: httpx.AsyncClient
) -> None:
    check = await make_check(system, rules=(Rule(rule_grammar.parse("rows > 0")),))
    for rows in (12, 4, 0):
        await ping(system, check, f"?m.rows={rows}")
    screen = await see(browser, f"/incidents/{await incident_of(system, check)}")
    assert "Rule: rows > 0. Last rows: 12, 4, 0 (falling)." in screen.words


async def test_every_attempt_is_shown_with_its_address_its_answer_and_its_receipt(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    await escalate(system, clock)
    await system.courier.dispatch()
    await system.courier.settle(10)
    now = clock.now()

    def move_on(db: Connection) -> None:
        tried = {"provider_id": "id-7", "receipt": "missing", "receipt_at": now}
        db.execute(update(tables.attempts).values(tried))
        db.execute(update(tables.pages).values(onward_at=now + timedelta(minutes=5)))

    await system.context.database.write(move_on)
    screen = await see(browser, f"/incidents/{number}")
    assert re.search(r"by console \( ?terminal ?\): accepted", screen.words)
    assert "id id-7" in screen.words
    assert "no receipt in time" in screen.words
    assert "goes to the next contact" in screen.words


async def test_the_timeline_of_an_incident_has_the_newest_on_top(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    first, second = await make_group(system, "first-job", "second-job")
    clock.advance(minutes=1)
    await ping(system, first, body=b"remaining 4\n")
    number = await fall_silent(system, clock, first, second)
    await escalate(system, clock)
    clock.advance(minutes=1)
    await ping(system, second)

    screen = await see(browser, f"/incidents/{number}")
    assert "first-job (us-housekeeping): silent" in screen.words
    assert "Nobody has answered; First responder is paged at" in screen.words
    story = screen.words[screen.words.index("Timeline") :]
    order = [
        "cleared second-job: heard again",
        "paged step 1 of ops: First responder",
        "first-job: was not heard",
        "due",
    ]
    places = [story.index(text) for text in order]
    assert places == sorted(places)
    assert "last said: remaining 4" in screen.words
    assert "First responder 1 message" in screen.words
    assert {"/checks/first-job", "/checks/second-job", f"/incidents/{number}/resolve"} <= set(screen.links)


async def test_after_a_flap_each_job_is_listed_once_as_it_stands(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    jobs = await make_group(system, "a-job", "b-job", "c-job", "d-job")
    number = await fall_silent(system, clock, *jobs)
    await recover(system, clock, *jobs[:3])
    await press(browser, f"/incidents/{number}/acknowledge", occurrence="1")
    assert await fall_silent(system, clock, *jobs[:3]) == number

    screen = await see(browser, f"/incidents/{number}")
    assert "us-housekeeping: 4 of 4 jobs silent" in screen.words
    assert "4 jobs silent a-job due" in screen.words
    links = [link for link in screen.links if link.startswith("/checks/")]
    assert links == ["/checks/a-job", "/checks/b-job", "/checks/c-job", "/checks/d-job"]
    assert "again, 2nd time in 8 min" in screen.words


async def test_an_incident_of_a_group_of_one_has_the_name_of_its_job_everywhere(
    system: System, browser: httpx.AsyncClient, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    named = replace(a_check("job", labels={"host": "example"}), name="Example job")
    await system.context.database.write(lambda db: check_store.insert(db, [named]))
    alone = await read_check(system, "job")
    _, job = await make_group(system, "a-job", "b-job")
    await fall_silent(system, clock, alone, job)
    numbers = {
        await incident_of(system, alone): "Example job (example)",
        await incident_of(system, job): "us-housekeeping",
    }
    for number, title in numbers.items():
        for path in ("/", "/incidents", f"/incidents/{number}", f"/incidents/{number}/resolve"):
            assert title in (await see(browser, path)).words
        assert (await admin.get(f"/v1/incidents/{number}")).json()["title"] == title
    listed = (await admin.get("/v1/incidents")).json()["incidents"]
    assert {incident["id"]: incident["title"] for incident in listed} == numbers
    assert "Example job (example) silent, error; began" in (await see(browser, "/checks/job")).words


async def test_the_screen_of_a_storm_has_a_bounded_size(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    labels = {"host": "us"}
    jobs = [a_check(f"job-{n:04}", labels=labels) for n in range(600)]
    await system.context.database.write(lambda db: check_store.insert(db, jobs))
    number = await fall_silent(system, clock, await read_check(system, "job-0499"))
    answer = await browser.get(f"/incidents/{number}")
    screen = sound(answer.text)
    assert "600 of 600 jobs silent" in screen.words
    assert "and 550 more." in screen.words
    assert len(answer.content) < LIGHT


async def test_acknowledging_shows_the_person_and_the_next_page(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    form = await see(browser, f"/incidents/{number}")
    answer = await press(browser, f"/incidents/{number}/acknowledge", occurrence=form.fields["occurrence"])
    assert (answer.status_code, answer.headers["location"]) == (303, f"/incidents/{number}")
    screen = await see(browser, f"/incidents/{number}")
    assert "Acknowledged by admin at 03:06 UTC; pages again at 07:06 UTC unless resolved." in screen.words
    assert f"/incidents/{number}/acknowledge" not in screen.forms


async def test_a_button_of_an_earlier_occurrence_does_not_silence_the_next(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    await escalate(system, clock)
    await press(browser, f"/incidents/{number}/acknowledge", occurrence="1")
    clock.advance(hours=4)
    await escalate(system, clock)
    answer = await press(browser, f"/incidents/{number}/acknowledge", occurrence="1")
    assert answer.status_code == 409
    assert "nothing was changed" in sound(answer.text).words
    screen = await see(browser, f"/incidents/{number}")
    assert "admin's acknowledgement of 03:06 UTC has expired; " in screen.words


@pytest.mark.parametrize(
    ("lasts", "until"), [("1h", "04:06 UTC"), ("4h", "07:06 UTC"), ("morning", "09:00 UTC")]
)
async def test_snoozing_shows_its_end(
    system: System, browser: httpx.AsyncClient, clock: SetClock, lasts: str, until: str
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    assert (await press(browser, f"/incidents/{number}/snooze", **{"for": lasts})).status_code == 303
    screen = await see(browser, f"/incidents/{number}")
    assert f"Snoozed by admin; pages again at {until} unless resolved." in screen.words


async def test_a_snooze_until_the_morning_uses_the_zone_of_the_form(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    for zone, until in (
        ("America/New_York", "13:00 UTC"),
        ("Asia/Tokyo", "04 May 00:00 UTC"),
        ("Mars", "09:00 UTC"),
    ):
        await press(browser, f"/incidents/{number}/snooze", **{"for": "morning", "zone": zone})
        assert f"pages again at {until}" in (await see(browser, f"/incidents/{number}")).words


async def test_an_unknown_snooze_length_changes_nothing(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    answer = await press(browser, f"/incidents/{number}/snooze", **{"for": "ever"})
    assert answer.status_code == 400
    assert "Nothing was changed" in sound(answer.text).words
    assert "Nobody was paged yet" in (await see(browser, f"/incidents/{number}")).words


async def test_an_incident_says_what_its_jobs_are_and_what_to_do(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    runbook = "https://wiki.example.com/backup"
    described = replace(a_check("job"), description="Copies the databases.", runbook=runbook)
    await system.context.database.write(lambda db: check_store.insert(db, [described]))
    number = await fall_silent(system, clock, await read_check(system, "job"))
    screen = await see(browser, f"/incidents/{number}")
    assert "Copies the databases." in screen.words
    assert runbook in screen.links
    for button in ("Snooze 1 h", "Snooze 4 h", "Snooze until 09:00 UTC"):
        assert button in screen.words


async def test_jobs_that_maintenance_holds_are_marked_and_do_not_rename_the_incident(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    first, second = await make_group(system, "first-job", "second-job")
    number = await fall_silent(system, clock, first, second)
    hold = Hold(clock.now() + timedelta(hours=1), "maintenance Move")
    held = {symptoms.key_of(second): hold}
    await system.context.database.write(lambda db: desk.hold(db, held, clock.now()))
    screen = await see(browser, f"/incidents/{number}")
    assert "first-job (us-housekeeping): silent" in screen.words
    assert "; maintenance Move holds it until 04:06 UTC" in screen.words
    held |= {symptoms.key_of(first): hold}
    await system.context.database.write(lambda db: desk.hold(db, held, clock.now()))
    screen = await see(browser, f"/incidents/{number}")
    assert (
        "Maintenance Move holds its pages; First responder is paged at 04:06 UTC if it is still down"
        in screen.words
    )


async def test_resolving_asks_first_and_names_the_incident(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    jobs = await make_group(system, *(f"job-{n}" for n in range(7)))
    number = await fall_silent(system, clock, *jobs)
    screen = await see(browser, f"/incidents/{number}/resolve")
    assert f"Resolve incident {number}, us-housekeeping?" in screen.words
    assert (
        "Still down: job-0, job-1, job-2, job-3, job-4 and 2 more. Each is expected again from now on"
        in screen.words
    )
    assert (await read_check(system, "job-0")).state is State.DOWN

    assert (await press(browser, f"/incidents/{number}/resolve")).status_code == 303
    screen = await see(browser, f"/incidents/{number}")
    assert "Resolved by admin at 03:06 UTC; it lasted 0 s." in screen.words
    assert screen.forms == ["/sign-out", f"/incidents/{number}/note"]
    assert (await read_check(system, "job-0")).state is State.NEW
    assert (await press(browser, f"/incidents/{number}/acknowledge")).status_code == 303


async def test_a_limit_of_the_service_has_its_own_words(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    limit = CreationLimit(in_all=2)
    used = {CREATED: Used(2, clock.now(), "key:deploy")}
    reached = reached_limit.reached(used, limit, 1_000, clock.now())
    await system.context.database.write(lambda db: limit_watch.tell(db, reached, clock.now()))
    (incident,) = await system.context.database.read(desk.incidents)

    screen = await see(browser, f"/incidents/{incident.id}")
    assert "Checks created by pings (heartbeat): at the limit" in screen.words
    assert (
        "Limit at the limit Checks created by pings 2 of 2, the last with the API key deploy" in screen.words
    )
    assert "Known checks are heard as ever." in screen.words
    assert "Both" not in screen.words
    assert "at the limit" in (await see(browser, "/incidents")).words

    await press(browser, f"/incidents/{incident.id}/acknowledge", occurrence="1")
    await system.context.database.write(lambda db: limit_watch.tell(db, [], clock.now()))
    screen = await see(browser, f"/incidents/{incident.id}")
    assert "there is room again" in screen.words


async def test_an_incident_changes_hands_on_the_console(
    system: System, browser: httpx.AsyncClient, clock: SetClock, admin: httpx.AsyncClient
) -> None:
    at = f"/incidents/{await fall_silent(system, clock, await make_check(system))}"
    assert f"{at}/take-over" not in (await see(browser, at)).forms, "nobody has it"
    await admin.post(f"/v1{at}/acknowledge", json={"by": "first"})
    assert {f"{at}/take-over", f"{at}/unacknowledge"} <= set((await see(browser, at)).forms)
    await press(browser, f"{at}/take-over", occurrence="1")
    screen = await see(browser, at)
    assert "Acknowledged by admin at" in screen.words
    assert "acknowledged by admin, who took over from First responder" in screen.words
    assert f"{at}/take-over" not in screen.forms
    await press(browser, f"{at}/unacknowledge")
    assert "admin withdrew the acknowledgement" in (await see(browser, at)).words
    stale = await press(browser, f"{at}/take-over", occurrence="1")
    assert stale.status_code == 409


async def test_an_incident_is_reassigned_to_somebody_who_can_be_paged(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    at = f"/incidents/{await fall_silent(system, clock, await make_check(system))}"
    form = await see(browser, f"{at}/reassign")
    assert "If nobody answers, the policy ops follows from its first step." in form.words
    refused = await press(browser, f"{at}/reassign", to="nobody")
    assert refused.status_code == 422
    assert "Nobody can be paged as nobody" in refused.text
    answer = await press(browser, f"{at}/reassign", to="first")
    assert (answer.status_code, answer.headers["location"]) == (303, at)
    assert "admin reassigned it to First responder" in (await see(browser, at)).words
    for path in ("reassign", "take-over", "unacknowledge"):
        assert (await press(browser, f"/incidents/99/{path}", to="first")).status_code == 404
    await see(browser, "/incidents/99/reassign", 404)


async def test_ticked_incidents_are_answered_at_once(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    for slug in ("a", "b"):
        await fall_silent(system, clock, await make_check(system, slug))
    assert "/incidents/answer" in (await see(browser, "/incidents")).forms
    answered = await press(
        browser, "/incidents/answer", incident=["1.1", "2.7", "9.1", "x"], do="acknowledge"
    )
    words = sound(answered.text).words
    assert "1 of 3 incidents changed" in words
    assert "acknowledged by admin until" in words
    assert "not changed: it has paged again since you opened the list" in words
    assert "Incident 9 not changed: there is no such incident any more" in words
    for do, words in (
        ("take over", "acknowledged by admin until"),
        ("snooze 1h", "snoozed by admin until"),
        ("snooze morning", "snoozed by admin until"),
    ):
        answered = await press(browser, "/incidents/answer", incident=["1.1", "2.1"], do=do)
        assert words in sound(answered.text).words


async def test_ticked_incidents_are_resolved_after_a_question(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    for slug in ("a", "b"):
        await fall_silent(system, clock, await make_check(system, slug))
    asked = sound((await press(browser, "/incidents/answer", incident=["1.1", "2.1"], do="resolve")).text)
    assert "Resolve 2 incidents?" in asked.words
    assert "Incident 2: b." in asked.words
    assert "2 incidents are open." in (await see(browser, "/incidents")).words
    done = await press(browser, "/incidents/answer", incident=["1.1", "2.1"], do="resolve", sure="yes")
    assert "2 of 2 incidents changed" in sound(done.text).words
    assert "No incident is open." in (await see(browser, "/incidents")).words


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"do": "acknowledge"}, "Tick at least one incident."),
        ({"do": "forget", "incident": "1.1"}, "This answer is not one of the buttons."),
        ({"do": "snooze 9h", "incident": "1.1"}, "This answer is not one of the buttons."),
        ({"do": "resolve", "incident": [f"{n}.1" for n in range(101)]}, "At most 100 incidents"),
    ],
)
async def test_an_answer_that_is_none_changes_nothing(
    browser: httpx.AsyncClient, fields: dict[str, str | list[str]], problem: str
) -> None:
    refused = await press(browser, "/incidents/answer", **fields)
    assert refused.status_code == 400
    assert problem in refused.text
