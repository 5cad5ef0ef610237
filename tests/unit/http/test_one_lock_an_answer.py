"""The console, the API and the link in a page answer an incident: each of them locks it once."""

import httpx
import pytest

from heartbeat.app import System
from tests.unit.conftest import locks_counted
from tests.unit.http.callbacks.test_signed_link import address
from tests.unit.http.conftest import SetClock, fall_silent, make_check, visitor
from tests.unit.http.console.conftest import browser as browser
from tests.unit.http.console.conftest import see

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
ACTIONS = ("acknowledge", "snooze", "resolve")
LATER = "2024-05-03T05:00:00Z"


@pytest.fixture
async def number(system: System, clock: SetClock) -> int:
    """The number of an open incident."""
    return await fall_silent(system, clock, await make_check(system))


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_answer_by_the_api_locks_its_incident_once(
    system: System, admin: httpx.AsyncClient, number: int, action: str
) -> None:
    body = {"until": LATER} if action == "snooze" else None
    with locks_counted(system.context.database.writer) as locks:
        answer = await admin.post(f"/v1/incidents/{number}/{action}", json=body)
    assert answer.json()["outcome"] == f"{action.removesuffix('e')}ed"
    assert len(locks) == 1, locks


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_answer_on_the_console_locks_its_incident_once(
    system: System, browser: httpx.AsyncClient, number: int, action: str
) -> None:
    csrf = (await see(browser, f"/incidents/{number}")).fields["csrf"]
    with locks_counted(system.context.database.writer) as locks:
        answer = await browser.post(f"/incidents/{number}/{action}", data={"csrf": csrf, "for": "1h"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/incidents/{number}")
    assert len(locks) == 1, locks


async def test_an_answer_by_the_link_in_a_page_locks_its_incident_once(system: System, number: int) -> None:
    async with visitor(system) as phone:
        with locks_counted(system.context.database.writer) as locks:
            answer = await phone.post(address(number))
    assert answer.text.startswith("Acknowledged by First responder")
    assert len(locks) == 1, locks
