"""The SQL of checks: checks come back as they were written, and due ones are claimed once, most severe first."""

from collections.abc import Callable
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, make_url, select

from alerting.origin import Origin
from alerting.severity import Severity
from heartbeat.checks import life, progress, store
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Fault, Measure, Ping, Raised, RecentRuns, Run, Signal, State
from heartbeat.checks.expectation import Expectation, RunLimit
from heartbeat.checks.progress import Amount
from heartbeat.checks.schedule import Cron
from heartbeat.checks.tables import checks
from heartbeat.checks.time_of_day import Window
from heartbeat.database import engine
from tests.unit.conftest import NOW, a_check

MINUTE = timedelta(minutes=1)
REPORTED = progress.reported(progress.reported(None, Amount(1), NOW), Amount(2, 9.5), NOW + MINUTE)
DOWN_AT = NOW + 6 * MINUTE


def added(db: Connection, *jobs: Check) -> list[Check]:
    return store.lock(db, list(store.insert(db, jobs).values()))


def up(job: Check) -> Check:
    return life.on_ping(job, Ping(Signal.SUCCESS, NOW)).check


def test_a_check_comes_back_as_it_was_written(db: Connection) -> None:
    job = a_check(
        "job",
        schedule=Cron("0 3 * * *", "Europe/London"),
        max_runtime=10 * MINUTE,
        description="Copies everything",
        labels={"host": "a"},
        severity=Severity.CRITICAL,
        policy="ops",
        manual_resume=True,
        measure=Measure.LINES,
        origin=Origin.FILE,
        until_done=True,
        stuck_after=15 * MINUTE,
        runs=(Run("a" * 32, NOW, False, REPORTED, {"rows": 0.5}, "what"), Run(None, NOW, overran=True)),
        expectation=Expectation(
            RunLimit(3, 60 * MINUTE), MINUTE, True, time(6), Window(time(22), time(4)), "Europe/London"
        ),
        recent_runs=RecentRuns((NOW - MINUTE, NOW), NOW),
        fault=Fault(
            Raised(Cause.INEFFECTIVE, "processed was 0", Severity.WARNING, "0, 0, 12"), NOW, NOW - MINUTE
        ),
    )
    (stored,) = added(db, job)
    assert stored == replace(job, id=stored.id)
    assert store.load(db, "job") == store.load(db, job.uuid) == stored
    assert store.load(db, "other") is None


def test_the_plain_lane_is_told_which_checks_it_may_take(db: Connection) -> None:
    lines, _ = added(db, a_check("lines", measure=Measure.LINES), a_check("plain"))
    by_slug = select(checks.c.slug, checks.c.plain).order_by(checks.c.slug)
    assert [tuple(row) for row in db.execute(by_slug)] == [("lines", False), ("plain", True)]
    store.save_definitions(db, [replace(lines, measure=Measure.JSON)])
    assert [tuple(row) for row in db.execute(by_slug)] == [("lines", True), ("plain", True)]


def test_a_state_is_saved_without_the_definition(db: Connection) -> None:
    (job,) = added(db, a_check("job"))
    down = replace(life.fallen_silent(job, DOWN_AT).check, name="Renamed")
    store.save(db, [down])
    assert store.load(db, "job") == replace(down, name="job")
    store.save_definitions(db, [down])
    assert store.load(db, "job") == down


def test_a_slug_that_exists_is_left_alone(db: Connection) -> None:
    (job,) = added(db, a_check("job"))
    assert list(store.insert(db, [a_check("job"), a_check("new")])) == ["new"]
    assert store.load(db, "job") == job


def test_due_checks_are_claimed_most_severe_and_oldest_first(db: Connection) -> None:
    added(
        db,
        a_check("warning", severity=Severity.WARNING, grace=MINUTE / 2),
        a_check("later", severity=Severity.CRITICAL, grace=2 * MINUTE),
        a_check("first", severity=Severity.CRITICAL),
        a_check("not-due", severity=Severity.CRITICAL, grace=60 * MINUTE),
    )
    due = DOWN_AT + MINUTE
    assert [job.slug for job in store.claim_due(db, due, 9)] == ["first", "later", "warning"]
    assert [job.slug for job in store.claim_due(db, due, 1)] == ["first"]
    assert store.claim_due(db, NOW, 9) == []
    assert store.next_due(db) == NOW + 5.5 * MINUTE


def test_a_check_without_a_deadline_is_never_due(db: Connection) -> None:
    added(db, life.paused(a_check("job"), NOW, "anna").check)
    assert store.next_due(db) is None


def test_a_check_that_another_transaction_has_claimed_is_skipped(
    make_database_url: Callable[[str], str],
) -> None:
    writer = engine(make_url(make_database_url("postgres")), writing=True)
    with writer.begin() as db:
        added(db, a_check("one"), a_check("two", grace=2 * MINUTE))
    with writer.begin() as first, writer.begin() as second:
        assert [job.slug for job in store.claim_due(first, DOWN_AT + MINUTE, 1)] == ["one"]
        assert [job.slug for job in store.claim_due(second, DOWN_AT + MINUTE, 9)] == ["two"]
    writer.dispose()


def test_a_wake_moves_without_the_state(db: Connection) -> None:
    (job,) = added(db, a_check("job"))
    store.move_wake(db, [replace(job, wake_at=NOW, state=State.UP)])
    assert store.load(db, "job") == replace(job, wake_at=NOW)


def test_checks_are_listed_by_slug_from_a_slug_on(db: Connection) -> None:
    added(db, *map(a_check, "cab"), up(a_check("d")))
    assert [job.slug for job in store.listed(db, limit=2)] == ["a", "b"]
    assert [job.slug for job in store.listed(db, limit=9, after="b")] == ["c", "d"]
    assert [job.slug for job in store.listed(db, limit=9, state=State.UP)] == ["d"]
    assert [job.slug for job in store.listed(db, limit=9, slugs=["a", "x"])] == ["a"]
    assert store.count_by_state(db) == {State.NEW: 3, State.UP: 1}


def test_checks_are_locked_in_slices_by_number(db: Connection) -> None:
    jobs = added(db, *map(a_check, "abc"))
    assert store.lock_after(db, 0, 2) == jobs[:2]
    assert store.lock_after(db, jobs[1].id, 2) == jobs[2:]


@pytest.mark.parametrize("name", ["since", "armed_at", "last_ok_at", "last_fail_at", "last_other_at"])
def test_only_checks_with_a_time_in_the_future_are_read_where_no_clock_was_set(
    db: Connection, name: str
) -> None:
    jobs = added(db, *map(a_check, "abc"))
    later: dict[str, Any] = {name: NOW + timedelta(days=1)}
    ahead = replace(jobs[1], **later)
    store.save(db, [ahead])
    assert store.lock_after(db, 0, 10, later_than=NOW + timedelta(hours=1)) == [ahead]
    assert store.lock_after(db, ahead.id, 10, later_than=NOW + timedelta(hours=1)) == []
    assert store.lock_uuids(db, [jobs[2].uuid]) == jobs[2:]
    assert store.lock_slugs(db, ["a", "x"]) == jobs[:1]


def test_checks_are_matched_by_all_labels(db: Connection) -> None:
    jobs = added(
        db,
        a_check("both", labels={"host": "a", "region": "eu"}),
        a_check("half", labels={"host": "a"}),
        a_check("well", labels={"host": "a", "region": "eu"}),
    )
    store.save(db, [life.fallen_silent(job, DOWN_AT).check for job in jobs[:2]])
    assert [job.slug for job in store.down_with(db, [{"host": "a", "region": "eu"}])] == ["both"]
    assert [job.slug for job in store.down_with(db, [{"host": "a"}, {"region": "eu"}])] == ["both", "half"]
    assert store.count_with(db, {"host": "a", "region": "eu"}) == 2
    assert store.labels_of(db, [jobs[1].id]) == {jobs[1].id: {"host": "a"}}


def test_a_policy_is_named_by_its_first_check(db: Connection) -> None:
    added(db, a_check("b", policy="ops"), a_check("a", policy="ops"), a_check("c"))
    assert [store.naming_policy(db, name) for name in ("ops", None, "night")] == ["a", "c", None]


def test_a_removed_check_is_gone(db: Connection) -> None:
    (job,) = added(db, replace(a_check("job"), state=State.DOWN, cause=Cause.FAILED))
    store.remove(db, [job.id])
    assert store.lock_all(db) == {}
    assert store.uuids(db, ["job"]) == {}
