"""The views of a large installation: what they share, what they read, and how the databases find it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event

from heartbeat.app import System
from heartbeat.checks import deadline
from heartbeat.checks import store as check_store
from heartbeat.checks.check import State
from heartbeat.checks.schedule import Cron
from heartbeat.http.pages import shared
from tests.unit.conftest import NOW, a_check
from tests.unit.http.conftest import ADMIN_KEY, SetClock, ping, read_check, visitor
from tests.unit.http.console.conftest import press, see

HOSTS = 12
JOBS = 50
DAY = timedelta(days=1)
ROLL = "max(checks.last_ok_at)"
"""In the statement that counts all checks."""


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of database."""
    return str(request.param)


@pytest.fixture
def engine(system: System) -> Engine:
    """The connections that views read from."""
    return system.context.database._reader


@pytest.fixture
async def browser(system: System, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is signed in, where 600 checks are many: a third late, a twelfth down, another paused."""
    monkeypatch.setattr(shared, "MANY", HOSTS * JOBS)
    made = []
    for number in range(HOSTS * JOBS):
        host = number % HOSTS
        job = a_check(
            f"job-{number}",
            labels={"host": f"host-{host}"},
            schedule=Cron("0 2 * * *", "UTC"),
            grace=timedelta(hours=9),
        )
        heard_at = NOW - DAY if host < HOSTS // 3 else NOW
        job = replace(job, state=State.UP, armed_at=NOW - 2 * DAY, last_ok_at=heard_at)
        job = replace(job, wake_at=deadline.of(job))
        if host == HOSTS - 1:
            job = replace(job, state=State.PAUSED, wake_at=None)
        made.append(job)
    await system.context.database.write(lambda db: check_store.insert(db, made))
    if system.context.database.sqlite is False:
        await system.context.database.write(lambda db: db.exec_driver_sql("ANALYZE checks"))
    async with visitor(system) as client:
        assert (await client.post("/sign-in", data={"key": ADMIN_KEY})).status_code == 303
        yield client


@contextmanager
def statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that read checks meanwhile, with their parameters."""
    found: list[tuple[str, Any]] = []

    def collect(*execution: Any) -> None:
        if "FROM checks" in execution[2]:
            found.append((execution[2], execution[3]))

    event.listen(engine, "before_cursor_execute", collect)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", collect)


async def words(browser: httpx.AsyncClient, path: str) -> str:
    """Return the text of a view."""
    return (await see(browser, path)).words


def rolls(found: list[tuple[str, Any]]) -> int:
    return sum(ROLL in statement for statement, _ in found)


def plan_of(engine: Engine, statement: str, parameters: Any) -> str:
    """Return how the database would execute a statement on a large table."""
    with engine.connect() as db:
        if engine.dialect.name == "sqlite":
            rows = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return "\n".join(row[3] for row in rows)
        # So it only reads a small table as a whole if it has to.
        db.exec_driver_sql("SET enable_seqscan = off")
        return "\n".join(row[0] for row in db.exec_driver_sql(f"EXPLAIN {statement}", parameters))


def reads_all(plan: str) -> bool:
    """Return True for the plan of a statement that reads the whole table."""
    lines = [line.strip(" ->") for line in plan.splitlines()]
    return any(line.startswith("Seq Scan on checks") or line == "SCAN checks" for line in lines)


async def test_all_checks_are_counted_once_for_the_readers_of_some_seconds(
    browser: httpx.AsyncClient, engine: Engine, clock: SetClock
) -> None:
    with statements(engine) as found:
        for path in ("/", "/checks", "/checks?q=job-7", "/", "/maintenance/new"):
            await see(browser, path)
    assert rolls(found) == 1
    clock.advance(seconds=5)
    with statements(engine) as found:
        await see(browser, "/")
    assert rolls(found) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/checks",
        "/checks?page=3",
        "/checks?page=12",
        "/checks?state=late&page=2",
        "/checks?state=up&page=4",
        "/checks?state=paused",
        "/checks/job-7",
        "/on-call",
        "/incidents",
    ],
)
async def test_a_view_reads_no_more_than_it_shows(
    browser: httpx.AsyncClient, engine: Engine, path: str
) -> None:
    await see(browser, path)
    with statements(engine) as found:
        await see(browser, path)
    assert [statement for statement, given in found if reads_all(plan_of(engine, statement, given))] == []


async def test_only_one_of_the_statements_that_count_all_checks_reads_all(
    browser: httpx.AsyncClient, engine: Engine
) -> None:
    with statements(engine) as found:
        await see(browser, "/")
    plans = {statement: plan_of(engine, statement, given) for statement, given in found}
    assert [ROLL in statement for statement, plan in plans.items() if reads_all(plan)] == [True]
    lateness = next(
        plan for statement, plan in plans.items() if "grace" in statement and ROLL not in statement
    )
    assert "ix_checks_wake_at" in lateness
    assert "ix_checks_missed" in lateness


async def test_a_change_by_a_person_shows_at_once(browser: httpx.AsyncClient) -> None:
    before = await words(browser, "/checks?state=paused")
    assert "paused 50" in before
    await press(browser, "/checks/job-7/pause")
    after = await words(browser, "/checks?state=paused")
    assert "paused 51" in after


async def test_a_change_of_a_state_shows_at_once(system: System, browser: httpx.AsyncClient) -> None:
    await see(browser, "/checks")
    await ping(system, await read_check(system, "job-7"), "/fail")
    assert "1 check is down" in await words(browser, "/checks")


async def test_a_ping_shows_after_some_seconds(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    assert "200 of 550 checks are late" in await words(browser, "/")
    await ping(system, await read_check(system, "job-0"))
    clock.advance(seconds=4.9)
    assert "200 of 550 checks are late" in await words(browser, "/")
    clock.advance(seconds=0.1)
    assert "199 of 550 checks are late" in await words(browser, "/")


async def test_a_clock_that_is_set_back_keeps_no_old_numbers(
    browser: httpx.AsyncClient, engine: Engine, clock: SetClock
) -> None:
    await see(browser, "/")
    clock.advance(seconds=-60)
    with statements(engine) as found:
        await see(browser, "/")
    assert rolls(found) == 1


async def test_the_views_of_a_small_installation_share_nothing(
    system: System, browser: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "MANY", HOSTS * JOBS + 1)
    await see(browser, "/")
    await ping(system, await read_check(system, "job-0"))
    with statements(engine) as found:
        assert "199 of 550 checks are late" in await words(browser, "/")
    assert rolls(found) == 1


async def test_the_parts_of_the_list_are_the_list_from_either_end(browser: httpx.AsyncClient) -> None:
    seen: list[str] = []
    for page in range(1, 13):
        links = (await see(browser, f"/checks?page={page}")).links
        listed = [link.removeprefix("/checks/") for link in links if link.startswith("/checks/job")]
        assert len(listed) == 50
        seen += listed
    assert len(set(seen)) == 600
    by_name = sorted(f"job-{number}" for number in range(600))
    late = [name for name in by_name if int(name[4:]) % HOSTS < HOSTS // 3]
    paused = [name for name in by_name if int(name[4:]) % HOSTS == HOSTS - 1]
    rest = [name for name in by_name if name not in {*late, *paused}]
    assert seen == [*late, *rest, *paused]
