"""Runs that break a rule of their check, on the path of a ping."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, event

from alerting import desk
from alerting.severity import Severity
from heartbeat.checks import judgement, rule_grammar
from heartbeat.checks import store as check_store
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Signal, State
from heartbeat.checks.rule import Rule
from heartbeat.database import Database
from heartbeat.measurements import history
from heartbeat.measurements import store as measurements
from heartbeat.pings import lanes, store
from heartbeat.pings.arrival import Arrival, ByUuid, NumberedPing
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
Hear = Callable[..., "object"]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


def a_rule(text: str, runs: int = 1, severity: Severity | None = None) -> Rule:
    return Rule(rule_grammar.parse(text), "", severity, runs)


def ping(
    job: Check, minutes: float, signal: Signal = Signal.SUCCESS, body: bytes | None = None, **numbers: float
) -> Arrival:
    at = NOW + timedelta(minutes=minutes)
    arrival = Arrival(ByUuid(job.uuid.hex), signal, at, "GET", "127.0.0.1", "curl/8", body)
    arrival.measurements = numbers or None
    return arrival


async def made(database: Database, insert: Insert, *rules: Rule, **fields: object) -> Check:
    job = a_check("reset", state=State.UP, last_ok_at=NOW, rules=rules, **fields)
    return (await database.write(lambda db: insert(db, [job])))["reset"]


async def heard(database: Database, *pings: Arrival, slug: str = "reset") -> Check:
    """Hear each ping in a transaction of its own; return its check."""
    for one in pings:
        await database.write(lambda db, one=one: lanes.hear(db, [one]))  # type: ignore[misc]
    check = await database.read(lambda db: check_store.load(db, slug))
    assert check is not None
    return check


async def test_a_run_that_breaks_a_rule_turns_its_check_down_as_ineffective(
    database: Database, insert: Insert
) -> None:
    job = await made(database, insert, a_rule("processed > 0", severity=Severity.CRITICAL))
    assert (await heard(database, ping(job, 1, processed=31))).state is State.UP
    down = await heard(database, ping(job, 2, processed=12), ping(job, 3, processed=0))
    assert (down.state, down.cause) == (State.DOWN, Cause.INEFFECTIVE)
    (incident,) = await database.read(desk.incidents)
    assert (incident.cause_key, incident.severity) == ("failed:ops:check=reset", Severity.CRITICAL)
    dossier = await database.read(lambda db: desk.dossier(db, incident.id))
    assert dossier is not None
    (symptom,) = dossier.symptoms
    assert (symptom.cause, symptom.facts.why) == ("ineffective", "processed must be > 0, was 0")
    assert symptom.facts.evidence == "Rule: processed > 0. Last processed: 31, 12, 0 (falling)."


async def test_a_run_that_keeps_the_rule_clears_it(database: Database, insert: Insert) -> None:
    job = await made(database, insert, a_rule("processed > 0"))
    up = await heard(database, ping(job, 1, processed=0), ping(job, 2, processed=3))
    assert (up.state, up.last_ok_at) == (State.UP, NOW + timedelta(minutes=2))


async def test_a_rule_looks_back_over_runs_of_earlier_batches_and_of_its_own(
    database: Database, insert: Insert
) -> None:
    job = await made(database, insert, a_rule("left falls over 3 runs"))
    assert (await heard(database, ping(job, 1, left=40), ping(job, 2, left=40))).state is State.UP
    line = [ping(job, 3, left=39), ping(job, 4, left=40)]
    await database.write(lambda db: lanes.hear(db, line))
    down = await heard(database)
    assert (down.cause, down.pings) == (Cause.INEFFECTIVE, 4)


async def test_a_run_without_the_number_that_a_rule_needs_breaks_it(
    database: Database, insert: Insert
) -> None:
    job = await made(database, insert, a_rule("left < 5", runs=3))
    assert (await heard(database, ping(job, 1))).cause is Cause.INEFFECTIVE


async def test_the_duration_of_a_run_is_a_number_of_it(database: Database, insert: Insert) -> None:
    job = await made(database, insert, a_rule("duration < 15m"))
    start, quick = ping(job, 1, Signal.START), ping(job, 9)
    assert (await heard(database, start, quick)).state is State.UP
    slow = await heard(database, ping(job, 10, Signal.START), ping(job, 41))
    assert slow.cause is Cause.INEFFECTIVE


async def test_the_body_of_a_run_is_searched(database: Database, insert: Insert) -> None:
    job = await made(database, insert, a_rule("body has not /Traceback/", runs=2))
    bad = [ping(job, minute, body=b"\xff Traceback (most recent call last)") for minute in (1, 2)]
    assert (await heard(database, bad[0])).state is State.UP
    assert (await heard(database, bad[1])).cause is Cause.INEFFECTIVE


async def test_a_failure_is_a_failure_whatever_the_rules_say(database: Database, insert: Insert) -> None:
    job = await made(database, insert, a_rule("processed > 0"))
    assert (await heard(database, ping(job, 1, Signal.FAIL, processed=9))).cause is Cause.FAILED


async def test_rules_for_labels_are_judged_too(database: Database, insert: Insert) -> None:
    job = await made(database, insert, label_rules=(a_rule("processed > 0"),))
    assert (await heard(database, ping(job, 1, processed=0))).cause is Cause.INEFFECTIVE


async def test_a_rule_that_cannot_be_judged_is_told_and_keeps_no_ping_from_being_heard(
    database: Database, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await made(database, insert, a_rule("remaining < 5000"))

    def broken(*_given: object) -> None:
        raise OverflowError

    monkeypatch.setattr(judgement, "verdict", broken)
    check = await heard(database, ping(job, 10, remaining=1.0))
    assert (check.state, check.cause, check.pings) == (State.DOWN, Cause.INEFFECTIVE, 1)


WEEKLY = "rows changes by less than 50% of the same weekday"


async def ten_minutely(database: Database, insert: Insert, count: int, text: str) -> list[Check]:
    """Return jobs that run every ten minutes: the history of a week before is long gone from their full rings."""
    jobs = [
        a_check(f"job-{n}", state=State.UP, last_ok_at=NOW, rules=(a_rule(text),), pings=store.KEEP)
        for n in range(count)
    ]

    def write(db: Connection) -> list[Check]:
        made = list(insert(db, jobs).values())
        week_before = [(NOW - timedelta(days=7, minutes=minutes), 1_000.0) for minutes in (20, 10, 0)]
        day = history.added(None, week_before)
        assert day is not None
        measurements.put(
            db, {(job.id, "rows", history.day_of(NOW - timedelta(days=7))): day for job in made}, {}
        )
        store.keep(
            db,
            [
                NumberedPing(job.id, n, ping(job, 10 * (n - store.KEEP), rows=990), None)
                for job in made
                for n in range(1, store.KEEP + 1)
            ],
        )
        return made

    return await database.write(write)


async def test_the_same_weekday_is_found_in_the_history_where_the_ring_does_not_reach(
    database: Database, insert: Insert
) -> None:
    (job,) = await ten_minutely(database, insert, 1, WEEKLY)
    assert (await heard(database, ping(job, 10, rows=700), slug=job.slug)).state is State.UP
    down = await heard(database, ping(job, 20, rows=400), slug=job.slug)
    assert (down.state, down.cause) == (State.DOWN, Cause.INEFFECTIVE)


@pytest.mark.parametrize(("text", "reads"), [(WEEKLY, 1), ("rows > 0", 0)])
async def test_the_history_is_read_once_for_a_batch_and_only_for_rules_that_need_it(
    database: Database, insert: Insert, text: str, reads: int
) -> None:
    jobs = await ten_minutely(database, insert, 5, text)
    statements: list[str] = []
    event.listen(database.writer, "before_cursor_execute", lambda *a: statements.append(a[2]))
    await database.write(lambda db: lanes.hear(db, [ping(job, 10, rows=900) for job in jobs]))
    assert sum("FROM measured_days" in statement for statement in statements) == reads
