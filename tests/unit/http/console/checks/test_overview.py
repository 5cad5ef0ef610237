"""The overview, and the list of checks in parts."""

from datetime import timedelta

import httpx
import pytest

from alerting import desk
from alerting.coverage import Gap, Lack
from heartbeat.app import System
from heartbeat.checks import store as check_store
from heartbeat.on_call import uncovered
from tests.unit.conftest import a_check
from tests.unit.http.conftest import (
    SetClock,
    fall_silent,
    make_check,
    ping,
)
from tests.unit.http.console.conftest import make_group, see


async def test_an_empty_installation_shows_the_line_to_copy(browser: httpx.AsyncClient) -> None:
    for path in ("/", "/checks"):
        screen = await see(browser, path)
        assert "Nothing is watched yet." in screen.words
        assert (
            'curl -fsS -m 10 --retry 5 --retry-connrefused "http://test/ping/$HEARTBEAT_PING_KEY/my-job?create=1"'
            in screen.words
        )
    assert "heartbeat test-page PERSON" in (await see(browser, "/incidents")).words


async def test_the_overview_begins_with_a_sentence_and_lists_the_worst_first(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    well, *silent = await make_group(system, "a-well", "b-silent", "c-silent")
    await make_check(system, "z-late", grace=timedelta(hours=1))
    clock.advance(minutes=4)
    await ping(system, well)
    clock.advance(minutes=-3)
    await fall_silent(system, clock, *silent)

    screen = await see(browser, "/")
    assert "2 checks are down for one cause. 1 is late." in screen.words
    assert "2 of 3 jobs silent, error" in screen.words
    checks = [link for link in screen.links if link.startswith("/checks/")]
    assert checks == ["/checks/b-silent", "/checks/c-silent", "/checks/z-late", "/checks/a-well"]
    assert f"As of {clock.at:%H:%M:%S} UTC" in screen.words


async def test_a_gap_of_coverage_is_no_cause_for_which_a_check_is_down(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    silent = await make_group(system, "b-silent", "c-silent")
    await fall_silent(system, clock, *silent)
    gap = Gap("office", clock.now(), None, Lack.NOBODY)
    symptom = uncovered.symptom([gap], clock.now(), "UTC", None)
    await system.context.database.write(lambda db: desk.raise_(db, [symptom], clock.now()))
    assert "2 checks are down for one cause. 1 other incident is open." in (await see(browser, "/")).words


async def test_a_long_list_has_pages(system: System, browser: httpx.AsyncClient) -> None:
    labels = {"host": "us-housekeeping", "region": "us", "component": "cpu-allowance"}
    jobs = [a_check(f"a-job-with-a-name-{n:03}", labels=labels) for n in range(125)]
    await system.context.database.write(lambda db: check_store.insert(db, jobs))
    pages = [await see(browser, f"/checks?page={n}") for n in (1, 2, 3)]
    links = [link for screen in pages for link in screen.links if link.startswith("/checks/")]
    assert links == [f"/checks/a-job-with-a-name-{n:03}" for n in range(125)]
    assert [screen.links.count("/checks?page=2") for screen in pages] == [1, 0, 1]

    assert "All 125 checks" in (await see(browser, "/")).words


@pytest.mark.parametrize("number", ["0", "-1", "x", "", "²", "9" * 30])
async def test_an_invalid_page_number_shows_the_first_page(browser: httpx.AsyncClient, number: str) -> None:
    assert (await browser.get("/checks", params={"page": number})).status_code == 200


async def test_a_page_past_the_last_says_so(browser: httpx.AsyncClient) -> None:
    assert "there is no page 7" in (await see(browser, "/checks?page=7", 404)).words
