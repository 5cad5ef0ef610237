"""The page of one check: what its runs took, the incidents it was in, whom it would page, and how to ping it."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.quiet_hours import QuietHours
from alerting.severity import Severity
from heartbeat import audit
from heartbeat.app import System
from heartbeat.checks import checker, waiting
from heartbeat.checks.check import Signal, State, Tolerance
from heartbeat.checks.dependency import After
from heartbeat.checks.schedule import Cron, Every, Schedule
from heartbeat.http.console.incidents.pages import LONGEST_NOTE
from heartbeat.pings import store as pings
from heartbeat.pings.arrival import Arrival, ByUuid, NumberedPing
from tests.unit.http.conftest import SetClock, fall_silent, incident_of, make_check, ping, read_check, recover
from tests.unit.http.console.conftest import press, see
from tests.unit.http.markup import sound


async def test_durations_are_drawn_with_their_limit_and_stand_in_a_table(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    job = await make_check(system, max_runtime=timedelta(minutes=2))
    assert "Durations" not in (await see(browser, "/checks/job")).words
    for seconds in (60, 120):
        await ping(system, job, "/start")
        clock.advance(seconds=seconds)
        await ping(system, job)
    screen = await see(browser, "/checks/job")
    caption = "The last 2 timed runs took 1 min to 2 min"
    assert caption in screen.words
    assert f'role="img" aria-label="{caption}' in screen.html
    assert len(re.findall(r'<rect class="ok"', screen.html)) == 2
    assert 'class="limit"' in screen.html
    assert "The dashed line is the maximum." in screen.words
    assert "2 min in time" in screen.words


async def test_the_progress_of_a_run_is_seen_on_its_page_and_in_the_list(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    job = await make_check(
        system, until_done=True, max_runtime=timedelta(hours=20), stuck_after=timedelta(minutes=15)
    )
    before = await see(browser, "/checks/job")
    assert "Run under way" not in before.words
    for done in (0, 60, 120, 180):
        await ping(system, job, f"/progress?done={done}&total=900&m.rows={done * 10}")
        clock.advance(minutes=10)
    screen = await see(browser, "/checks/job")
    assert "Run under way 20 % 180 of 900 done, about 6 a minute. It ends about 05:30 UTC." in screen.words
    assert "Began 03:00 UTC. Reported 10 min ago." in screen.words
    assert '<progress max="100" value="20" aria-label="Done">' in screen.html
    assert "rows 1,800" in screen.words
    assert "Maximum run time until done, at most 20 h Stuck after 15 min" in screen.words
    assert sound(screen.html)
    assert "20 % done, ends about 05:30 UTC" in (await see(browser, "/checks")).words
    clock.advance(minutes=5)
    await system.context.database.write(lambda db: checker.sweep(db, clock.at))
    stuck = await see(browser, "/checks/job")
    assert "Stuck since 03:45 UTC: no progress for 15 min, at 180 of 900 (20 %)." in stuck.words
    assert "It does not move." in stuck.words
    await ping(system, job, "/progress?done=240&total=900")
    assert "It ends about" in (await see(browser, "/checks/job")).words


async def test_numbers_are_shown_with_their_extremes_and_what_was_not_understood(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    job = await make_check(system)
    await ping(system, job)
    assert "Numbers" not in (await see(browser, "/checks/job")).words
    for remaining in (9000, 12000, 4500):
        clock.advance(minutes=1)
        await ping(system, job, body=b'{"remaining": %d, "rows": null}' % remaining)
    screen = await see(browser, "/checks/job")
    assert "remaining 4,500 4,500 9,000 12,000" in screen.words
    assert 'aria-label="3 values from 4,500 to 12,000, the last 4,500"' in screen.html
    assert "left out" not in screen.words
    assert "By day" not in screen.words
    await system.beside.rollup.roll()
    screen = await see(browser, "/checks/job")
    assert "By day" in screen.words
    assert "2024-05-03 remaining 3 4,500 9,000 12,000 2024-05-03 body_size 3 33 33 34" in screen.words
    assert sound(screen.html)

    clock.advance(minutes=1)
    await ping(system, job, body=b'{"remaining": NaN}')
    words = (await see(browser, "/checks/job")).words
    assert 'Ping of 03:04 UTC: "remaining" was left out: it is not a finite number.' in words
    clock.advance(minutes=1)
    await ping(system, job, body=b'{"remaining": 7}')
    assert "left out" not in (await see(browser, "/checks/job")).words


async def test_a_runbook_is_a_link_where_it_is_a_url(system: System, browser: httpx.AsyncClient) -> None:
    await make_check(system, runbook="https://wiki.example.com/backup?a=1&b=2")
    await make_check(system, "other", runbook='<b onclick="x">javascript:alert(1)</b>')
    screen = await see(browser, "/checks/job")
    assert "Runbook: https://wiki.example.com/backup?a=1&b=2" in screen.words
    assert "https://wiki.example.com/backup?a=1&b=2" in screen.links
    other = await see(browser, "/checks/other")
    assert 'Runbook: <b onclick="x">javascript:alert(1)</b>' in other.words
    assert not [link for link in other.links if "javascript" in link]


async def test_what_is_tolerated_is_seen_on_its_page_and_in_the_list(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    job = await make_check(system, alert_after=Tolerance(failures=3, missed=2))
    await ping(system, job, "/fail")
    screen = await see(browser, "/checks/job")
    assert "Nobody is paged yet" in screen.words
    assert "Down after 3 failures or 2 missed runs in a row" in screen.words
    assert "reported failure, failure 1 of 3" in screen.words[screen.words.index("Changes") :]
    assert "failed once, down after 3" in (await see(browser, "/checks")).words
    clock.advance(minutes=6)
    await system.context.database.write(lambda db: checker.sweep(db, clock.now()))
    screen = await see(browser, "/checks/job")
    assert "missed 1 of 2. It is down at 03:11 UTC if it stays silent." in screen.words
    assert "No recent incidents." in screen.words
    assert "failed once, down after 3; missed 1 of 2" in (await see(browser, "/checks?state=late")).words


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_its_incidents_are_listed_the_newest_first(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    job, other = await make_check(system), await make_check(system, "other")
    assert "No recent incidents." in (await see(browser, "/checks/job")).words
    first = await fall_silent(system, clock, job)
    clock.advance(minutes=7)
    await recover(system, clock, job)
    await ping(system, other, "/fail")
    second = await fall_silent(system, clock, job)
    screen = await see(browser, "/checks/job")
    story = screen.words[screen.words.index("Incidents", screen.words.index("Last pings")) :]
    assert "open job silent, error; began 03:21 UTC" in story
    assert "resolved job silent, error; began 03:06 UTC, lasted 7 min" in story
    listed = [link for link in screen.links if re.fullmatch(r"/incidents/\d+", link)]
    assert listed == [f"/incidents/{second}", f"/incidents/{second}", f"/incidents/{first}"]


async def test_the_escalation_says_whose_page_waits_for_quiet_hours(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    await make_check(system, severity=Severity.WARNING)
    contacts = (Contact("email", "ben@example.com"),)
    ben = Person("ben", "Ben", contacts, "UTC", Origin.API, quiet_hours=QuietHours.parse("01:00-05:00"))
    policy = Policy("ops", (Step(("first", "ben"), timedelta(minutes=5)),))

    def work(db: Connection) -> None:
        desk.define_person(db, ben)
        desk.define_policy(db, policy)

    await system.context.database.write(work)
    screen = await see(browser, "/checks/job")
    assert "a new incident would open, and First responder would be paged at" in screen.words
    assert "Ben by email, held until 05:00 UTC by their quiet hours" in screen.words


async def test_the_escalation_is_shown_step_by_step(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    await make_check(system)
    screen = await see(browser, "/checks/job")
    for text in (
        "If it fell silent now, a new incident would open, and First responder would be paged at",
        "step 1 First responder by console, then slack, then pigeon",
        "Policy ops Defined by",
        "Policy ops, until somebody answers.",
        "Text of the page ERROR job",
    ):
        assert text in screen.words, text
    await press(browser, "/checks/job/pause")
    assert "It is paused: nothing is expected of it" in (await see(browser, "/checks/job")).words


async def test_a_due_time_in_another_year_has_its_year(system: System, browser: httpx.AsyncClient) -> None:
    await make_check(system, schedule=Cron("30 1 29 3 *", "UTC"))
    screen = await see(browser, "/checks/job")
    years = " ".join(f"29 Mar {year} 01:30 UTC" for year in range(2025, 2030))
    assert f"Next due {years} Severity" in screen.words


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
async def test_the_line_for_a_crontab_has_its_times_and_prints_nothing(
    system: System, browser: httpx.AsyncClient, planned: Schedule, line: str
) -> None:
    job = await make_check(system, schedule=planned)
    screen = await see(browser, "/checks/job")
    ping = (
        f"curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null &#34;http://test/ping/{job.uuid}/$?&#34;"
    )
    assert f"<code>{line}{ping}</code>" in screen.html.replace('"http', "&#34;http").replace('$?"', "$?&#34;")


async def test_the_lines_to_copy_are_there_without_script(system: System, browser: httpx.AsyncClient) -> None:
    job = await make_check(system)
    screen = await see(browser, "/checks/job")
    assert f'urllib.request.urlopen("http://test/ping/{job.uuid}", timeout=10)' in screen.words
    assert "/ping/$HEARTBEAT_PING_KEY/job" in screen.words
    assert "#ping" in screen.links
    code = re.findall(r'<pre class="line"><code>(import.*?)</code>', screen.html, re.DOTALL)
    compile(code[0].replace("&#34;", '"'), "snippet", "exec")


# A note for the others


async def test_a_note_becomes_part_of_the_story(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    assert f"/incidents/{number}/note" in (await see(browser, f"/incidents/{number}")).forms
    answer = await press(
        browser, f"/incidents/{number}/note", words=" Restarted the host.\r\nIt comes back. "
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"/incidents/{number}")
    screen = await see(browser, f"/incidents/{number}")
    assert "note Restarted the host. It comes back. by admin" in screen.words
    assert '<span class="jotted">Restarted the host.\nIt comes back.</span>' in screen.html
    # The kind is a class of the story's own: that of the form beside would lay it out as a form.
    assert '<span class="what is-note">note</span>' in screen.html
    deeds = await system.context.database.read(lambda db: audit.listed(db, limit=1))
    assert (deeds[0].action, deeds[0].target) == ("incident.note", f"incident {number}")


@pytest.mark.parametrize("text", ["", "  \n ", "\0", "x" * (LONGEST_NOTE + 1)])
async def test_an_empty_or_too_long_note_is_not_added(
    system: System, browser: httpx.AsyncClient, clock: SetClock, text: str
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    answer = await press(browser, f"/incidents/{number}/note", words=text)
    assert answer.status_code == 400
    assert "The note was not added" in sound(answer.text).words


async def test_a_note_on_what_is_not_there(browser: httpx.AsyncClient) -> None:
    assert (await press(browser, "/incidents/9/note", words="hello")).status_code == 404


async def test_an_answer_has_one_audit_entry(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    for path in ("acknowledge", "acknowledge", "resolve", "resolve", "acknowledge"):
        await press(browser, f"/incidents/{number}/{path}")
    deeds = await system.context.database.read(lambda db: audit.listed(db, limit=9))
    verbs = [deed.action for deed in deeds if deed.target == f"incident {number}"]
    assert verbs == ["incident.resolve", "incident.acknowledge"]


async def test_a_check_shows_its_schedule_its_pings_and_how_to_ping_it(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    schedule = Cron("30 5 * * *", "Europe/London")
    job = await make_check(system, schedule=schedule, labels={"host": "us"}, max_runtime=timedelta(hours=2))
    await ping(system, job, "/start")
    clock.advance(minutes=3)
    await ping(system, job, "/3", b"processed 12\nremaining 7")
    screen = await see(browser, "/checks/job")
    for text in (
        "Failed at 03:03 UTC: exit status 3; next due 04:30 UTC (05:30 Europe/London), in 1 h 27 min.",
        "05:30 every day, Europe/London",
        "04 May 04:30 UTC 05:30 BST",
        "Maximum run time 2 h",
        "host us",
        "fail, exit status 3",
        "processed 12 remaining 7",
        "1 failed",
        f'curl -fsS -m 10 --retry 5 --retry-connrefused "http://test/ping/{job.uuid}"',
        f'30 5 * * * /path/to/job; curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null "http://test/ping/{job.uuid}/$?"',
        'curl -fsS -m 10 --retry 5 --retry-connrefused "http://test/ping/$HEARTBEAT_PING_KEY/job"',
    ):
        assert text in screen.words
    assert f"/incidents/{await incident_of(system, job)}" in screen.links


async def test_a_long_body_is_cut_and_available_as_plain_text(
    system: System, browser: httpx.AsyncClient
) -> None:
    job = await make_check(system)
    body = b"<b>begin</b>" + b"x" * 900 + b"end\xff"
    await ping(system, job, body=body)
    screen = await see(browser, "/checks/job")
    assert "end\ufffd" in screen.words
    assert "begin" not in screen.words
    assert "/checks/job/pings/1" in screen.links

    whole = await browser.get("/checks/job/pings/1")
    assert whole.content == body
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in whole.headers["content-security-policy"]


async def test_pausing_asks_and_resuming_does_not(system: System, browser: httpx.AsyncClient) -> None:
    await make_check(system)
    screen = await see(browser, "/checks/job/pause")
    assert "Pause job?" in screen.words
    assert "It resumes with its next ping, or by hand." in screen.words
    assert (await read_check(system)).state is State.NEW

    assert (await press(browser, "/checks/job/pause")).headers["location"] == "/checks/job"
    assert "Paused since 03:00 UTC" in (await see(browser, "/checks/job")).words
    assert (await press(browser, "/checks/job/resume")).status_code == 303
    assert (await read_check(system)).state is State.NEW


async def test_a_check_whose_runs_come_hours_after_each_slot_asks_for_its_time_zone(
    system: System, browser: httpx.AsyncClient
) -> None:
    daily = await make_check(system, schedule=Cron("0 3 * * *", "UTC"))
    heard = [
        NumberedPing(
            daily.id, n, Arrival(ByUuid(daily.uuid.hex), Signal.SUCCESS, at, "GET", "10.0.0.5", ""), None
        )
        for n in range(3)
        if (at := datetime(2024, 4, 28 + n, 8, 0, tzinfo=UTC))
    ]
    await system.context.database.write(lambda db: pings.keep(db, heard))
    words = (await see(browser, "/checks/job")).words
    asked = "The last 3 runs came 5 h after their slots. Is the time zone UTC right?"
    assert asked in words
    headers = {"Authorization": f"Bearer {system.context.admin_key}"}
    answer = await browser.get("/v1/checks/job", headers=headers)
    assert answer.json()["time_zone_question"] == asked


async def test_a_check_says_what_it_runs_after_and_that_it_waits(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    backup = await make_check(system, "backup")
    after = After(("backup", "gone"), ({"job": "import"},))
    report = await make_check(system, "report", after=after, labels={"host": "web"})
    words = (await see(browser, "/checks/report")).words
    assert "Runs after backup , gone (no such check) , checks with job import" in words
    assert "waits for" not in words
    number = await fall_silent(system, clock, report)
    screen = await see(browser, "/checks/report")
    assert "It waits for backup, which is down. People are told of it at 04 May 03:06 UTC at the latest." in (
        screen.words
    )
    assert f"It waits for backup in incident {number}, until 04 May 03:06 UTC at the latest." in screen.words
    assert sound(screen.html)
    incident = (await see(browser, f"/incidents/{number}")).words
    assert "report waits for backup." in incident
    assert "never heard; waits for backup" in incident
    await ping(system, backup)
    clock.advance(minutes=2)
    await system.context.database.write(lambda db: waiting.sweep(db, clock.at, 100))
    screen = await see(browser, "/checks/report")
    assert (
        "backup has been well since 03:06 UTC. This check pages at 03:14 UTC, unless it is well by then."
        in screen.words
    )
    own = (await see(browser, f"/incidents/{await incident_of(system, report)}")).words
    assert "It may still run, because backup is well again" in own
    assert "backup has been well since 03:06 UTC, so it may run until 03:14 UTC" in own
    left = (await see(browser, f"/incidents/{number}")).words
    assert "report left this incident: backup is well, so it may run until 03 May 03:14 UTC" in left
