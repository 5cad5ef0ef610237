"""Concurrent changes of the same maintenance window happen in turn, and both succeed."""

import asyncio

import httpx
import pytest
from sqlalchemy import select, text

from heartbeat.app import System
from heartbeat.checks.tables import maintenance
from heartbeat.definitions import store as definition_store
from tests.unit.http.conftest import ADMIN_KEY, visitor
from tests.unit.http.console.conftest import BROWSER, press
from tests.unit.http.v1.test_maintenance import MOVE, make

pytestmark = pytest.mark.parametrize("kind", ["postgres"])
WAITING = text(
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
    "WHERE NOT granted AND datname = current_database()"
)


async def changed_meanwhile(
    system: System, number: int, other: asyncio.Task[httpx.Response]
) -> httpx.Response:
    """Hold the turn and lock the window while `other` waits for it. Return the answer of `other`."""
    with system.context.database.writer.begin() as db:
        definition_store.wait_for_turn(db)
        async with asyncio.timeout(20):
            while not db.execute(WAITING).scalar_one():  # noqa: ASYNC110  # The database has no event for a waiting lock.
                await asyncio.sleep(0.01)
        locked = select(maintenance.c.id).where(maintenance.c.id == number).with_for_update(nowait=True)
        assert db.execute(locked).scalar_one() == number
    return await other


async def test_the_api_waits_for_its_turn_before_it_locks_a_window(
    system: System, admin: httpx.AsyncClient
) -> None:
    number = (await make(admin)).json()["id"]
    put = admin.put(f"/v1/maintenance/{number}", json=MOVE | {"title": "Other"})
    answer = await changed_meanwhile(system, number, asyncio.ensure_future(put))
    assert answer.status_code == 200, answer.text


async def test_the_console_waits_for_its_turn_before_it_locks_a_window(
    system: System, admin: httpx.AsyncClient
) -> None:
    number = (await make(admin)).json()["id"]
    async with visitor(system, **BROWSER) as browser:
        await browser.post("/sign-in", data={"key": ADMIN_KEY})
        path = f"/maintenance/{number}/edit"
        mark = (await browser.get(path)).text.partition('name="before" value="')[2].partition('"')[0]
        fields = {"title": "Other", "label": "host=a", "length": "1h", "timezone": "UTC", "before": mark}
        sent = asyncio.ensure_future(press(browser, path, **fields))
        answer = await changed_meanwhile(system, number, sent)
        assert answer.status_code == 303, answer.text
