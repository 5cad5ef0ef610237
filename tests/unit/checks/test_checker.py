"""The sweep of due checks: each transition once, in one transaction, whatever the other processes do."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select

from alerting import desk, escalator
from alerting.tables import incidents, pages, symptoms
from heartbeat.checks import checker, history, store
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, State, Tolerance
from heartbeat.checks.schedule import Cron
from heartbeat.checks.tables import checks, transitions
from heartbeat.database import Database
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
MANY = 600
DOWN_AT = NOW + timedelta(minutes=6)
LATE = NOW + timedelta(hours=1)


def test_a_check_turns_down_at_its_deadline_and_not_before(db: Connection, insert: Insert) -> None:
    insert(db, [a_check("job")])
    assert checker.sweep(db, DOWN_AT - timedelta(seconds=1)) == 0
    assert checker.sweep(db, DOWN_AT) == 1
    assert checker.sweep(db, DOWN_AT) == 0
    assert [incident.title for incident in desk.incidents(db)] == ["job"]


def test_a_wake_before_the_deadline_only_moves_the_wake(db: Connection, insert: Insert) -> None:
    (number,) = (job.id for job in insert(db, [a_check("job")]).values())
    db.execute(checks.update().values(wake_at=NOW))
    assert checker.sweep(db, NOW) == 1
    (job,) = store.lock(db, [number])
    assert (job.state, job.wake_at) == (State.NEW, DOWN_AT)
    assert db.execute(select(transitions)).all() == []


def test_a_tolerated_miss_is_recorded_once_and_opens_no_incident(db: Connection, insert: Insert) -> None:
    (number,) = (job.id for job in insert(db, [a_check("job", alert_after=Tolerance(missed=2))]).values())
    for _ in range(2):
        checker.sweep(db, DOWN_AT)
    (job,) = store.lock(db, [number])
    assert (job.state, job.missed, job.wake_at) == (State.NEW, 1, DOWN_AT + timedelta(minutes=5))
    (change,) = history.of_check(db, number, 10)
    assert (change.state, change.cause, change.why) == (State.NEW, Cause.SILENT, "missed 1 of 2")
    assert desk.incidents(db) == []
    checker.sweep(db, DOWN_AT + timedelta(minutes=5))
    assert [incident.title for incident in desk.incidents(db)] == ["job"]


def test_a_symptom_has_the_last_line_of_the_last_body(db: Connection, insert: Insert) -> None:
    insert(db, [a_check("job")])
    checker.sweep(db, DOWN_AT, last_bodies=lambda _db, ids: dict.fromkeys(ids, b"copying\ndisk full\n"))
    (incident,) = desk.incidents(db)
    (symptom,) = desk.symptoms(db, [incident.id])[incident.id]
    assert symptom.facts.last_said == "disk full"


def test_a_check_that_cannot_be_judged_is_parked_and_delays_no_other(db: Connection, insert: Insert) -> None:
    jobs = insert(db, [a_check("broken"), a_check("fine")])
    unreadable = checks.update().where(checks.c.id == jobs["broken"].id)
    db.execute(unreadable.values(schedule=Cron("nonsense", "UTC")))
    assert checker.sweep(db, DOWN_AT) == 2
    broken, fine = store.lock(db, [jobs["broken"].id, jobs["fine"].id])
    assert (broken.state, broken.wake_at) == (State.NEW, DOWN_AT + checker.PARKED)
    assert fine.state is State.DOWN


@pytest.mark.parametrize(("count", "more"), [(1, ""), (checker.NAMED + 2, " and 2 more")])
async def test_checks_that_turn_down_together_are_logged_in_one_line(
    database_url: str, insert: Insert, caplog: pytest.LogCaptureFixture, count: int, more: str
) -> None:
    caplog.set_level(logging.INFO, "heartbeat.checks.checker")
    database = Database(database_url)
    await database.write(lambda db: insert(db, [a_check(f"job-{n:02}") for n in range(count)]))
    await database.write(lambda db: checker.sweep(db, LATE))
    await database.write(lambda db: checker.sweep(db, LATE))
    database.close()

    (record,) = (record for record in caplog.records if record.name == "heartbeat.checks.checker")
    slugs = [f"job-{n:02}" for n in range(min(count, checker.NAMED))]
    assert record.getMessage() == f"down: {', '.join(slugs)}{more}"
    extra = {name: vars(record).get(name) for name in ("event", "count", "check", "checks")}
    named = {"check": "job-00", "checks": None} if count == 1 else {"check": None, "checks": slugs}
    assert extra == {"event": "down", "count": count} | named


async def test_three_checkers_make_each_transition_and_each_page_once(
    make_database_url: Callable[[str], str], insert: Insert
) -> None:
    url = make_database_url("postgres")
    replicas = [Database(url) for _ in range(3)]
    # Half of the checks share one host, and so one incident: the replicas meet on its row.
    hosts = [{"host": "shared"} if n % 2 else {"host": f"h{n}"} for n in range(MANY)]
    jobs = [a_check(f"job-{n}", labels=labels) for n, labels in enumerate(hosts)]
    await replicas[0].write(lambda db: insert(db, jobs))

    async def run(replica: Database) -> int:
        total = 0
        while True:
            judged = await replica.write(lambda db: checker.sweep(db, LATE, limit=20))
            paged = await replica.write(
                lambda db: escalator.sweep(db, LATE + timedelta(seconds=30), limit=20)
            )
            total += judged
            if not judged and not paged:
                return total

    totals = await asyncio.gather(*(run(replica) for replica in replicas))

    def count(db: Connection) -> dict[str, object]:
        return {
            "down": db.execute(select(func.count()).where(checks.c.state == State.DOWN)).scalar_one(),
            "transitions": Counter(db.execute(select(transitions.c.check_id)).scalars()).most_common(1)[0][1],
            "incidents": db.execute(select(func.count()).select_from(incidents)).scalar_one(),
            "symptoms": db.execute(select(func.count()).select_from(symptoms)).scalar_one(),
            "pages": db.execute(select(func.count()).select_from(pages)).scalar_one(),
        }

    counts = await replicas[0].read(count)
    for replica in replicas:
        replica.close()
    assert sum(totals) == MANY
    assert counts == {
        "down": MANY,
        "transitions": 1,
        "incidents": MANY // 2 + 1,
        "symptoms": MANY,
        "pages": MANY // 2 + 1,
    }
