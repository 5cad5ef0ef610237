"""The cost of a ping on a healthy check: it touches no index, and nothing grows."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection, event, func, select, text

from alerting.origin import Origin
from heartbeat.checks.check import Check, Signal, State
from heartbeat.checks.tables import checks
from heartbeat.database import Database
from heartbeat.pings import keys, lanes, store
from heartbeat.pings.arrival import Arrival, BySlug, ByUuid
from heartbeat.pings.keys import PingKey
from heartbeat.pings.store import KEEP
from heartbeat.pings.tables import pings
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]

MANY = 20


def line(jobs: dict[str, Check], seconds: float) -> list[Arrival]:
    at = NOW + timedelta(seconds=seconds)
    return [Arrival(ByUuid(check.uuid.hex), Signal.SUCCESS, at, "GET", "", "") for check in jobs.values()]


def well(count: int) -> list[Check]:
    return [a_check(f"job-{n}", state=State.UP, last_ok_at=NOW) for n in range(count)]


def test_no_index_names_what_each_ping_writes() -> None:
    hot = {checks.c.last_ok_at, checks.c.pings}
    for index in checks.indexes:
        assert not hot & set(index.columns), index.name


async def test_pings_on_healthy_checks_are_hot_updates(
    make_database_url: Callable[[str], str], insert: Insert
) -> None:
    database = Database(make_database_url("postgres"))
    jobs = await database.write(lambda db: insert(db, well(MANY)))
    for second in range(KEEP + 20):
        arrivals = line(jobs, second)
        await database.write(lambda db, arrivals=arrivals: lanes.hear(db, arrivals))  # type: ignore[misc]  # a lambda

    def counted(db: Connection) -> dict[str, tuple[int, int]]:
        db.execute(text("SELECT pg_stat_force_next_flush()"))
        rows = db.execute(text("SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"))
        return {row[0]: (row[1], row[2]) for row in rows}

    await database.read(counted)
    updates_by_table = await database.read(counted)
    database.close()
    for table in ("checks", "pings"):
        updates, hot = updates_by_table[table]
        assert updates > 0
        assert hot / updates > 0.9, f"{table}: {hot} of {updates} updates were HOT"


async def test_the_ring_keeps_the_newest_and_never_grows(database_url: str, insert: Insert) -> None:
    database = Database(database_url)
    jobs = await database.write(lambda db: insert(db, well(1)))
    for second in range(3 * KEEP):
        arrivals = line(jobs, second)
        await database.write(lambda db, arrivals=arrivals: lanes.hear(db, arrivals))  # type: ignore[misc]  # a lambda
    rows = await database.read(lambda db: db.execute(select(func.count()).select_from(pings)).scalar_one())
    stored = await database.read(lambda db: store.last_pings(db, jobs["job-0"].id))
    database.close()
    assert rows == KEEP
    assert [ping.n for ping in stored] == list(range(3 * KEEP, 2 * KEEP, -1))


async def test_a_batch_of_plain_pings_by_uuid_is_a_fixed_number_of_statements(
    database_url: str, insert: Insert
) -> None:
    database = Database(database_url)
    jobs = await database.write(lambda db: insert(db, well(200)))
    statements: list[str] = []
    event.listen(database.writer, "before_cursor_execute", lambda *a: statements.append(a[2]))
    await database.write(lambda db: lanes.hear(db, line(jobs, 1)))
    database.close()
    expected = 4 if database.sqlite else 1
    assert len(statements) == expected, statements


async def test_only_a_slug_that_no_check_has_costs_a_look_at_former_slugs(
    database_url: str, insert: Insert
) -> None:
    database = Database(database_url)
    await database.write(lambda db: insert(db, [*well(5), a_check("new", formerly=("old",))]))
    await database.write(lambda db: keys.add(db, PingKey("jobs", "hash", Origin.FILE)))
    statements: list[str] = []
    event.listen(database.writer, "before_cursor_execute", lambda *a: statements.append(a[2]))

    async def looks(*slugs: str) -> int:
        statements.clear()
        arrivals = [Arrival(BySlug("hash", slug), Signal.SUCCESS, NOW, "GET", "", "") for slug in slugs]
        await database.write(lambda db: lanes.hear(db, arrivals))
        return sum("former_slugs" in statement for statement in statements)

    assert await looks("job-0", "job-1", "new") == 0
    assert await looks("job-0", "nobody", "no-one") == 1
    assert await looks("job-0", "old", "nobody") == 2, "the time of its last ping is written as well"
    database.close()
