"""The ticker runs the stages of its list, and only a process that judges checks vouches for the service."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import Connection, event

from alerting import courier, escalator
from alerting.span import Attribute, Span, no_spans
from heartbeat import ticker as ticker_room
from heartbeat.checks import blindness_store, canary, waiting
from heartbeat.checks import store as check_store
from heartbeat.clock import WallClock
from heartbeat.clock_guard import ClockGuard
from heartbeat.database import Database
from heartbeat.metrics import Metrics
from heartbeat.outside_heartbeat import OutsideHeartbeat
from heartbeat.ticker import JUDGING, OVERDUE_AFTER, Dues, Stage, Ticker
from tests.unit.conftest import NOW

ROLES = ("api", "checker", "pager")


class Work:
    """The work of a stage: the count of each batch, and the requested sizes."""

    def __init__(self, *counts: int, fails: bool = False) -> None:
        self._counts = list(counts)
        self.fails = fails
        self.batches: list[int] = []

    async def batch(self, size: int) -> int:
        self.batches.append(size)
        if self.fails:
            raise ValueError("a fault")
        return self._counts.pop(0) if self._counts else 0


class Spans:
    """A recorder of the name of each span."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, name: str, /, **facts: Attribute) -> AbstractContextManager[Span]:
        self.names.append(name)
        return no_spans(name, **facts)


@pytest.fixture
def database(make_database_url: Callable[[str], str]) -> Iterator[Database]:
    opened = Database(make_database_url("sqlite"))
    yield opened
    opened.close()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def stage(work: Work, name: str = "rotations", role: str = "checker", due: datetime | None = NOW) -> Stage:
    return Stage(name, role, lambda _: due, work.batch)


def ticker_of(
    database: Database,
    metrics: Metrics,
    *stages: Stage,
    roles: Collection[str] = ROLES,
    spans: Spans | None = None,
    http: httpx.AsyncClient | None = None,
    stored: bool = True,
    moved: Callable[[], None] = lambda: None,
) -> Ticker:
    outside = OutsideHeartbeat(http or httpx.AsyncClient(), metrics, "http://outside" if http else "", 0.0)
    return Ticker(
        database,
        ClockGuard(database, WallClock(), metrics.ticking, moves=JUDGING in roles),
        metrics,
        stages,
        roles=roles,
        outside=outside,
        stored=lambda: stored,
        moved=moved,
        spans=spans or no_spans,
    )


def failures(metrics: Metrics, name: str) -> float | None:
    return metrics.registry.get_sample_value("heartbeat_tick_failures_total", {"stage": name})


async def test_a_stage_of_the_list_is_run_traced_and_counted(database: Database, metrics: Metrics) -> None:
    work, spans = Work(7, 7), Spans()
    ticker = ticker_of(database, metrics, stage(work), spans=spans)
    assert failures(metrics, "rotations") == 0
    assert not ticker.ready()
    assert await ticker.tick()
    assert ticker.ready()
    assert work.batches == [125, 250, 500]
    assert spans.names == ["tick", "clock", *["rotations"] * 3]
    assert metrics.registry.get_sample_value("heartbeat_tick_seconds_count") == 1


async def test_a_stage_does_several_batches_at_once_from_the_second_round_on(
    database: Database, metrics: Metrics
) -> None:
    """A single check that is due costs one transaction. In a storm, one batch computes while another waits."""
    work = Work(7, 7, 7, 7, 7)
    assert await ticker_of(database, metrics, replace(stage(work), at_once=2)).tick()
    assert work.batches == [125, 250, 250, 500, 500, 1000, 1000]


async def test_a_tick_ends_while_new_work_comes_all_the_time_and_the_next_goes_on(
    database: Database, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticker_room, "LONGEST_TICK", 0.0)
    work = Work(7, 7, 0, 7)
    ticker = ticker_of(database, metrics, stage(work))
    assert await ticker.tick()
    assert ticker.ready()
    assert await ticker.tick()
    assert work.batches == [125, 250]
    assert await ticker.tick()
    assert await ticker.tick()
    assert work.batches == [125, 250, 500, 125], "nothing was due, so that the next batch is small again"


async def test_a_stage_of_the_list_that_fails_is_counted_and_keeps_the_service_from_being_ready(
    database: Database, metrics: Metrics
) -> None:
    broken, whole = Work(fails=True), Work(1)
    ticker = ticker_of(database, metrics, stage(broken), stage(whole, "others"))
    assert not await ticker.tick()
    assert not ticker.ready()
    assert failures(metrics, "rotations") == 2
    assert failures(metrics, "others") == 0
    assert len(whole.batches) == 2, "one failing stage never stops the others"


async def test_each_batch_of_a_long_tick_is_a_move_and_so_is_one_that_fails(
    database: Database, metrics: Metrics
) -> None:
    moves: list[int] = []
    work = Work(*[1] * 50)
    await ticker_of(
        database, metrics, stage(work), stage(Work(fails=True), "broken"), moved=lambda: moves.append(0)
    ).tick()
    assert len(moves) > 100


async def test_reading_the_next_due_times_is_a_move_of_its_own(database: Database, metrics: Metrics) -> None:
    """A database that hangs is waited for there too, as long as for a batch: both together would look stuck."""
    moves: list[str] = []

    def due(_: object) -> datetime:
        moves.append("due")
        return WallClock().now() + timedelta(hours=1)

    ticker = ticker_of(
        database,
        metrics,
        replace(stage(Work()), due=due),
        moved=lambda: moves.append("moved"),
    )
    await ticker.tick()
    moves.clear()
    await ticker.tick()
    assert moves == ["moved", "due", "moved"], "the clock, then the due times"


async def test_a_stage_runs_only_in_processes_that_have_its_role(
    database: Database, metrics: Metrics
) -> None:
    judging, sending = Work(), Work()
    ticker = ticker_of(
        database,
        metrics,
        stage(judging, "judging", "checker"),
        stage(sending, "sending", "pager"),
        roles={"pager"},
    )
    assert await ticker.tick()
    assert (len(judging.batches), len(sending.batches)) == (0, 1)
    assert failures(metrics, "judging") == 0, "a counter begins at 0 wherever the stage may run"


async def test_a_stage_is_left_alone_until_it_is_due(database: Database, metrics: Metrics) -> None:
    work = Work()
    later = WallClock().now() + timedelta(hours=1)
    ticker = ticker_of(database, metrics, stage(work, due=later))
    assert await ticker.tick()
    assert await ticker.tick()
    assert len(work.batches) == 1, "each stage is asked once, to prove that it can work"


@pytest.mark.parametrize(
    ("roles", "overdue", "stored", "beats"),
    [
        (ROLES, timedelta(), True, 1),
        ({"pager"}, timedelta(), True, 0),
        (ROLES, OVERDUE_AFTER * 2, True, 0),
        (ROLES, timedelta(), False, 0),
    ],
    ids=["it judges", "it does not judge", "work is overdue", "nothing can be stored"],
)
async def test_only_a_process_that_judges_pings_the_outside_and_only_while_no_work_is_overdue(
    database: Database,
    metrics: Metrics,
    roles: Collection[str],
    overdue: timedelta,
    stored: bool,
    beats: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    due = WallClock().now() - overdue if overdue else None
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as http:
        ticker = ticker_of(
            database,
            metrics,
            stage(Work(), role="elsewhere", due=due),
            roles=roles,
            http=http,
            stored=stored,
        )
        paused = asyncio.Event()
        pause = ticker._pause

        def record(dues: Dues) -> float:
            paused.set()
            return pause(dues)

        monkeypatch.setattr(ticker, "_pause", record)
        running = asyncio.create_task(ticker.run())
        await paused.wait()
        await asyncio.sleep(0)
        ticker.stop()
        await asyncio.wait_for(running, 5)
    beats_sent = metrics.registry.get_sample_value("heartbeat_outside_beats_total", {"result": "accepted"})
    assert min(beats_sent or 0, 1) == beats
    assert ticker.ready() is stored


def test_an_idle_tick_asks_each_stage_one_question(db: Connection) -> None:
    statements: list[str] = []

    def note(*executed: object) -> None:
        statements.append(str(executed[2]))

    due = (
        check_store.next_due,
        waiting.next_due,
        canary.next_due,
        blindness_store.next_told,
        escalator.next_due,
        courier.next_due,
    )
    event.listen(db, "before_cursor_execute", note)
    assert [next_due(db) for next_due in due] == [None] * len(due)
    # The escalator also looks for pages that go on to another contact.
    assert len(statements) == len(due) + 1
