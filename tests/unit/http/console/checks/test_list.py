"""The list of checks in a browser: searched, narrowed, paused and resumed in numbers, without a line of script."""

import re
from datetime import timedelta
from functools import partial
from urllib.parse import urlencode

import httpx
import pytest

from heartbeat import audit
from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.checks import actions, checker
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Signal, State
from heartbeat.http.console.checks import bulk
from heartbeat.http.console.checks.list import A_PAGE
from heartbeat.http.pages import run_strip
from heartbeat.pings import lanes
from heartbeat.pings.arrival import Arrival, ByUuid
from tests.unit.access.conftest import PASSWORD, add
from tests.unit.conftest import a_check, somebody
from tests.unit.http.conftest import SetClock, fall_silent, make_check, read_check
from tests.unit.http.console.conftest import press, see
from tests.unit.http.markup import Markup

LIGHT = 100_000
"""Bytes that a page may weigh with all its assets."""


async def done_by_hand(system: System) -> list[audit.AuditEntry]:
    """Return the entries of the audit log without sign-ins, newest first."""
    entries = await system.context.database.read(lambda db: audit.listed(db, limit=9))
    return [deed for deed in entries if deed.action != "sign_in"]


def listed(screen: Markup) -> list[str]:
    """The checks that a page lists, in its order."""
    return [link.removeprefix("/checks/") for link in screen.links if link.startswith("/checks/")]


@pytest.fixture
async def fleet(system: System, clock: SetClock) -> None:
    """A check that is down, one that is late, one that is paused, and one of another host."""
    await make_check(system, "a-silent", labels={"host": "us", "part": "web"})
    await make_check(system, "b-late", labels={"host": "us"}, grace=timedelta(hours=1))
    await make_check(system, "c-paused", labels={"host": "eu"})
    await make_check(
        system, "d-new", labels={"host": "eu"}, grace=timedelta(hours=9), description="Réindexes"
    )
    await system.context.database.write(
        lambda db: actions.pause(db, "c-paused", somebody("bob"), clock.now())
    )
    await fall_silent(system, clock, await read_check(system, "a-silent"))


@pytest.mark.usefixtures("fleet")
async def test_the_list_is_narrowed_by_its_address(browser: httpx.AsyncClient) -> None:
    for query, expected in (
        ("", ["a-silent", "b-late", "d-new", "c-paused"]),
        ("state=down", ["a-silent"]),
        ("state=late", ["b-late", "d-new"]),
        ("state=paused", ["c-paused"]),
        ("label=host%3Deu", ["d-new", "c-paused"]),
        ("label=host%3Dus&label=part%3Dweb", ["a-silent"]),
        ("q=LATE", ["b-late"]),
        ("q=eu&state=paused", ["c-paused"]),
    ):
        assert listed(await see(browser, f"/checks?{query}")) == expected, query


@pytest.mark.usefixtures("fleet")
async def test_the_states_are_counted_among_what_is_looked_for(browser: httpx.AsyncClient) -> None:
    screen = await see(browser, "/checks?label=host%3Deu&state=late")
    assert "all 2 down 0 late 1 up 0 new 0 paused 1" in screen.words
    assert "One check is down. 2 are late." not in screen.words
    assert "1 check is down. 2 are late." in screen.words, "the sentence is of all checks"
    assert "/checks?state=down&label=host%3Deu" in screen.links
    assert "/checks?state=late" in screen.links, "the label can be taken away"
    assert screen.fields["label"] == "host=eu"
    assert screen.fields["state"] == "late"


@pytest.mark.usefixtures("fleet")
async def test_a_search_without_matches_says_what_to_do(browser: httpx.AsyncClient) -> None:
    screen = await see(browser, "/checks?q=nowhere&state=up")
    assert "No up check matches. Each word must occur in" in screen.words
    assert "Show all 4 checks" in screen.words
    assert "Nothing is watched yet" not in screen.words


async def test_a_page_past_the_last_of_a_search_says_so(system: System, browser: httpx.AsyncClient) -> None:
    await system.context.database.write(
        lambda db: check_store.insert(db, [a_check(f"job-{n:03}") for n in range(A_PAGE + 1)])
    )
    second = await see(browser, "/checks?q=job&page=2")
    assert listed(second) == [f"job-{A_PAGE:03}"]
    assert f"Page 2 of 2, {A_PAGE + 1} checks" in second.words
    assert "/checks?q=job" in second.links
    await see(browser, f"/checks?q=job-{A_PAGE:03}&page=2", 404)


async def test_a_label_of_a_check_leads_to_all_that_bear_it(
    system: System, browser: httpx.AsyncClient
) -> None:
    await make_check(system, labels={"no te": "a&b=ü/"})
    (link,) = [link for link in (await see(browser, "/checks/job")).links if link.startswith("/checks?label")]
    assert listed(await see(browser, link)) == ["job"]


async def test_a_full_page_with_all_its_assets_is_light(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    labels = {"host": "us-housekeeping", "region": "us", "component": "cpu-allowance"}
    jobs = [a_check(f"a-job-with-a-name-{n:03}", labels=labels) for n in range(A_PAGE + 1)]
    await system.context.database.write(lambda db: check_store.insert(db, jobs))
    for run in range(run_strip.RUNS):
        clock.advance(minutes=5)
        signal = Signal.FAIL if run % 10 == 9 else Signal.SUCCESS
        pings = [
            Arrival(ByUuid(job.uuid.hex), signal, clock.now(), "GET", "192.0.2.1", "curl") for job in jobs
        ]
        await system.context.database.write(partial(lanes.hear, arrivals=pings))
    answer = await browser.get("/checks")
    assets = [
        await browser.get(address)
        for address in set(re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text))
    ]
    assert len(assets) == 7
    weights = [int(asset.headers["content-length"]) for asset in assets]
    assert "27 on time, 3 failed" in answer.text
    assert len(answer.content) + sum(weights) < LIGHT, (len(answer.content), weights)


async def test_every_list_of_a_great_fleet_in_a_storm_is_light(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    those = [
        a_check(
            f"a-job-with-a-name-{n:05}", labels=_of_a_fleet(n), grace=timedelta(minutes=1 if n < 3000 else 30)
        )
        for n in range(10_000)
    ]
    await system.context.database.write(lambda db: check_store.insert(db, those))
    clock.advance(minutes=6)
    for _ in range(3):
        await system.context.database.write(lambda db: checker.sweep(db, clock.now()))
    assert "3,000 checks are down for 1,000 causes." in (await see(browser, "/")).words
    for path in ("/", "/checks", "/checks?state=down", "/checks?label=region%3Dus", "/incidents"):
        answer = await browser.get(path)
        assets = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text))
        weights = [int((await browser.get(address)).headers["content-length"]) for address in assets]
        assert len(answer.content) + sum(weights) < LIGHT, (path, len(answer.content), weights)


def _of_a_fleet(n: int) -> dict[str, str]:
    return {"host": f"housekeeping-{n // 3:04}", "region": ("us", "eu")[n % 2], "component": f"part-{n % 90}"}


async def test_a_static_file_is_not_sent_again_to_who_has_it(browser: httpx.AsyncClient) -> None:
    first = await browser.get("/static/style.css")
    tag = first.headers["etag"]
    second = await browser.get("/static/style.css", headers={"If-None-Match": f'"other", {tag}'})
    assert (second.status_code, second.content, second.headers["etag"]) == (304, b"", tag)
    assert second.headers["vary"] == "Accept-Encoding"
    plain = await browser.get(
        "/static/style.css", headers={"If-None-Match": tag, "Accept-Encoding": "identity"}
    )
    assert (plain.status_code, plain.text) == (200, first.text)
    assert plain.headers["etag"] != tag, "compressed and not, they are not the same bytes"


# Many at once


def ask(*slugs: str, **more: str) -> str:
    """Return the query that the form of the list sends."""
    return urlencode([*(("check", slug) for slug in slugs), *more.items()])


@pytest.mark.usefixtures("fleet")
async def test_pausing_many_asks_first_and_names_them(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    chosen = ask("a-silent", "b-late", "c-paused", "gone", back="/checks?q=a")
    screen = await see(browser, f"/pause?{chosen}")
    assert "Pause 2 checks? Nobody is paged for them while they are paused." in screen.words
    assert "silent a-silent late b-late" in screen.words
    assert "Unchanged: c-paused." in screen.words
    assert "/checks?q=a" in screen.links
    assert (await read_check(system, "b-late")).state is State.NEW

    answer = await press(browser, "/pause", check=["a-silent", "b-late"], back="/checks?q=a")
    assert (answer.status_code, answer.headers["location"]) == (303, "/checks?q=a")
    for slug in ("a-silent", "b-late"):
        assert (await read_check(system, slug)).state is State.PAUSED
    screen = await see(browser, "/incidents")
    assert "No incident is open." in screen.words

    deeds = [
        entry
        for entry in await system.context.database.read(lambda db: audit.listed(db, limit=9))
        if entry.action.startswith("check.") and entry.actor == "admin"
    ]
    assert {(deed.actor, deed.action, deed.target) for deed in deeds} == {
        ("admin", "check.pause", "check a-silent"),
        ("admin", "check.pause", "check b-late"),
    }
    assert [deed.before for deed in deeds] == [{"state": "new"}, {"state": "down"}]


@pytest.mark.usefixtures("fleet")
async def test_resumed_checks_are_expected_again(system: System, browser: httpx.AsyncClient) -> None:
    screen = await see(browser, f"/resume?{ask('c-paused', 'd-new')}")
    assert "Resume c-paused? It is expected again from now on" in screen.words
    assert "Unchanged: d-new." in screen.words
    await press(browser, "/resume", check=["c-paused", "d-new"])
    assert (await read_check(system, "c-paused")).state is State.NEW
    deeds = [
        entry
        for entry in await system.context.database.read(lambda db: audit.listed(db, limit=9))
        if entry.action.startswith("check.") and entry.actor == "admin"
    ]
    assert [deed.target for deed in deeds] == ["check c-paused"]


@pytest.mark.usefixtures("fleet")
async def test_checks_that_resume_only_by_hand_are_named(system: System, browser: httpx.AsyncClient) -> None:
    await make_check(system, "held", manual_resume=True)
    assert (
        "Paused until somebody resumes them: held."
        in (await see(browser, f"/pause?{ask('held', 'd-new')}")).words
    )
    assert "It stays paused until somebody resumes it." in (await see(browser, f"/pause?{ask('held')}")).words


@pytest.mark.usefixtures("fleet")
async def test_ticking_none_or_too_many_changes_nothing(system: System, browser: httpx.AsyncClient) -> None:
    many = ask(*(f"job-{n}" for n in range(bulk.MOST + 1)))
    for query, status, text in (
        ("", 400, "No check is ticked"),
        (many, 400, "At most 100 checks"),
        (ask("c-paused"), 409, "Nothing to pause"),
        (ask("gone"), 409, "Nothing was changed"),
        (ask("a%00b"), 409, "Nothing was changed"),
    ):
        assert text in (await see(browser, f"/pause?{query}", status)).words
    assert "Nothing to resume" in (await see(browser, f"/resume?{ask('d-new')}", 409)).words
    assert (await press(browser, "/pause")).status_code == 400
    assert (await read_check(system, "d-new")).state is State.NEW


@pytest.mark.parametrize(
    "back", ["https://evil.example.com", "//evil.example.com", "/sign-out", "/incidents"]
)
async def test_going_back_leads_to_the_list_only(
    system: System, browser: httpx.AsyncClient, back: str
) -> None:
    await make_check(system)
    assert (await press(browser, "/pause", check="job", back=back)).headers["location"] == "/checks"


async def test_a_whole_page_can_be_paused_at_once(system: System, browser: httpx.AsyncClient) -> None:
    slugs = [f"job-{n:03}" for n in range(A_PAGE)]
    await system.context.database.write(lambda db: check_store.insert(db, [a_check(slug) for slug in slugs]))
    screen = await see(browser, f"/pause?{ask(*slugs)}")
    assert f"Pause {A_PAGE} checks?" in screen.words
    assert (await press(browser, "/pause", check=slugs, back="/checks")).status_code == 303
    assert f"All {A_PAGE} checks are paused." in (await see(browser, "/checks")).words


async def test_pausing_one_is_written_down(system: System, browser: httpx.AsyncClient) -> None:
    await make_check(system)
    await press(browser, "/checks/job/pause")
    await press(browser, "/checks/job/pause")
    await press(browser, "/checks/job/resume")
    deeds = [
        entry
        for entry in await system.context.database.read(lambda db: audit.listed(db, limit=9))
        if entry.action.startswith("check.") and entry.actor == "admin"
    ]
    assert [deed.action for deed in deeds] == ["check.resume", "check.pause"]


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    ("role", "acts", "rules"), [(Role.VIEWER, 0, 0), (Role.RESPONDER, 1, 0), (Role.ADMIN, 1, 1)]
)
async def test_nobody_is_shown_a_button_that_is_not_for_them(
    system: System, stranger: httpx.AsyncClient, role: Role, acts: bool, rules: bool
) -> None:
    await system.context.database.write(lambda db: add(db, "vera", role))
    signed = await stranger.post("/sign-in", data={"name": "vera", "password": PASSWORD})
    assert signed.status_code == 303
    screen = await see(stranger, "/checks")
    assert ("check" in screen.fields) == acts
    assert ("Resume" in screen.words) == acts
    assert ("/new" in screen.links) == rules
    check_screen = await see(stranger, "/checks/a-silent")
    assert ("/checks/a-silent/pause" in check_screen.links) == acts
    assert ("/checks/a-silent/edit" in check_screen.links) == rules
    incident = await see(stranger, "/incidents/1")
    assert ("/incidents/1/acknowledge" in incident.forms) == acts
    assert ("/incidents/1/note" in incident.forms) == acts
    assert ("data-occurrence" in (await see(stranger, "/")).html) == acts
