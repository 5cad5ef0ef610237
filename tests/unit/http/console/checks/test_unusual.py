"""The screens of unusual runs: those of the week, and those of one check."""

from datetime import timedelta

import httpx

from heartbeat.app import System
from heartbeat.checks import store as check_store
from heartbeat.measurements import unusual_store
from heartbeat.measurements.band import Band
from heartbeat.measurements.mark import Mark
from tests.unit.http.conftest import make_check
from tests.unit.http.console.conftest import see


async def test_an_unusual_run_is_listed_for_a_week_and_leads_to_its_check(
    system: System, browser: httpx.AsyncClient
) -> None:
    await make_check(system, "reset")
    assert "No run was unusual in the last 7 days." in (await see(browser, "/unusual-runs")).words
    assert "unusual" not in (await see(browser, "/checks")).words
    at = system.context.clock.now() - timedelta(hours=1)
    mark = Mark(at, "processed", 0.0, Band(3_812.0, 4_000.0, 4_410.0))
    database = system.context.database
    (check,) = await database.read(lambda db: check_store.listed(db, limit=1))
    await database.write(lambda db: unusual_store.put(db, {check.id: [mark]}))
    screen = await see(browser, "/unusual-runs")
    assert "1 run of 1 check was unusual in the last 7 days." in screen.words
    assert "processed 0, usually about 4,000 (unusual below 3,812)" in screen.words
    assert 'href="/checks/reset#unusual"' in screen.html
    assert "1 unusual run in the last 7 days" in (await see(browser, "/checks")).words
    assert (
        "processed 0, usually about 4,000 (unusual below 3,812)"
        in (await see(browser, "/checks/reset")).words
    )
