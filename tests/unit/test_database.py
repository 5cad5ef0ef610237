"""The database: no update is lost between two writers, and a second writing process is refused."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, select, text

from alerting.escalation import Policy, Step
from alerting.sql import among, insert_many, metadata, update_many
from alerting.tables import incidents
from heartbeat.checks import store as check_store
from heartbeat.checks.schedule import Cron
from heartbeat.database import AlreadyServed, Database, Unavailable, reachable
from heartbeat.tables import installation
from tests.unit.conftest import NOW, a_check


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


def add_one(db: Connection) -> None:
    value = db.execute(
        select(installation.c.value).where(installation.c.key == "n").with_for_update()
    ).scalar_one()
    db.execute(installation.update().where(installation.c.key == "n").values(value=value + 1))


def add_nothing(_db: Connection) -> None:
    """Prove that somebody can write."""


async def test_concurrent_read_then_write_transactions_lose_no_update(database: Database) -> None:
    await database.write(lambda db: insert_many(db, installation, [{"key": "n", "value": 0}]))

    async def worker() -> None:
        for _ in range(25):
            await database.write(add_one)

    await asyncio.gather(*(worker() for _ in range(4)))
    total = await database.read(
        lambda db: db.execute(select(installation.c.value).where(installation.c.key == "n")).scalar_one()
    )
    assert total == 100


async def test_a_transaction_that_hangs_is_given_up_and_frees_its_thread(database: Database) -> None:
    """A lock is never released, or a server stops answering: callers get an error."""

    let_go = threading.Event()

    def hang(db: Connection) -> None:
        if database.sqlite:
            let_go.wait()
        else:
            db.execute(text("SELECT pg_sleep(600)"))

    hurried = database.within(0.3)
    for ask in (hurried.read, hurried.write):
        # More of them than there are threads, so that some wait for their turn when they are given up.
        answers = await asyncio.gather(*(ask(hang) for _ in range(9)), return_exceptions=True)
        assert {str(error) for error in answers} == {"it has not answered for 0.3 s"}
        assert {type(error) for error in answers} == {Unavailable}
    let_go.set()
    await database.write(add_nothing)
    assert await asyncio.gather(*(database.read(reachable) for _ in range(9))) == [True] * 9


async def test_what_was_read_while_the_process_stood_still_counts_and_nobody_acts_on_what_was_written(
    database: Database,
) -> None:
    """After a stop, the time is up and the answer is there at once. What was leased may belong to another by then."""
    answered = threading.Event()

    def answer(_db: Connection) -> int:
        answered.set()
        return 7

    def stand_still() -> None:
        loop = asyncio.get_running_loop()
        answered.wait()
        began = loop.time()
        while loop.time() < began + 1.0:
            pass  # The thread ends meanwhile, and the time is up.

    asyncio.get_running_loop().call_soon(stand_still)
    assert await database.within(0.5).read(answer) == 7
    answered.clear()
    asyncio.get_running_loop().call_soon(stand_still)
    with pytest.raises(Unavailable, match="not taken within"):
        await database.within(0.5).write(answer)
    assert answered.is_set()


async def test_a_server_that_has_become_a_standby_is_left(
    make_database_url: Callable[[str], str],
) -> None:
    """Behind a proxy, a connection outlives the change of a primary to a standby: it must not be used for ever."""
    database = Database(make_database_url("postgres"))

    def turn_read_only(db: Connection) -> None:
        db.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))

    def add(db: Connection) -> None:
        insert_many(db, installation, [{"key": f"n{time.monotonic_ns()}", "value": 0}])

    ways = (database.write, lambda work: database.write_pings(work, at_once=True))
    try:
        for write in ways:
            await write(turn_read_only)
            with pytest.raises(Unavailable, match="read-only"):
                await write(add)
            await write(add)
    finally:
        database.close()


async def test_work_that_was_given_up_before_it_began_never_runs(database: Database) -> None:
    let_go = threading.Event()
    ran: list[Connection] = []
    busy = [asyncio.ensure_future(database.write(lambda _: let_go.wait())) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await database.within(0.05).write(ran.append)
    let_go.set()
    await asyncio.gather(*busy)
    await database.write(add_nothing)
    assert ran == []


async def test_a_failing_transaction_leaves_nothing(database: Database) -> None:
    def fail(db: Connection) -> None:
        insert_many(db, installation, [{"key": "n", "value": 0}])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(fail)
    written = select(installation).where(installation.c.key == "n")
    assert await database.read(lambda db: db.execute(written).all()) == []


async def test_many_rows_are_updated_each_with_its_own_values(database: Database) -> None:
    rows = [{"key": str(n), "value": {"n": n}} for n in range(1000)]
    await database.write(lambda db: insert_many(db, installation, rows))
    stored = await database.read(
        lambda db: db.execute(
            select(installation.c.key, installation.c.value).where(installation.c.key != "name")
        ).all()
    )
    assert {key: value["n"] for key, value in stored} == {str(n): n for n in range(1000)}
    with pytest.raises(KeyError):
        await database.write(lambda db: update_many(db, installation, [{"id": 1, "nothing": 2}]))


async def test_postgresql_knows_how_many_values_it_looks_for(database: Database) -> None:
    """Else it reads a table that grows in a storm from one end to the other, and compares each row with each value."""
    if database.sqlite:
        return

    def plan(db: Connection) -> str:
        sought = select(incidents.c.id).where(among(db, incidents.c.cause_key, ["a", 'it\'s "b"']))
        compiled = sought.compile(db)
        explained = db.exec_driver_sql(f"EXPLAIN {compiled}", compiled.construct_params())
        return "\n".join(explained.scalars())

    assert """(cause_key = ANY ('{a,"it''s \\"b\\""}'::text[]))""" in await database.read(plan)


async def test_a_frozen_value_comes_back_as_it_was_written(database: Database) -> None:
    nightly, ops = (
        Cron("0 3 * * *", "Europe/London"),
        Policy("ops", (Step(("first",), timedelta(minutes=5)),)),
    )
    opened = {
        "cause_key": "one",
        "title": "",
        "cause": "silent",
        "state": "open",
        "severity_rank": 0,
        "occurrence": 1,
        "policy": ops,
        "step": 0,
        "opened_at": NOW,
        "next_at": NOW,
    }

    def write(db: Connection) -> None:
        check_store.insert(db, [a_check(slug, schedule=nightly) for slug in "abc"])
        insert_many(db, incidents, [opened])
        db.execute(incidents.insert().values(opened | {"cause_key": "two"}))

    await database.write(write)
    checks = await database.read(lambda db: check_store.listed(db, limit=9))
    assert [check.schedule for check in checks] == [nightly] * 3
    frozen = select(incidents.c.policy)
    assert await database.read(lambda db: db.execute(frozen).scalars().all()) == [ops, ops]


# SQLAlchemy cannot read an index over an expression back from SQLite: it is looked for by its name.
@pytest.mark.filterwarnings("ignore:.*expression-based index")
async def test_migrations_make_exactly_the_tables_that_the_code_uses(database: Database) -> None:
    difference = await database.read(lambda db: compare_metadata(MigrationContext.configure(db), metadata))
    assert difference == []
    if database.sqlite:
        query = "SELECT name FROM sqlite_master WHERE type = 'index'"
        made = await database.read(lambda db: set(db.exec_driver_sql(query).scalars()))
        assert {str(index.name) for table in metadata.sorted_tables for index in table.indexes} <= made


def test_a_second_writer_on_one_sqlite_file_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'heartbeat.db'}"
    first = Database(url, address="http://127.0.0.1:8000")
    with pytest.raises(
        AlreadyServed, match=r"already in use by process \d+ at http://127.0.0.1:8000"
    ) as refused:
        Database(url)
    assert refused.value.address == "http://127.0.0.1:8000"
    first.close()
    Database(url).close()


async def test_closing_does_not_wait_for_ever_for_a_hanging_database(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'heartbeat.db'}")
    let_go = threading.Event()
    hanging = asyncio.ensure_future(database.write(lambda _: let_go.wait()))
    await asyncio.sleep(0)
    assert database.close(0.01) is False
    let_go.set()
    await hanging
    assert database.close() is True


async def test_sqlite_is_durable_and_readers_never_checkpoint(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'heartbeat.db'}")

    def pragmas(db: Connection) -> tuple[object, ...]:
        return tuple(db.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous"))

    assert await database.write(pragmas) == ("wal", 2)
    assert await database.read(lambda db: db.execute(text("PRAGMA wal_autocheckpoint")).scalar()) == 0
    database.close()
