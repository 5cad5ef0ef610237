"""The console: who may see it, what it says, what its buttons do, and that nothing on it can do harm."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from heartbeat.app import System
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.checks.schedule import Cron
from heartbeat.database import Database
from heartbeat.http import console
from heartbeat.http.console.request import local
from heartbeat.http.pages import render, run_strip
from tests.unit.conftest import a_check
from tests.unit.http.conftest import (
    ADMIN_KEY,
    SetClock,
    escalate,
    fall_silent,
    incident_of,
    make_check,
    ping,
    read_check,
    visitor,
)
from tests.unit.http.console.conftest import press, see
from tests.unit.http.markup import Markup, sound

HOSTILE = "<script>alert(1)</script>\u202egnp.exe \x07\x1b[31m" + "Donaudampfschiff" * 40
LIGHT = 100_000
"""Bytes that a page may weigh."""


def numbers_of(shown: Markup) -> list[int]:
    """The incidents that a page lists, in its order."""
    return [int(link.rpartition("/")[2]) for link in shown.links if re.match(r"/incidents/\d", link)]


async def make_group(system: System, *slugs: str) -> list[Check]:
    """Jobs of one host."""
    return [await make_check(system, slug, labels={"host": "us-housekeeping"}) for slug in slugs]


# Who may see it


def _addresses(system: System) -> list[tuple[str, str]]:
    open_to_all = {
        "/static/{name}",
        "/sign-in",
        "/sign-in/oidc",
        "/sign-in/oidc/back",
        "/join/{token}",
        "/answer/{token}",
    }
    routes = [route for route in console.router(system.context).routes if isinstance(route, Route)]
    return [
        (method, re.sub(r"\{(\w+)(:int)?\}", "1", route.path))
        for route in routes
        for method in route.methods or ()
        if route.path not in open_to_all
    ]


async def test_who_has_not_signed_in_is_asked_to_and_changes_nothing(
    system: System, stranger: httpx.AsyncClient
) -> None:
    addresses = _addresses(system)
    assert len(addresses) > 18
    for method, path in addresses:
        answer = await stranger.request(method, path)
        if path == "/sign-out":
            assert answer.status_code == 403
            continue
        assert answer.status_code == 303, (method, path)
        assert answer.headers["location"].startswith("/sign-in?next=/")


async def test_signing_in_leads_to_where_one_wanted_to_go(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/checks?page=2")
    asked = await see(stranger, answer.headers["location"])
    assert asked.fields["next"] == "/checks?page=2"

    done = await stranger.post("/sign-in", data={"key": ADMIN_KEY, "next": asked.fields["next"]})
    assert (done.status_code, done.headers["location"]) == (303, "/checks?page=2")
    assert (await stranger.get("/sign-in")).headers["location"] == "/"


async def test_what_was_sent_signed_out_leads_back_to_its_page(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.post("/incidents/3/acknowledge")
    assert answer.headers["location"] == "/sign-in?next=/incidents/3"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example.com/",
        "//evil.example.com/",
        "/\\evil.example.com",
        "\\\\evil.example.com",
        "///evil.example.com",
        "javascript:alert(1)",
        "/\n/evil.example.com",
        "/\t/evil.example.com",
        "evil",
        "",
        "/sign-out",
        "/sign-in?next=/",
        "//[",
    ],
)
async def test_signing_in_never_leads_elsewhere(stranger: httpx.AsyncClient, elsewhere: str) -> None:
    assert local(elsewhere) == "/"
    done = await stranger.post("/sign-in", data={"key": ADMIN_KEY, "next": elsewhere})
    assert done.headers["location"] == "/"


async def test_a_wrong_key_is_told_and_too_many_are_stopped(stranger: httpx.AsyncClient) -> None:
    for _ in range(10):
        answer = await stranger.post("/sign-in", data={"key": "wrong", "next": "/checks"})
        asked = sound(answer.text)
        assert (answer.status_code, asked.fields["next"]) == (403, "/checks")
        assert "not the admin key" in asked.words
        assert "wrong" not in asked.fields.values()
    answer = await stranger.post("/sign-in", data={"key": ADMIN_KEY})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert "Wait 1 min, then" in sound(answer.text).words


async def test_signing_out_ends_it(browser: httpx.AsyncClient) -> None:
    answer = await press(browser, "/sign-out")
    assert answer.headers["location"] == "/sign-in"
    assert (await browser.get("/")).status_code == 303


@pytest.mark.parametrize("csrf", [None, "", "forged"])
async def test_a_form_that_is_not_ours_changes_nothing(
    system: System, browser: httpx.AsyncClient, clock: SetClock, csrf: str | None
) -> None:
    one = await make_check(system)
    number = await fall_silent(system, clock, one)
    data = {} if csrf is None else {"csrf": csrf}
    for path in ("/checks/job/pause", f"/incidents/{number}/acknowledge", f"/incidents/{number}/resolve"):
        answer = await browser.post(path, data=data)
        assert answer.status_code == 403
        assert "load the page again" in sound(answer.text).words
    assert (await read_check(system)).state is State.DOWN
    assert await incident_of(system, one) == number


# What it says


async def test_an_empty_installation_shows_the_line_to_copy(browser: httpx.AsyncClient) -> None:
    for path in ("/", "/checks"):
        shown = await see(browser, path)
        assert "Nothing is watched yet." in shown.words
        assert (
            'curl -fsS -m 10 --retry 5 --retry-connrefused "http://test/ping/$HEARTBEAT_PING_KEY/my-job?create=1"'
            in shown.words
        )
    assert "heartbeat test-page PERSON" in (await see(browser, "/incidents")).words


async def test_the_overview_answers_first_and_lists_the_worst_first(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    well, *silent = await make_group(system, "a-well", "b-silent", "c-silent")
    await make_check(system, "z-late", grace=timedelta(hours=1))
    clock.advance(minutes=4)
    await ping(system, well)
    clock.advance(minutes=-3)
    await fall_silent(system, clock, *silent)

    shown = await see(browser, "/")
    assert "2 checks are down for one cause. 1 is late." in shown.words
    assert "2 of 3 jobs silent, error" in shown.words
    checks = [link for link in shown.links if link.startswith("/checks/")]
    assert checks == ["/checks/b-silent", "/checks/c-silent", "/checks/z-late", "/checks/a-well"]
    assert f"As of {clock.at:%H:%M:%S} UTC" in shown.words


async def test_pages_of_the_present_renew_themselves_and_no_others(
    system: System, browser: httpx.AsyncClient
) -> None:
    await make_check(system)
    for path in ("/", "/checks"):
        answer = await browser.get(path)
        assert '<noscript><meta http-equiv="refresh" content="30"></noscript>' in answer.text
        assert "refresh" not in answer.headers, (
            "where there is script it would load the page under the reader's hands"
        )
    for path in ("/checks/job", "/checks/job/pause", "/incidents"):
        assert "refresh" not in (await browser.get(path)).text


async def test_a_long_list_is_told_a_page_at_a_time(system: System, browser: httpx.AsyncClient) -> None:
    labels = {"host": "us-housekeeping", "region": "us", "component": "cpu-allowance"}
    those = [a_check(f"a-job-with-a-name-{n:03}", labels=labels) for n in range(125)]
    await system.context.database.write(lambda db: check_store.insert(db, those))
    pages = [await see(browser, f"/checks?page={n}") for n in (1, 2, 3)]
    found = [link for shown in pages for link in shown.links if link.startswith("/checks/")]
    assert found == [f"/checks/a-job-with-a-name-{n:03}" for n in range(125)]
    assert [shown.links.count("/checks?page=2") for shown in pages] == [1, 0, 1]

    assert "All 125 checks" in (await see(browser, "/")).words


@pytest.mark.parametrize("number", ["0", "-1", "x", "", "²", "9" * 30])
async def test_an_odd_page_is_the_first(browser: httpx.AsyncClient, number: str) -> None:
    assert (await browser.get("/checks", params={"page": number})).status_code == 200


async def test_a_page_past_the_last_says_so(browser: httpx.AsyncClient) -> None:
    assert "there is no page 7" in (await see(browser, "/checks?page=7", 404)).words


async def test_a_check_tells_its_schedule_its_pings_and_how_to_ping_it(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    schedule = Cron("30 5 * * *", "Europe/London")
    one = await make_check(system, schedule=schedule, labels={"host": "us"}, max_runtime=timedelta(hours=2))
    await ping(system, one, "/start")
    clock.advance(minutes=3)
    await ping(system, one, "/3", b"processed 12\nremaining 7")
    shown = await see(browser, "/checks/job")
    for words in (
        "Failed at 03:03 UTC: exit status 3; next due 04:30 UTC (05:30 Europe/London), in 1 h 27 min.",
        "05:30 every day, Europe/London",
        "04 May 04:30 UTC 05:30 BST",
        "Maximum run time 2 h",
        "host us",
        "fail, exit status 3",
        "processed 12 remaining 7",
        "1 failed",
        f'curl -fsS -m 10 --retry 5 --retry-connrefused "http://test/ping/{one.uuid}"',
        f'30 5 * * * /path/to/job; curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null "http://test/ping/{one.uuid}/$?"',
        'curl -fsS -m 10 --retry 5 --retry-connrefused "http://test/ping/$HEARTBEAT_PING_KEY/job"',
    ):
        assert words in shown.words
    assert f"/incidents/{await incident_of(system, one)}" in shown.links


async def test_a_long_body_is_cut_and_can_be_had_whole_as_plain_text(
    system: System, browser: httpx.AsyncClient
) -> None:
    one = await make_check(system)
    body = b"<b>begin</b>" + b"x" * 900 + b"end\xff"
    await ping(system, one, body=body)
    shown = await see(browser, "/checks/job")
    assert "end\ufffd" in shown.words
    assert "begin" not in shown.words
    assert "/checks/job/pings/1" in shown.links

    whole = await browser.get("/checks/job/pings/1")
    assert whole.content == body
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in whole.headers["content-security-policy"]


async def test_what_is_not_there_says_so(browser: httpx.AsyncClient) -> None:
    for path in (
        "/checks/nope",
        "/checks/nope/pause",
        "/checks/nope/pings/1",
        "/incidents/9",
        "/incidents/9/resolve",
    ):
        shown = await see(browser, path, 404)
        assert "Not found" in shown.words
        assert "/" in shown.links
    assert (await browser.get("/nothing")).status_code == 404
    for path in (
        "/checks/nope/pause",
        "/checks/nope/resume",
        "/incidents/9/acknowledge",
        "/incidents/9/resolve",
    ):
        assert (await press(browser, path)).status_code == 404, path
    assert (await press(browser, "/incidents/9/snooze", **{"for": "1h"})).status_code == 404


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_addresses_that_no_row_can_have_are_not_there(browser: httpx.AsyncClient) -> None:
    for path in (
        f"/incidents/{10**30}",
        f"/incidents/{10**30}/resolve",
        "/checks/%00",
        f"/checks/a/pings/{10**30}",
    ):
        await see(browser, path, 404)
    for path in (f"/incidents/{10**30}/acknowledge", f"/incidents/{10**30}/resolve", "/checks/%00/pause"):
        assert (await press(browser, path)).status_code == 404, path
    assert (await browser.get(f"/incidents?before={10**30}")).status_code == 200


async def test_an_incident_is_told_as_a_story_with_the_newest_on_top(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    first, second = await make_group(system, "first-job", "second-job")
    clock.advance(minutes=1)
    await ping(system, first, body=b"remaining 4\n")
    number = await fall_silent(system, clock, first, second)
    await escalate(system, clock)
    clock.advance(minutes=1)
    await ping(system, second)

    shown = await see(browser, f"/incidents/{number}")
    assert "us-housekeeping: 1 of 2 jobs silent" in shown.words
    assert "Nobody has answered; First responder is paged at" in shown.words
    story = shown.words[shown.words.index("Timeline") :]
    order = [
        "cleared second-job: heard again",
        "paged step 1 of ops: First responder",
        "first-job was not heard",
        "due",
    ]
    places = [story.index(words) for words in order]
    assert places == sorted(places)
    assert "last said: remaining 4" in shown.words
    assert "First responder 1 message" in shown.words
    assert {"/checks/first-job", "/checks/second-job", f"/incidents/{number}/resolve"} <= set(shown.links)


async def test_after_a_flap_each_job_is_listed_once_as_it_stands(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    those = await make_group(system, "a-job", "b-job", "c-job", "d-job")
    number = await fall_silent(system, clock, *those)
    for one in those[:3]:
        await ping(system, one)
    await press(browser, f"/incidents/{number}/acknowledge", occurrence="1")
    assert await fall_silent(system, clock, *those[:3]) == number

    shown = await see(browser, f"/incidents/{number}")
    assert "us-housekeeping: 4 of 4 jobs silent" in shown.words
    assert "4 jobs silent d-job due" in shown.words
    links = [link for link in shown.links if link.startswith("/checks/")]
    assert links == ["/checks/d-job", "/checks/a-job", "/checks/b-job", "/checks/c-job"]
    assert "paging again: a-job is silent again after it had recovered" in shown.words


async def test_an_incident_of_a_group_of_one_is_called_by_the_jobs_own_name_everywhere(
    system: System, browser: httpx.AsyncClient, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    named = replace(a_check("job", labels={"host": "example"}), name="Example job")
    await system.context.database.write(lambda db: check_store.insert(db, [named]))
    alone = await read_check(system, "job")
    _, one = await make_group(system, "a-job", "b-job")
    await fall_silent(system, clock, alone, one)
    numbers = {
        await incident_of(system, alone): "Example job",
        await incident_of(system, one): "us-housekeeping",
    }
    for number, title in numbers.items():
        for path in ("/", "/incidents", f"/incidents/{number}", f"/incidents/{number}/resolve"):
            assert title in (await see(browser, path)).words
        assert (await admin.get(f"/v1/incidents/{number}")).json()["title"] == title
    listed = (await admin.get("/v1/incidents")).json()["incidents"]
    assert {one["id"]: one["title"] for one in listed} == numbers
    assert "Example job silent, error; began" in (await see(browser, "/checks/job")).words


async def test_past_incidents_are_listed_a_page_at_a_time(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make_check(system)
    for _ in range(60):
        await ping(system, one, "/fail")
        await ping(system, one)
    await fall_silent(system, clock, one)
    shown = await see(browser, "/incidents")
    assert "One incident is open." in shown.words
    assert numbers_of(shown) == [61, *range(60, 10, -1)]
    (older,) = [link for link in shown.links if "before=" in link]
    rest = await see(browser, older)
    assert "Older incidents." in rest.words
    assert numbers_of(rest) == list(range(10, 0, -1))


async def test_a_storm_is_told_in_a_bounded_page(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    labels = {"host": "us"}
    those = [a_check(f"job-{n:04}", labels=labels) for n in range(600)]
    await system.context.database.write(lambda db: check_store.insert(db, those))
    number = await fall_silent(system, clock, await read_check(system, "job-0499"))
    answer = await browser.get(f"/incidents/{number}")
    shown = sound(answer.text)
    assert "600 of 600 jobs silent" in shown.words
    assert "and 550 more." in shown.words
    assert len(answer.content) < LIGHT


# What its buttons do


async def test_acknowledging_names_who_and_until_when(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    form = await see(browser, f"/incidents/{number}")
    answer = await press(browser, f"/incidents/{number}/acknowledge", occurrence=form.fields["occurrence"])
    assert (answer.status_code, answer.headers["location"]) == (303, f"/incidents/{number}")
    shown = await see(browser, f"/incidents/{number}")
    assert "Acknowledged by admin at 03:06 UTC; pages again at 07:06 UTC unless resolved." in shown.words
    assert f"/incidents/{number}/acknowledge" not in shown.forms


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
    assert "Nobody has answered" in (await see(browser, f"/incidents/{number}")).words


@pytest.mark.parametrize(
    ("lasts", "until"), [("1h", "04:06 UTC"), ("4h", "07:06 UTC"), ("morning", "09:00 UTC")]
)
async def test_snoozing_says_until_when(
    system: System, browser: httpx.AsyncClient, clock: SetClock, lasts: str, until: str
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    assert (await press(browser, f"/incidents/{number}/snooze", **{"for": lasts})).status_code == 303
    shown = await see(browser, f"/incidents/{number}")
    assert f"Snoozed by admin; pages again at {until} unless resolved." in shown.words


async def test_a_snooze_until_the_morning_ends_where_the_reader_is(
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


async def test_a_snooze_for_no_known_time_changes_nothing(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    answer = await press(browser, f"/incidents/{number}/snooze", **{"for": "ever"})
    assert answer.status_code == 400
    assert "Nothing was changed" in sound(answer.text).words
    assert "Nobody has answered" in (await see(browser, f"/incidents/{number}")).words


async def test_resolving_asks_in_words_that_name_the_thing(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    those = await make_group(system, *(f"job-{n}" for n in range(7)))
    number = await fall_silent(system, clock, *those)
    asked = await see(browser, f"/incidents/{number}/resolve")
    assert f"Resolve incident {number}, us-housekeeping?" in asked.words
    assert (
        "Still down: job-0, job-1, job-2, job-3, job-4 and 2 more. Each is expected again from now on"
        in asked.words
    )
    assert (await read_check(system, "job-0")).state is State.DOWN

    assert (await press(browser, f"/incidents/{number}/resolve")).status_code == 303
    shown = await see(browser, f"/incidents/{number}")
    assert "Resolved by admin at 03:06 UTC; it lasted 0 s." in shown.words
    assert shown.forms == ["/sign-out", f"/incidents/{number}/note"]
    assert (await read_check(system, "job-0")).state is State.NEW
    assert (await press(browser, f"/incidents/{number}/acknowledge")).status_code == 303


async def test_pausing_asks_and_resuming_does_not(system: System, browser: httpx.AsyncClient) -> None:
    await make_check(system)
    asked = await see(browser, "/checks/job/pause")
    assert "Pause job?" in asked.words
    assert "It resumes with its next ping, or by hand." in asked.words
    assert (await read_check(system)).state is State.NEW

    assert (await press(browser, "/checks/job/pause")).headers["location"] == "/checks/job"
    assert "Paused since 03:00 UTC" in (await see(browser, "/checks/job")).words
    assert (await press(browser, "/checks/job/resume")).status_code == 303
    assert (await read_check(system)).state is State.NEW


async def test_what_a_button_makes_due_is_looked_at_at_once(
    system: System, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_check(system)
    woken: list[None] = []
    monkeypatch.setattr(system.ticker, "wake", lambda: woken.append(None))
    await see(browser, "/checks/job/pause")
    assert woken == []
    await press(browser, "/checks/job/pause")
    assert woken == [None]


@pytest.mark.parametrize(
    "path", ["/checks/job/pause", "/checks/job/resume", "/incidents/1/acknowledge", "/sign-out"]
)
async def test_only_post_changes_anything(system: System, browser: httpx.AsyncClient, path: str) -> None:
    await make_check(system)
    for method in ("GET", "HEAD", "OPTIONS"):
        await browser.request(method, path)
    assert (await read_check(system)).state is State.NEW
    assert (await browser.get("/")).status_code == 200


# That nothing on it can do harm


async def test_hostile_names_labels_and_bodies_are_inert(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    labels = {"host": HOSTILE, "note": "<img src=x onerror=alert(1)>"}
    hostile = replace(a_check(description=HOSTILE, labels=labels), name=HOSTILE)
    await system.context.database.write(lambda db: check_store.insert(db, [hostile]))
    one = await read_check(system)
    await ping(system, one, "/fail", f"</pre></bdi>{HOSTILE}".encode()[:999])
    number = await incident_of(system, one)
    for path in ("/", "/checks", "/checks/job", "/checks/job/pause", "/incidents", f"/incidents/{number}"):
        shown = await see(browser, path)
        assert shown.tags.count("script") == 2, "ours"
        assert "img" not in shown.tags
        assert "<script>alert(1)</script>" in shown.words
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", shown.html)


async def test_hostile_headers_of_a_ping_are_inert(system: System, browser: httpx.AsyncClient) -> None:
    one = await make_check(system)
    async with visitor(system, **{"user-agent": "<script>alert(1)</script>"}) as job:
        await job.get(f"/ping/{one.uuid}")
    assert (await see(browser, "/checks/job")).tags.count("script") == 2, "ours"


def test_text_keeps_what_is_harmless() -> None:
    plain = "naïve עברית \u200f 日本語\ttab\nline 🎉"
    assert render.harmless(plain) == plain
    assert render.harmless("a\x00b\u202ec\ud800d\r") == "a\ufffdb\ufffdc\ufffdd\ufffd"


async def test_static_files_are_kept_for_as_long_as_they_are_the_same(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get(render.static_url("style.css"))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert (await stranger.get("/static/style.css?v=old")).headers["cache-control"] == "no-cache"
    assert (await stranger.get("/static/mark.svg")).headers["content-type"] == "image/svg+xml"
    for name in ("nope.css", "..%2fpage.py", "__init__.py"):
        assert (await stranger.get(f"/static/{name}")).status_code == 404


async def test_the_database_being_away_is_said_and_nothing_is_lost(
    system: System, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from heartbeat.database import Unavailable

    async def away(*_: Any) -> Any:
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(Database, "read", away)
    shown = await see(browser, "/", 503)
    assert "The database does not answer" in shown.words


def test_the_strip_has_as_many_cells_as_the_heading_says() -> None:
    assert f"Last {run_strip.RUNS} runs" in (render.HERE / "templates" / "parts.html").read_text()
