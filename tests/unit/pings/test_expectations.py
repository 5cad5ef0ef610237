"""Pings that break the expectation of their check, through the lanes into the incident and its page."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.escalation import Policy, Step
from heartbeat.checks import checker, forecast, life, store
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Signal, State
from heartbeat.checks.expectation import Expectation, RunLimit
from heartbeat.checks.schedule import Cron
from heartbeat.checks.time_of_day import Window
from heartbeat.database import Database
from heartbeat.pings import lanes
from heartbeat.pings.arrival import Arrival, ByUuid
from tests.unit.conftest import FIRST, a_check

NIGHT = datetime(2026, 5, 4, 1, 30, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WELL = ("success", NIGHT - DAY)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    await opened.write(
        lambda db: desk.install(db, [FIRST], [Policy("ops", (Step((FIRST.id,), 5 * MINUTE),))], {})
    )
    yield opened
    opened.close()


def told(db: Connection, expectation: Expectation, *pings: tuple[str, datetime]) -> tuple[Check, str, str]:
    """Send pings to a new nightly check. Return it, and the title and the first line of the page if it is down."""
    job = a_check(
        schedule=Cron("30 1 * * *", "UTC"),
        grace=12 * HOUR,
        expectation=expectation,
        policy="ops",
    )
    store.insert(db, [life.rearmed(job, NIGHT - 2 * DAY)])
    for signal, at in pings:
        lanes.hear(db, [Arrival(ByUuid(job.uuid.hex), Signal(signal), at, "GET", "127.0.0.1", "curl/8")])
    return _page(db, pings[-1][1])


def _page(db: Connection, now: datetime) -> tuple[Check, str, str]:
    check = store.load(db, "job")
    assert check is not None
    page = forecast.of(db, check, now, "").page
    assert page is not None
    return check, page.title, page.lines[0]


@pytest.mark.parametrize(
    ("expectation", "pings", "cause", "title", "line"),
    [
        (
            Expectation(min_runtime=30 * SECOND),
            [WELL, ("start", NIGHT), ("success", NIGHT + 2 * SECOND)],
            Cause.TOO_SHORT,
            "ERROR job ended too soon",
            "job: took 2 s instead of at least 30 s at 01:30 UTC (10 s ago), "
            "last succeeded 03 May 01:30 UTC (24 h ago)",
        ),
        (
            Expectation(at_most=RunLimit(1, 20 * HOUR)),
            [WELL, ("success", NIGHT), ("success", NIGHT + HOUR)],
            Cause.TOO_OFTEN,
            "ERROR job ran too often",
            "job: ran 2 times in 20 h instead of at most 1 at 02:30 UTC (10 s ago), "
            "last succeeded 01:30 UTC (1 h ago)",
        ),
        (
            Expectation(one_at_a_time=True),
            [WELL, ("start", NIGHT - HOUR), ("start", NIGHT)],
            Cause.OVERLAP,
            "ERROR job ran twice at once",
            "job: started while another run, begun 1 h before, had not ended at 01:30 UTC (10 s ago), "
            "last succeeded 03 May 01:30 UTC (24 h ago)",
        ),
        (
            Expectation(window=Window(time(1), time(3)), timezone="Europe/London"),
            [WELL, ("success", NIGHT + 9 * HOUR)],
            Cause.WRONG_TIME,
            "ERROR job ran at the wrong time",
            "job: ran outside 01:00 to 03:00 Europe/London at 10:30 UTC (10 s ago), "
            "last succeeded 03 May 01:30 UTC (33 h ago)",
        ),
    ],
)
async def test_a_run_that_breaks_an_expectation_pages_in_plain_words(
    database: Database,
    expectation: Expectation,
    pings: list[tuple[str, datetime]],
    cause: Cause,
    title: str,
    line: str,
) -> None:
    check, *page = await database.write(lambda db: told(db, expectation, *pings))
    assert (check.state, check.cause, page) == (State.DOWN, cause, [title, line])


@pytest.mark.parametrize(
    ("pings", "line"),
    [
        ([WELL], "job: due 01:30 UTC, not finished by 06:00 UTC, last heard 03 May 01:30 UTC (28 h ago)"),
        ([WELL, ("start", NIGHT)], "job: not finished by 06:00 UTC, started 01:30 UTC (4 h 30 min ago)"),
    ],
)
async def test_a_run_that_is_not_finished_by_its_time_of_day_pages(
    database: Database, pings: list[tuple[str, datetime]], line: str
) -> None:
    six = NIGHT.replace(hour=6, minute=0)
    by_six = Expectation(finish_by=time(6), timezone="UTC")

    def wait(db: Connection) -> tuple[Check, str, str]:
        told(db, by_six, *pings)
        assert checker.sweep(db, six - SECOND) == 0
        assert checker.sweep(db, six) == 1
        return _page(db, six)

    check, *page = await database.write(wait)
    assert (check.cause, page) == (Cause.UNFINISHED, ["ERROR job unfinished", line])


async def test_a_check_that_counts_its_runs_is_not_plain(database: Database) -> None:
    """The plain lane takes a healthy check's successes together: it must not take these."""

    def hear_together(db: Connection) -> State:
        told(db, Expectation(at_most=RunLimit(3, HOUR)), WELL)
        check = store.load(db, "job")
        assert check is not None
        sent = (
            Arrival(ByUuid(check.uuid.hex), Signal.SUCCESS, NIGHT + n * MINUTE, "GET", "", "")
            for n in range(4)
        )
        lanes.hear(db, list(sent))
        return check_state(db)

    def check_state(db: Connection) -> State:
        check = store.load(db, "job")
        assert check is not None
        return check.state

    assert await database.write(hear_together) is State.DOWN
