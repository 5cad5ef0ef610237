"""The two lanes of the ping path agree: what the plain lane does to rows is what `life.on_ping` decides."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, select, update

from alerting import desk
from alerting.sql import insert_many
from heartbeat.checks import history, life, progress
from heartbeat.checks import store as check_store
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Change, Check, Measure, Ping, Signal, State, Tolerance
from heartbeat.checks.progress import Amount
from heartbeat.checks.schedule import Every
from heartbeat.checks.tables import checks
from heartbeat.database import Database
from heartbeat.pings import lanes, store
from heartbeat.pings.arrival import Arrival, BySlug, ByUuid, PingResult
from heartbeat.pings.store import KEEP
from heartbeat.pings.tables import ping_keys, pings
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


def success(job: Check, seconds: float, body: bytes | None = None) -> Arrival:
    at = NOW + timedelta(seconds=seconds)
    return Arrival(ByUuid(job.uuid.hex), Signal.SUCCESS, at, "GET", "127.0.0.1", "curl/8", body, 0)


def rows(db: Connection) -> dict[str, object]:
    """Everything that pings write, but for numbers and uuids, which differ between checks."""
    slugs = {
        row.id: row.slug.removeprefix("slow-").removeprefix("plain-") for row in db.execute(select(checks))
    }
    lives = {
        row.slug: (row.state, row.cause, row.last_ok_at, row.pings, row.runs, row.since)
        for row in db.execute(select(checks))
    }
    stored = {(slugs[row.check_id], row.slot): tuple(row)[2:] for row in db.execute(select(pings))}
    return {"lives": lives, "stored": stored}


@pytest.mark.parametrize("many", [1, 3, KEEP + 7])
async def test_the_plain_lane_writes_what_the_slow_lane_decides(
    database: Database, insert: Insert, many: int
) -> None:
    slugs = ["a", "b"]
    jobs = await database.write(
        lambda db: insert(db, [a_check(slug, state=State.UP, last_ok_at=NOW) for slug in slugs])
    )
    line = [
        (job.uuid.hex, success(job, k * 0.5, b"line %d" % k))
        for k in range(many)
        for job in [jobs[slugs[k % 2]]]
    ]
    # Out of order on purpose: times only move forward in a row.
    line = line[1:] + line[:1]

    def plainly(db: Connection) -> dict[str, object]:
        touched = store.hear_plain(db, line)
        assert touched == {uuid for uuid, _ in line}
        written = rows(db)
        db.rollback()
        return written

    def slowly(db: Connection) -> dict[str, object]:
        heard, urgent = lanes._hear_singly(db, line)
        assert (heard, urgent) == ({uuid for uuid, _ in line}, False)
        written = rows(db)
        db.rollback()
        return written

    plain, slow = await database.write(_contained(plainly)), await database.write(_contained(slowly))
    assert plain == slow
    assert len(plain["stored"]) == min(many, 2 * KEEP)  # type: ignore[arg-type]  # it is a dict


def _contained(work: Callable[[Connection], dict[str, object]]) -> Callable[[Connection], dict[str, object]]:
    """Run in a savepoint that is rolled back, so that both lanes start from the same rows."""

    def run(db: Connection) -> dict[str, object]:
        inner = db.begin_nested()
        try:
            return work(_NoRollback(db))  # type: ignore[arg-type]  # it passes everything on
        finally:
            inner.rollback()

    return run


class _NoRollback:
    """The connection, with a rollback that does nothing: the savepoint's owner rolls back."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def rollback(self) -> None:
        return None

    def __getattr__(self, name: str) -> object:
        return getattr(self._db, name)


async def test_other_pings_than_plain_ones_go_through_on_ping(database: Database, insert: Insert) -> None:
    new, running = a_check("new"), life.on_ping(a_check("running"), Ping(Signal.START, NOW)).check
    down = life.on_due(a_check("down"), NOW + timedelta(hours=1)).check
    jobs = await database.write(lambda db: insert(db, [new, running, down]))
    line = [success(job, 10) for job in jobs.values()]
    results, urgent = await database.write(lambda db: lanes.hear(db, line))
    assert (results, urgent) == ([PingResult.HEARD] * 3, True)
    lives = await database.read(
        lambda db: {r.slug: (r.state, r.runs, r.pings) for r in db.execute(select(checks))}
    )
    assert lives == dict.fromkeys(("new", "running", "down"), ("up", None, 1))


async def test_a_success_with_numbers_is_looked_at_singly_and_keeps_its_place(
    database: Database, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    ups = [a_check(slug, state=State.UP, last_ok_at=NOW) for slug in ("counts", "plain")]
    jobs = await database.write(lambda db: insert(db, ups))
    counts, plain = jobs["counts"], jobs["plain"]
    line = [
        replace(success(counts, 1), measurements={"rows": 1}),
        success(counts, 2),
        replace(success(counts, 3), misread="rows is no number."),
        success(plain, 4),
    ]
    looked_at = spy_on_ping(monkeypatch)
    assert (await database.write(lambda db: lanes.hear(db, line)))[0] == [PingResult.HEARD] * 4
    stored = await database.read(lambda db: store.last_pings(db, counts.id))
    assert [(ping.n, ping.measurements, ping.misread) for ping in reversed(stored)] == [
        (1, {"rows": 1}, None),
        (2, None, None),
        (3, None, "rows is no number."),
    ]
    assert looked_at == ["counts"] * 3


async def test_every_success_of_a_check_that_is_not_plain_is_looked_at_singly(
    database: Database, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    ups = [a_check(slug, state=State.UP, last_ok_at=NOW) for slug in ("judged", "plain")]
    jobs = await database.write(lambda db: insert(db, ups))
    await database.write(
        lambda db: db.execute(update(checks).where(checks.c.slug == "judged").values(plain=False))
    )
    looked_at = spy_on_ping(monkeypatch)
    line = [success(job, 10) for job in jobs.values()]
    assert (await database.write(lambda db: lanes.hear(db, line)))[0] == [PingResult.HEARD] * 2
    assert looked_at == ["judged"]


async def test_reports_of_progress_push_no_run_out_of_the_ring(database: Database, insert: Insert) -> None:
    up = a_check("job", state=State.UP, last_ok_at=NOW, until_done=True, max_runtime=timedelta(hours=20))
    job = (await database.write(lambda db: insert(db, [up])))["job"]
    start = replace(success(job, 60), signal=Signal.START)
    line = [start, *(report(job, 60 * minute, minute) for minute in range(2, 3 * KEEP))]
    _, urgent = await database.write(lambda db: lanes.hear(db, line))
    assert urgent
    stored = await database.read(lambda db: store.last_pings(db, job.id))
    check = await database.read(lambda db: check_store.load(db, "job"))
    assert check is not None
    (run,) = check.runs
    assert [ping.signal for ping in stored] == [Signal.START]
    assert (check.pings, run.progress and run.progress.amount) == (1, Amount(3 * KEEP - 1, 900))
    assert len(json.dumps(progress.to_json(run.progress))) < 1000 if run.progress else False


async def test_a_report_wakes_the_ticker_only_if_its_check_is_to_be_judged_sooner(
    database: Database, insert: Insert
) -> None:
    up = a_check(
        "job",
        state=State.UP,
        last_ok_at=NOW,
        schedule=Every(timedelta(days=1)),
        stuck_after=timedelta(hours=1),
    )
    job = (await database.write(lambda db: insert(db, [up])))["job"]
    urgent = []
    for minute in (2, 3):
        line = [report(job, 60 * minute, minute)]
        urgent.append((await database.write(partial(lanes.hear, arrivals=line)))[1])
    assert urgent == [True, False]


def report(job: Check, seconds: float, done: float) -> Arrival:
    return replace(
        success(job, seconds),
        signal=Signal.PROGRESS,
        exit_status=None,
        measurements={"done": done, "total": 900},
    )


async def test_lines_of_the_body_are_read_where_the_check_says_so(database: Database, insert: Insert) -> None:
    up = {"state": State.UP, "last_ok_at": NOW}
    jobs = await database.write(
        lambda db: insert(db, [a_check("lines", measure=Measure.LINES, **up), a_check("json", **up)])
    )
    line = [success(job, 1, b"well\nrows=12\nleft=many\n") for job in jobs.values()]
    line[0] = replace(line[0], measurements={"rows": 1, "took": 5})
    await database.write(lambda db: lanes.hear(db, line))
    kept = await database.read(
        lambda db: {slug: store.last_pings(db, job.id)[0] for slug, job in jobs.items()}
    )
    assert (kept["lines"].measurements, kept["lines"].misread) == (
        {"rows": 12, "took": 5},
        '"left" was left out: "many" is not a number.',
    )
    assert (kept["json"].measurements, kept["json"].misread) == (None, None)


def spy_on_ping(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the slugs of the checks whose pings are looked at singly."""
    slugs: list[str] = []
    real = life.on_ping

    def on_ping(check: Check, ping: Ping) -> Change:
        slugs.append(check.slug)
        return real(check, ping)

    monkeypatch.setattr(life, "on_ping", on_ping)
    return slugs


async def test_a_success_resets_the_faults_that_a_check_tolerates(database: Database, insert: Insert) -> None:
    tolerance = Tolerance(failures=3, missed=3)
    up = {"state": State.UP, "last_ok_at": NOW, "alert_after": tolerance}
    jobs = await database.write(
        lambda db: insert(db, [a_check("failed", failures=2, **up), a_check("missed", missed=1, **up)])
    )
    line = [success(job, 10) for job in jobs.values()]
    assert (await database.write(lambda db: lanes.hear(db, line)))[0] == [PingResult.HEARD] * 2
    counts = await database.read(
        lambda db: {(r.failures, r.missed, r.pings) for r in db.execute(select(checks))}
    )
    assert counts == {(0, 0, 1)}


async def test_a_tolerated_failure_is_kept_in_the_history_and_opens_no_incident(
    database: Database, insert: Insert
) -> None:
    job = a_check("job", state=State.UP, last_ok_at=NOW, alert_after=Tolerance(failures=2))
    job = (await database.write(lambda db: insert(db, [job])))["job"]
    failure = replace(success(job, 10), signal=Signal.FAIL)
    await database.write(lambda db: lanes.hear(db, [failure]))
    (change,) = await database.read(lambda db: history.of_check(db, job.id, 10))
    assert (change.state, change.cause, change.why) == (
        State.UP,
        Cause.FAILED,
        "reported failure, failure 1 of 2",
    )
    assert await database.read(desk.incidents) == []
    await database.write(lambda db: lanes.hear(db, [failure]))
    assert len(await database.read(desk.incidents)) == 1


async def test_order_is_kept_within_a_batch(database: Database, insert: Insert) -> None:
    jobs = await database.write(lambda db: insert(db, [a_check("job", state=State.UP, last_ok_at=NOW)]))
    job = jobs["job"]
    signals = [Signal.START, Signal.FAIL, Signal.SUCCESS, Signal.LOG]
    line = [
        Arrival(ByUuid(job.uuid.hex), signal, NOW + timedelta(seconds=n), "GET", "", "")
        for n, signal in enumerate(signals)
    ]
    results, urgent = await database.write(lambda db: lanes.hear(db, line))
    assert (results, urgent) == ([PingResult.HEARD] * 4, True)
    stored = await database.read(lambda db: store.last_pings(db, job.id))
    assert [(ping.n, ping.signal) for ping in reversed(stored)] == list(enumerate(signals, 1))
    state = await database.read(lambda db: db.execute(select(checks.c.state)).scalar_one())
    assert state == "up"


async def test_of_several_first_pings_in_one_batch_one_creates_the_check(
    database: Database, insert: Insert
) -> None:
    await database.write(lambda db: insert_many(db, ping_keys, [{"name": "k", "hash": "h"}]))
    first, second = (
        Arrival(BySlug("h", "new", create=True), Signal.SUCCESS, NOW, "GET", "", "") for _ in range(2)
    )
    results, urgent = await database.write(lambda db: lanes.hear(db, [first, second]))
    assert (results, urgent) == ([PingResult.CREATED, PingResult.HEARD], True)


async def test_one_batch_tells_unknown_uuids_from_existing_ones(database: Database, insert: Insert) -> None:
    jobs = await database.write(lambda db: insert(db, [a_check("job", state=State.UP, last_ok_at=NOW)]))
    stranger = a_check("stranger")
    results, _ = await database.write(
        lambda db: lanes.hear(db, [success(jobs["job"], 1), success(stranger, 1)])
    )
    assert results == [PingResult.HEARD, PingResult.UNKNOWN]
