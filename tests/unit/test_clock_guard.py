"""The guard notices on both databases that the clock was set, and moves everything once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection

from alerting import desk, incident_lists
from heartbeat import app, clock_guard, clock_store
from heartbeat.checks import checker
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.clock import WallClock
from heartbeat.clock_guard import ClockGuard
from heartbeat.database import Database, Unavailable
from heartbeat.metrics import Metrics
from heartbeat.settings import Settings
from tests.unit.conftest import a_check

SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)


class SetClock(WallClock):
    """A clock that can be set, or (on PostgreSQL) beside which the database's clock seems to be set back."""

    def __init__(self) -> None:
        super().__init__()
        self.boot = "this start"
        self.by = timedelta()
        self.passed = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by if self._zero is None else super().now()

    def elapsed(self) -> float:
        return super().elapsed() + self.passed

    def set_back(self, length: timedelta, database: Database) -> None:
        """The clock that counts is set back."""
        if database.sqlite:
            self.by -= length
        else:
            self.passed += length.total_seconds()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_guard, "HOLD", 0.0)
    monkeypatch.setattr(clock_guard, "READ_EVERY", 0.0)
    monkeypatch.setattr(clock_guard, "STRETCH", 60.0)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


def guard_of(database: Database, clock: SetClock, *, moves: bool = True) -> ClockGuard:
    return ClockGuard(database, clock, Metrics().ticking, moves=moves)


async def stored(database: Database, slug: str = "job") -> Check:
    found = await database.read(lambda db: check_store.load(db, slug))
    assert found is not None
    return found


Insert = Callable[[Connection, list[Check]], dict[str, Check]]


async def filled(database: Database, insert: Insert, armed_at: datetime, last_ok_at: datetime) -> None:
    """A check that was heard."""

    def write(db: Connection) -> None:
        inserted = insert(db, [a_check()])["job"]
        check_store.save(
            db,
            [replace(inserted, state=State.UP, armed_at=armed_at, last_ok_at=last_ok_at, wake_at=armed_at)],
        )

    await database.write(write)


async def watched_since(database: Database, clock: SetClock, since: datetime) -> None:
    """The clock was right, and watched, from this time on."""
    await guard_of(database, clock).look()
    known = await database.read(clock_store.witness)
    assert known is not None
    await database.write(lambda db: clock_store.write_witness(db, replace(known, known_since=since)))


async def test_a_ping_that_came_while_the_clock_was_ahead_holds_its_check_no_longer(
    database: Database, clock: SetClock, insert: Insert
) -> None:
    guard = guard_of(database, clock)
    await guard.look()
    now = clock.now()
    await filled(database, insert, now - HOUR, now + 30 * MINUTE)
    clock.set_back(DAY, database)
    await guard.look()
    assert not guard.holding
    check = await stored(database)
    assert check.last_ok_at is not None
    assert abs(check.last_ok_at - (now + 30 * MINUTE - DAY)) < MINUTE or check.last_ok_at <= clock.now()
    assert check.wake_at is not None
    assert check.wake_at <= clock.now() + 6 * MINUTE


@pytest.mark.parametrize("kind", ["postgres"])
async def test_a_step_is_worked_off_once_however_many_processes_notice_it(
    kind: str, make_database_url: Callable[[str], str], clock: SetClock, insert: Insert
) -> None:
    database = Database(make_database_url(kind))
    since = clock.now() - 3 * DAY
    await watched_since(database, clock, since - 9 * DAY)
    first, second = guard_of(database, clock), guard_of(database, clock)
    await first.look()
    await second.look()
    await filled(database, insert, since, since)
    clock.set_back(DAY, database)
    await first.look()
    await second.look()
    assert (await stored(database)).last_ok_at is not None
    assert abs(((await stored(database)).last_ok_at or since) - (since - DAY)) < MINUTE
    database.close()


@pytest.mark.parametrize("kind", ["postgres"])
async def test_two_steps_of_the_same_length_within_a_minute_are_both_worked_off(
    kind: str, make_database_url: Callable[[str], str], clock: SetClock, insert: Insert
) -> None:
    database = Database(make_database_url(kind))
    since = clock.now() - 3 * DAY
    await watched_since(database, clock, since - 9 * DAY)
    first, second = guard_of(database, clock), guard_of(database, clock)
    await first.look()
    await second.look()
    await filled(database, insert, since, since)
    for guards in ((first, second), (second, first)):
        clock.set_back(10 * SECOND, database)
        for guard in guards:
            await guard.look()
    moved = (await stored(database)).last_ok_at or since
    assert abs(moved - (since - 20 * SECOND)) < SECOND
    database.close()


async def test_a_step_of_which_nobody_knows_whether_it_was_written_is_worked_off_once(
    database: Database, clock: SetClock, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = clock.now() - 3 * DAY
    await watched_since(database, clock, since - 9 * DAY)
    guard = guard_of(database, clock)
    await guard.look()
    await filled(database, insert, since, since)
    honest = database.write

    async def unanswered(work: Callable[[Connection], object]) -> object:
        await honest(work)
        raise Unavailable("no answer")

    clock.set_back(DAY, database)
    monkeypatch.setattr(database, "write", unanswered)
    with pytest.raises(Unavailable):
        await guard.look()
    monkeypatch.setattr(database, "write", honest)
    await guard.look()
    assert not guard.holding
    assert abs(((await stored(database)).last_ok_at or since) - (since - DAY)) < MINUTE


@pytest.mark.parametrize("role", ["checker", "pager"])
async def test_whoever_judges_or_sends_rests_while_times_are_moved(
    database: Database, clock: SetClock, tmp_path: Path, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path, admin_key="admin", secret_key="s" * 32, roles=frozenset({role}))
    async with httpx.AsyncClient() as http:
        system = app.build(settings, database=database, clock=clock, http=http)
        for _ in range(2):
            await system.ticker.tick()
        assert not system.ticker._clock.holding
        monkeypatch.setattr(clock_guard, "HOLD", 60.0)
        clock.set_back(DAY, database)
        await system.ticker.tick()
        assert system.ticker._clock.holding
        await system.stop()


async def test_a_step_while_no_process_ran_is_noticed(
    database: Database, clock: SetClock, insert: Insert
) -> None:
    await guard_of(database, clock).look()
    now = clock.now()
    await filled(database, insert, now - HOUR, now + 30 * MINUTE)
    clock.set_back(DAY, database)
    guard = guard_of(database, clock)
    await guard.look()
    check = await stored(database)
    assert check.last_ok_at is not None
    assert check.last_ok_at <= clock.now()
    assert not guard.calm()


async def test_a_process_that_judges_nothing_moves_nothing(
    database: Database, clock: SetClock, insert: Insert
) -> None:
    guard = guard_of(database, clock, moves=False)
    await guard.look()
    now = clock.now()
    await filled(database, insert, now - HOUR, now + 30 * MINUTE)
    clock.set_back(DAY, database)
    await guard.look()
    assert (await stored(database)).last_ok_at == now + 30 * MINUTE
    assert not guard.holding


async def test_a_kind_that_cannot_be_moved_keeps_nothing_from_being_judged(
    database: Database, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = guard_of(database, clock)
    await guard.look()

    def broken(*_: object) -> None:
        raise ValueError("a fault")

    monkeypatch.setattr(checker, "retime", broken)
    clock.set_back(DAY, database)
    await guard.look()
    assert not guard.holding


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_the_time_to_judge_by_goes_on_until_a_step_is_noticed(
    kind: str, make_database_url: Callable[[str], str], clock: SetClock
) -> None:
    database = Database(make_database_url(kind))
    guard = guard_of(database, clock)
    await guard.look()
    clock.by = DAY
    assert abs(guard.now() - datetime.now(UTC)) < MINUTE
    await guard.look()
    # A database with a clock of its own does not mind that this machine's is set.
    by = DAY if database.sqlite else timedelta()
    assert abs(guard.now() - datetime.now(UTC) - by) < MINUTE
    assert abs(clock.now() - datetime.now(UTC) - by) < MINUTE
    database.close()


async def test_an_acknowledgement_keeps_its_rest(database: Database, clock: SetClock, insert: Insert) -> None:
    guard = guard_of(database, clock)
    await guard.look()
    now = clock.now()

    def answered(db: Connection) -> None:
        inserted = insert(db, [a_check()])["job"]
        check_store.save(db, [replace(inserted, wake_at=now - HOUR)])
        checker.sweep(db, now)
        (number,) = [incident.id for incident in incident_lists.newest(db, open_only=True, limit=2)]
        desk.acknowledge(db, number, "anna", now + 2 * DAY, until=now + 3 * DAY)

    await database.write(answered)
    clock.set_back(DAY, database)
    await guard.look()
    (incident,) = await database.read(lambda db: incident_lists.newest(db, open_only=True, limit=1))
    assert incident.next_at is not None
    assert abs(incident.next_at - (now + 2 * DAY)) < MINUTE
