"""The screen of past pages: the last 7 days, or chosen days."""

from datetime import timedelta

import httpx
import pytest

from heartbeat.app import System
from tests.unit.alerting.conftest import deliver_waiting
from tests.unit.http.conftest import SetClock, escalate, fall_silent, make_check
from tests.unit.http.console.conftest import see


async def test_past_pages_are_listed_by_person_and_by_check(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    await fall_silent(system, clock, await make_check(system, "nightly"))
    await escalate(system, clock)
    await system.context.database.write(lambda db: deliver_waiting(db, clock.at))
    clock.at += timedelta(hours=1)
    screen = await see(browser, "/on-call/report")
    assert "First responder" in screen.words
    assert "In the last 7 days." in screen.words
    assert 'href="/checks/nightly"' in screen.html
    assert "Past pages" in (await see(browser, "/on-call")).words


async def test_a_time_without_pages_is_one_sentence(browser: httpx.AsyncClient) -> None:
    screen = await see(browser, "/on-call/report?from=2024-04-01&to=2024-04-02")
    assert "Nobody was paged. From 01 Apr 2024 to 02 Apr 2024, in UTC." in screen.words


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?from=2024-04-02&to=2024-04-01", 400),
        ("?from=2020-01-01", 400),
        ("?from=tomorrow&to=9999-12-31", 200),
        ("?from=0001-01-01", 200),
    ],
)
async def test_days_that_make_no_report_are_refused_or_ignored(
    browser: httpx.AsyncClient, query: str, status: int
) -> None:
    assert (await browser.get(f"/on-call/report{query}")).status_code == status
