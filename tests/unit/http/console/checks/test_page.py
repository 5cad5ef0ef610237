"""The page of one check: what its runs took, the incidents it was in, whom it would page, and how to ping it."""

import re
from datetime import timedelta

import httpx
import pytest

from heartbeat import audit
from heartbeat.app import System
from heartbeat.checks.schedule import Cron, Every, Schedule
from heartbeat.http.console.incidents.pages import LONGEST_NOTE
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping
from tests.unit.http.console.conftest import press, see
from tests.unit.http.markup import sound


async def test_durations_are_drawn_with_their_limit_and_stand_in_a_table(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make_check(system, max_runtime=timedelta(minutes=2))
    assert "Durations" not in (await see(browser, "/checks/job")).words
    for seconds in (60, 120):
        await ping(system, one, "/start")
        clock.advance(seconds=seconds)
        await ping(system, one)
    shown = await see(browser, "/checks/job")
    said = "The last 2 timed runs took 1 min to 2 min"
    assert said in shown.words
    assert f'role="img" aria-label="{said}' in shown.html
    assert len(re.findall(r'<rect class="ok"', shown.html)) == 2
    assert 'class="limit"' in shown.html
    assert "The dashed line is the maximum." in shown.words
    assert "2 min in time" in shown.words


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_its_incidents_are_listed_the_newest_first(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    one, other = await make_check(system), await make_check(system, "other")
    assert "No recent incidents." in (await see(browser, "/checks/job")).words
    first = await fall_silent(system, clock, one)
    clock.advance(minutes=7)
    await ping(system, one)
    await ping(system, other, "/fail")
    second = await fall_silent(system, clock, one)
    shown = await see(browser, "/checks/job")
    story = shown.words[shown.words.index("Incidents", shown.words.index("Last pings")) :]
    assert "open job silent, error; began 03:19 UTC" in story
    assert "resolved job silent, error; began 03:06 UTC, lasted 7 min" in story
    listed = [link for link in shown.links if re.fullmatch(r"/incidents/\d+", link)]
    assert listed == [f"/incidents/{second}", f"/incidents/{second}", f"/incidents/{first}"]


async def test_who_would_be_paged_is_said_step_by_step(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    await make_check(system)
    shown = await see(browser, "/checks/job")
    for words in (
        "If it fell silent now, a new incident would open, and First responder would be paged at",
        "step 1 First responder by console, then slack, then pigeon",
        "Policy ops Defined by",
        "Policy ops, until somebody answers.",
        "Text of the page ERROR job",
    ):
        assert words in shown.words, words
    await press(browser, "/checks/job/pause")
    assert "It is paused: nothing is expected of it" in (await see(browser, "/checks/job")).words


async def test_what_is_due_in_another_year_has_its_year(system: System, browser: httpx.AsyncClient) -> None:
    await make_check(system, schedule=Cron("30 1 29 3 *", "UTC"))
    shown = await see(browser, "/checks/job")
    years = " ".join(f"29 Mar {year} 01:30 UTC" for year in range(2025, 2030))
    assert f"Next due {years} Severity" in shown.words


@pytest.mark.parametrize(
    ("planned", "line"),
    [
        (Cron("0 3 * * *", "UTC"), "0 3 * * * /path/to/job; "),
        (Every(timedelta(minutes=5)), "*/5 * * * * /path/to/job; "),
        (
            Every(timedelta(minutes=7)),
            "# Put its times in front, in the syntax of crontab(5).\n/path/to/job; ",
        ),
    ],
)
async def test_the_line_for_a_crontab_has_its_times_and_says_nothing_that_cron_would_mail(
    system: System, browser: httpx.AsyncClient, planned: Schedule, line: str
) -> None:
    one = await make_check(system, schedule=planned)
    shown = await see(browser, "/checks/job")
    ping = (
        f"curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null &#34;http://test/ping/{one.uuid}/$?&#34;"
    )
    assert f"<code>{line}{ping}</code>" in shown.html.replace('"http', "&#34;http").replace('$?"', "$?&#34;")


async def test_the_lines_to_copy_are_there_without_script(system: System, browser: httpx.AsyncClient) -> None:
    one = await make_check(system)
    shown = await see(browser, "/checks/job")
    assert f'urllib.request.urlopen("http://test/ping/{one.uuid}", timeout=10)' in shown.words
    assert "/ping/$HEARTBEAT_PING_KEY/job" in shown.words
    assert "#ping" in shown.links
    code = re.findall(r'<pre class="line"><code>(import.*?)</code>', shown.html, re.DOTALL)
    compile(code[0].replace("&#34;", '"'), "snippet", "exec")


# A note for the others


async def test_a_note_becomes_part_of_the_story(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    assert f"/incidents/{number}/note" in (await see(browser, f"/incidents/{number}")).forms
    done = await press(browser, f"/incidents/{number}/note", words=" Restarted the host.\r\nIt comes back. ")
    assert (done.status_code, done.headers["location"]) == (303, f"/incidents/{number}")
    shown = await see(browser, f"/incidents/{number}")
    assert "note Restarted the host. It comes back. by admin" in shown.words
    assert '<span class="jotted">Restarted the host.\nIt comes back.</span>' in shown.html
    # The kind is a class of the story's own: that of the form beside would lay it out as a form.
    assert '<span class="what is-note">note</span>' in shown.html
    deeds = await system.context.database.read(lambda db: audit.listed(db, limit=1))
    assert (deeds[0].action, deeds[0].target) == ("incident.note", f"incident {number}")


@pytest.mark.parametrize("words", ["", "  \n ", "\0", "x" * (LONGEST_NOTE + 1)])
async def test_a_note_that_says_nothing_or_too_much_is_not_added(
    system: System, browser: httpx.AsyncClient, clock: SetClock, words: str
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    answer = await press(browser, f"/incidents/{number}/note", words=words)
    assert answer.status_code == 400
    assert "The note was not added" in sound(answer.text).words


async def test_a_note_on_what_is_not_there(browser: httpx.AsyncClient) -> None:
    assert (await press(browser, "/incidents/9/note", words="hello")).status_code == 404


async def test_who_answered_is_written_down_once(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    for path in ("acknowledge", "acknowledge", "resolve", "resolve", "acknowledge"):
        await press(browser, f"/incidents/{number}/{path}")
    deeds = await system.context.database.read(lambda db: audit.listed(db, limit=9))
    said = [deed.action for deed in deeds if deed.target == f"incident {number}"]
    assert said == ["incident.resolve", "incident.acknowledge"]
