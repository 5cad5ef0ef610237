"""Old rows are deleted in bounded pieces, on both databases. Open incidents and rows that still count never are."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Connection, func, select, update
from sqlalchemy.exc import DBAPIError

from alerting import desk, retention
from alerting.answer import Resolved
from alerting.tables import attempts, incidents, pages, symptoms, timeline
from heartbeat import audit
from heartbeat import retention as heartbeat_retention
from heartbeat.actor import Actor, Role
from heartbeat.checks import actions, placing
from heartbeat.checks import store as check_store
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Change, Check, Raised, State
from heartbeat.checks.history import of_check
from heartbeat.checks.symptoms import Fall, key_of
from heartbeat.checks.tables import transitions
from heartbeat.database import Database, Unavailable
from heartbeat.metrics import Metrics
from heartbeat.retention import Retention
from tests.unit.conftest import NOW, a_check, somebody
from tests.unit.http.conftest import SetClock

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
YEARS = timedelta(days=800)
HANGING = (symptoms, pages, attempts, timeline)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> SetClock:
    """A clock, two years on."""
    return SetClock(NOW + YEARS)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def tidier(
    database: Database, clock: SetClock, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> Retention:
    """A deletion that does not rest between transactions."""
    monkeypatch.setattr(heartbeat_retention, "PAUSE", 0)
    return Retention(database, clock, metrics, incidents=400, transitions=400)


async def count(database: Database, table: Any) -> int:
    return await database.read(lambda db: db.execute(select(func.count()).select_from(table)).scalar_one())


def numbers_of(db: Connection, column: ColumnElement[int]) -> set[int]:
    return set(db.execute(select(column)).scalars())


def an_incident(db: Connection, slug: str, at: datetime, *, resolved: datetime | None) -> int:
    """An incident of one check, with a page that was tried."""
    numbers = check_store.insert(db, [a_check(slug, state=State.DOWN, cause=Cause.SILENT)])
    (job,) = check_store.lock(db, list(numbers.values()))
    placing.raise_(db, [Fall(Change(job, Raised(Cause.SILENT, "is silent")), job)], at)
    (number,) = desk.incident_of(db, [key_of(job)]).values()
    values = {"kind": "page", "person": "first", "occurrence": 1, "step": 0, "severity_rank": 1, "words": ""}
    values |= {"state": "delivered", "created_at": at, "contact": 0, "via": "console", "attempts": 1}
    values |= {"contact_attempts": 1, "throttled": False, "lease": 1, "incident_id": number}
    page = db.execute(pages.insert().values(**values).returning(pages.c.id)).scalar_one()
    db.execute(attempts.insert().values(page_id=page, at=at, via="console", outcome="accepted", said=""))
    if resolved is not None:
        assert isinstance(actions.resolve(db, number, somebody("anna"), resolved), Resolved)
    return number


async def test_old_resolved_incidents_are_deleted_with_everything_about_them(
    database: Database, tidier: Retention, clock: SetClock, metrics: Metrics
) -> None:
    edge = clock.now() - timedelta(days=400)
    cases = {"old": NOW, "just": edge - timedelta(seconds=1), "not yet": edge, "open": None}
    numbers_by_case = {
        name: await database.write(partial(an_incident, slug=name.replace(" ", "-"), at=NOW, resolved=at))
        for name, at in cases.items()
    }
    await tidier.tidy()
    left = await database.read(partial(numbers_of, column=incidents.c.id))
    assert left == {numbers_by_case["not yet"], numbers_by_case["open"]}
    for table in (symptoms, pages, timeline):
        numbers = await database.read(partial(numbers_of, column=table.c.incident_id))
        assert numbers == left
    assert await count(database, attempts) == 2
    value_of = metrics.registry.get_sample_value
    assert value_of("heartbeat_forgotten_rows_total", {"table": "incidents"}) == 2
    assert value_of("heartbeat_forgotten_rows_total", {"table": "attempts"}) == 2


async def test_an_open_incident_stays_however_old_it_is(
    database: Database, tidier: Retention, clock: SetClock
) -> None:
    number = await database.write(lambda db: an_incident(db, "open", NOW, resolved=None))
    clock.advance(days=10_000)
    await tidier.tidy()
    assert await database.read(lambda db: desk.dossier(db, number)) is not None


@pytest.fixture
async def changes(database: Database, insert: Insert) -> int:
    """Ten changes of one check's state, a day apart, the last one short before `NOW + 10 days`; its number."""
    jobs = await database.write(lambda db: insert(db, [a_check("job"), a_check("quiet")]))
    number = jobs["job"].id

    def write(db: Connection) -> None:
        for day in range(10):
            state, cause = ("down", "silent") if day % 2 else ("up", None)
            values = {"check_id": number, "at": NOW + timedelta(days=day), "state": state, "cause": cause}
            db.execute(transitions.insert().values(**values, why=""))
        values = {"check_id": jobs["quiet"].id, "at": NOW, "state": "up", "cause": None}
        db.execute(transitions.insert().values(**values, why=""))

    await database.write(write)
    return number


@pytest.mark.parametrize(("days", "left"), [(400, 10), (405, 6), (409, 2), (5000, 1)])
async def test_the_last_change_of_state_before_the_horizon_stays(
    database: Database, tidier: Retention, clock: SetClock, changes: int, days: int, left: int
) -> None:
    """The remaining changes give the state of the check at any instant that is still shown."""
    clock.at = NOW + timedelta(days=days)
    await tidier.tidy()
    remaining = await database.read(lambda db: of_check(db, changes, 20))
    assert len(remaining) == left
    assert remaining[0].at == NOW + timedelta(days=9)
    assert await count(database, transitions) == left + 1


async def test_each_transaction_is_bounded(
    database: Database, tidier: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat_retention, "BATCH", 3)
    monkeypatch.setattr(retention, "AT_A_TIME", 2)
    for number in range(5):
        await database.write(partial(an_incident, slug=f"job-{number}", at=NOW, resolved=NOW))
    deleted: list[int] = []
    honest = heartbeat_retention._forget

    def counted(db: Connection, rows: retention.Rows) -> int:
        deleted.append(honest(db, rows))
        return deleted[-1]

    monkeypatch.setattr(heartbeat_retention, "_forget", counted)
    tables = (incidents, *HANGING)
    old = [await count(database, table) for table in tables]
    await database.write(lambda db: an_incident(db, "open", NOW, resolved=None))
    with_open = [await count(database, table) for table in tables]
    previous = await count(database, transitions)
    assert await tidier.tidy() == sum(old) + previous - await count(database, transitions)
    assert max(deleted) <= 3
    left = [await count(database, table) for table in tables]
    assert left == [every - gone for every, gone in zip(with_open, old, strict=True)]


@pytest.mark.parametrize("deed", ["UPDATE audit SET actor = 'eve'", "DELETE FROM audit"])
async def test_the_audit_log_is_kept_for_ever(
    database: Database, tidier: Retention, clock: SetClock, deed: str
) -> None:
    """Its rows can be neither changed nor deleted, by nobody who speaks SQL through this service."""
    actor = Actor("anna", Role.ADMIN, "command line")
    await database.write(lambda db: audit.record(db, actor, "check.pause", "check job", NOW))
    clock.advance(days=10_000)
    await tidier.tidy()
    with pytest.raises(DBAPIError, match="audit"):
        await database.write(lambda db: db.exec_driver_sql(deed))
    (entry,) = await database.read(lambda db: audit.listed(db, limit=5))
    assert entry.actor == "anna"


async def test_two_janitors_at_once_do_no_harm(
    database: Database, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat_retention, "PAUSE", 0)
    monkeypatch.setattr(heartbeat_retention, "BATCH", 2)
    for number in range(6):
        await database.write(partial(an_incident, slug=f"job-{number}", at=NOW, resolved=NOW))
    await database.write(lambda db: an_incident(db, "open", NOW, resolved=None))
    janitors = [Retention(database, clock, Metrics(), incidents=400, transitions=400) for _ in range(2)]
    await asyncio.gather(*(janitor.tidy() for janitor in janitors))
    await janitors[0].tidy()
    assert await count(database, incidents) == 1


async def test_a_round_that_fails_is_counted_and_the_next_one_comes(
    database: Database, clock: SetClock, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat_retention, "FIRST_AFTER", 0)
    monkeypatch.setattr(heartbeat_retention, "EVERY", 0)
    went = asyncio.Event()
    troubles: list[Exception] = [Unavailable("gone"), ValueError("a fault")]

    async def tidy(self: Retention) -> int:
        if troubles:
            raise troubles.pop(0)
        went.set()
        return 0

    monkeypatch.setattr(Retention, "tidy", tidy)
    tidier = Retention(database, clock, metrics, incidents=400, transitions=400)
    running = asyncio.create_task(tidier.run())
    await asyncio.wait_for(went.wait(), 5)
    running.cancel()
    assert metrics.registry.get_sample_value("heartbeat_janitor_failures_total") == 2


async def test_nothing_is_written_if_nothing_is_old(
    database: Database, tidier: Retention, changes: int, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(lambda db: db.execute(update(transitions).values(at=clock.now())))

    async def never(*_: Any) -> None:
        raise AssertionError("something was written")

    monkeypatch.setattr(Database, "write", never)
    assert await tidier.tidy() == 0


async def test_endless_flapping_leaves_a_bounded_history(
    database: Database, tidier: Retention, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat_retention, "FLAPS", 4)
    monkeypatch.setattr(heartbeat_retention, "BATCH", 2)
    number = await database.write(lambda db: an_incident(db, "job", clock.now(), resolved=None))

    def flap(db: Connection) -> tuple[list[int], list[str]]:
        (job,) = check_store.lock_all(db).values()
        db.execute(transitions.delete())
        db.execute(timeline.delete())
        changes, lines = [], []
        for n in range(20):
            state, cause = ("down", "silent") if n % 2 else ("up", None)
            row = {"check_id": job.id, "at": clock.now(), "state": state, "cause": cause, "why": ""}
            changes.append(
                db.execute(transitions.insert().values(row).returning(transitions.c.id)).scalar_one()
            )
            kind, by = [("down", None), ("cleared", None), ("note", "Anna"), ("cleared", "Anna")][n % 4]
            line = {"incident_id": number, "at": clock.now(), "kind": kind, "words": str(n), "by": by}
            db.execute(timeline.insert().values(line))
            lines.append(str(n))
        return changes, lines

    changes, lines = await database.write(flap)
    assert await tidier.tidy() == 16 + 6
    assert await database.read(partial(numbers_of, column=transitions.c.id)) == set(changes[-4:])
    kept = await database.read(lambda db: db.execute(select(timeline.c.words)).scalars().all())
    by_nobody = [line for line in lines if int(line) % 4 < 2]
    assert set(kept) == set(lines) - set(by_nobody[:-4])
    assert await tidier.tidy() == 0
