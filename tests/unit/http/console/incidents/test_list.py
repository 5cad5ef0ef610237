"""More incidents than one page holds: each is on a page, most urgent first, and every number is exact."""

import re
from datetime import timedelta

import httpx
import pytest

from alerting import desk
from alerting.severity import Severity
from heartbeat import installation
from heartbeat.app import System
from heartbeat.checks import actions, checker
from heartbeat.checks import store as check_store
from heartbeat.http.console.checks.list import INCIDENTS
from heartbeat.http.console.incidents.pages import A_PAGE
from tests.unit.conftest import a_check, somebody
from tests.unit.http.conftest import (
    SetClock,
    fall_silent,
    make_check,
    ping,
)
from tests.unit.http.console.conftest import see
from tests.unit.http.markup import Markup

MANY = 130


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both databases."""
    return str(request.param)


@pytest.fixture
async def storm(system: System, clock: SetClock) -> list[int]:
    """Checks with a cause each that fell silent in three waves: the incidents, most urgent first.

    The first one is critical, and two of the others have been answered.
    """
    those = [
        a_check(
            f"job-{n:03}",
            grace=timedelta(minutes=1 + n // 50),
            severity=Severity.CRITICAL if n == MANY - 1 else Severity.ERROR if n % 2 else Severity.WARNING,
        )
        for n in range(MANY)
    ]
    await system.context.database.write(lambda db: check_store.insert(db, those))
    clock.advance(minutes=5)
    for _ in range(3):
        clock.advance(minutes=1)
        await system.context.database.write(lambda db: checker.sweep(db, clock.now()))
    by_slug = await system.context.database.read(
        lambda db: {
            incident.title: incident.id for incident in desk.incidents(db, open_only=True, limit=2 * MANY)
        }
    )
    answered = [by_slug["job-001"], by_slug["job-128"]]
    actor = somebody("Ann")
    await system.context.database.write(lambda db: actions.acknowledge(db, answered[0], actor, clock.now()))
    until = clock.now() + timedelta(hours=1)
    await system.context.database.write(lambda db: actions.snooze(db, answered[1], actor, clock.now(), until))
    errors = [by_slug[f"job-{n:03}"] for n in range(3, MANY - 1, 2)]
    warnings = [by_slug[f"job-{n:03}"] for n in range(0, MANY - 2, 2)]
    return [by_slug[f"job-{MANY - 1:03}"], *errors, *warnings, *answered]


async def test_every_open_incident_is_on_a_page_and_the_most_urgent_come_first(
    storm: list[int], browser: httpx.AsyncClient
) -> None:
    first = await see(browser, "/incidents")
    assert f"{MANY} incidents are open." in first.words
    assert f"Page 1 of 3, {MANY} open incidents" in first.words
    assert "More urgent" not in first.words

    second, last = await see(browser, "/incidents?page=2"), await see(browser, "/incidents?page=3")
    assert f"{MANY} incidents are open." in last.words
    assert [*numbers_of(first), *numbers_of(second), *numbers_of(last)] == storm
    assert len(numbers_of(first)) == A_PAGE
    assert {"/incidents", "/incidents?page=3"} <= set(second.links)
    assert "Less urgent" not in last.words


async def test_the_overview_counts_every_cause_and_lists_the_most_urgent(
    storm: list[int], browser: httpx.AsyncClient
) -> None:
    screen = await see(browser, "/")
    assert f"{MANY} checks are down for {MANY} causes. 1 is acknowledged. 1 is snoozed." in screen.words
    assert numbers_of(screen) == storm[:INCIDENTS]
    assert f"All {MANY} open incidents" in screen.words


async def test_what_is_past_is_found_behind_many_that_are_open(
    storm: list[int], system: System, clock: SetClock, browser: httpx.AsyncClient
) -> None:
    over = sorted(storm)[: A_PAGE + 10]
    await system.context.database.write(
        lambda db: [actions.resolve(db, number, somebody("Ann"), clock.now()) for number in over]
    )
    left = [number for number in storm if number not in over]
    first = await see(browser, "/incidents")
    assert numbers_of(first) == [*left[:A_PAGE], *over[: -A_PAGE - 1 : -1]]
    (older,) = [link for link in first.links if "before=" in link]
    rest = await see(browser, older)
    assert "Older incidents." in rest.words
    assert numbers_of(rest) == over[9::-1]
    assert numbers_of(await see(browser, "/incidents?page=2")) == left[A_PAGE:]


async def test_a_page_that_there_is_no_more_is_the_last_one(
    storm: list[int], browser: httpx.AsyncClient
) -> None:
    for odd, expected in (("99", storm[2 * A_PAGE :]), ("-1", storm[:A_PAGE]), ("x", storm[:A_PAGE])):
        assert numbers_of(await see(browser, f"/incidents?page={odd}")) == expected


def numbers_of(screen: Markup) -> list[int]:
    """The incidents that a page lists, in its order."""
    return [int(link.rpartition("/")[2]) for link in screen.links if re.match(r"/incidents/\d", link)]


async def test_past_incidents_have_pages(system: System, browser: httpx.AsyncClient, clock: SetClock) -> None:
    job = await make_check(system)
    await system.context.database.write(lambda db: installation.remember(db, "settling", 0))
    for _ in range(60):
        await ping(system, job, "/fail")
        await ping(system, job)
    await fall_silent(system, clock, job)
    screen = await see(browser, "/incidents")
    assert "One incident is open." in screen.words
    assert numbers_of(screen) == [61, *range(60, 10, -1)]
    (older,) = [link for link in screen.links if "before=" in link]
    rest = await see(browser, older)
    assert "Older incidents." in rest.words
    assert numbers_of(rest) == list(range(10, 0, -1))
