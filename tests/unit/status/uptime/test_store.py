"""The SQL of counted days, and of the changes of state that they are counted from."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Connection, make_url, update

from heartbeat.checks.check import Check
from heartbeat.checks.tables import checks, transitions
from heartbeat.database import engine, transact
from heartbeat.status.uptime import store
from heartbeat.status.uptime.days import Day
from heartbeat.status.uptime.store import CheckState
from tests.unit.conftest import NOW, a_check, waiting

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
MINUTE = timedelta(minutes=1)
TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)


def change(db: Connection, check: Check, minute: int, state: str) -> None:
    """Record that a check changed to this state at this minute."""
    row = {"check_id": check.id, "at": NOW + minute * MINUTE, "state": state, "why": ""}
    db.execute(transitions.insert().values(**row))


@pytest.fixture
def jobs(db: Connection, insert: Insert) -> dict[str, Check]:
    """Three checks: "a" changes at the minutes 0 and 2, "b" at 1, and "c" never."""
    jobs = insert(db, [a_check(slug, labels={"name": slug}) for slug in "abc"])
    change(db, jobs["a"], 0, "up")
    change(db, jobs["b"], 1, "up")
    change(db, jobs["a"], 2, "down")
    return jobs


def test_every_check_has_its_labels_and_its_state(db: Connection, jobs: dict[str, Check]) -> None:
    states = [CheckState(job.id, {"name": slug}, "new", NOW) for slug, job in jobs.items()]
    assert sorted(store.every_check(db, NOW - MINUTE), key=lambda check: check.id) == states


def test_checks_that_are_alike_and_have_not_changed_are_one(db: Connection, jobs: dict[str, Check]) -> None:
    db.execute(update(checks).values(labels={"name": "same"}))
    assert store.every_check(db, NOW) == [CheckState(0, {"name": "same"}, "new", NOW)]


def test_checks_that_have_changed_since_are_found(db: Connection, jobs: dict[str, Check]) -> None:
    def changed(minute: int, limit: int = 10) -> set[str]:
        return {check.labels["name"] for check in store.changed_checks(db, NOW + minute * MINUTE, limit)}

    assert [changed(minute) for minute in (0, 1, 2, 3)] == [{"a", "b"}, {"a", "b"}, {"a"}, set()]
    assert len(changed(0, limit=1)) == 1


@pytest.mark.parametrize("batch", [1, 500])
def test_changes_come_oldest_first_and_from_the_instant_on(
    db: Connection, jobs: dict[str, Check], monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(store, "BATCH", batch)
    ids = [job.id for job in jobs.values()]
    assert store.changes(db, ids, NOW) == {
        jobs["a"].id: [(NOW, "up"), (NOW + 2 * MINUTE, "down")],
        jobs["b"].id: [(NOW + MINUTE, "up")],
    }
    assert store.changes(db, ids, NOW + 2 * MINUTE) == {jobs["a"].id: [(NOW + 2 * MINUTE, "down")]}
    assert store.changes(db, [jobs["c"].id], NOW) == store.changes(db, [], NOW) == {}


@pytest.mark.parametrize("batch", [1, 500])
def test_the_state_before_an_instant_is_that_of_the_last_change(
    db: Connection, jobs: dict[str, Check], monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(store, "BATCH", batch)
    ids = [job.id for job in jobs.values()]
    assert store.states_before(db, ids, NOW) == {}
    assert store.states_before(db, ids, NOW + 2 * MINUTE) == {jobs["a"].id: "up", jobs["b"].id: "up"}
    assert store.states_before(db, ids, NOW + 3 * MINUTE) == {jobs["a"].id: "down", jobs["b"].id: "up"}


def test_days_come_back_by_component_and_region(db: Connection) -> None:
    everywhere, europe = Day(TODAY, up=1, degraded=2, down=3, maintenance=4, unknown=5), Day(TODAY, up=6)
    older = Day(YESTERDAY, up=7)
    store.put_days(db, "public", {("Mail", ""): [older, everywhere], ("Mail", "eu"): [europe]})
    store.put_days(db, "other", {("Mail", ""): [Day(TODAY, up=8)]})

    assert store.days(db, "public", YESTERDAY) == {
        ("Mail", ""): {YESTERDAY: older, TODAY: everywhere},
        ("Mail", "eu"): {TODAY: europe},
    }
    assert store.days(db, "public", TODAY)["Mail", ""] == {TODAY: everywhere}


def test_a_day_that_is_counted_again_replaces_the_earlier_count(db: Connection) -> None:
    counts = {("Mail", ""): [Day(TODAY, up=1, down=1)], ("Mail", "eu"): [Day(TODAY, up=1)]}
    recounts = {("Mail", ""): [Day(TODAY, up=2)], ("Mail", "eu"): [Day(TODAY, down=2)]}
    for counted in (counts, recounts, {}):
        store.put_days(db, "public", counted)
    assert store.days(db, "public", TODAY) == {key: {TODAY: days[0]} for key, days in recounts.items()}


def test_the_last_counted_day_is_known_for_each_component_and_region(db: Connection) -> None:
    store.put_days(
        db, "public", {("Mail", ""): [Day(YESTERDAY), Day(TODAY)], ("Mail", "eu"): [Day(YESTERDAY)]}
    )
    assert store.last_days(db, "public") == {("Mail", ""): TODAY, ("Mail", "eu"): YESTERDAY}
    assert store.last_days(db, "other") == {}


def test_days_before_the_end_are_forgotten(db: Connection) -> None:
    days = [Day(YESTERDAY, up=1), Day(TODAY, up=1)]
    store.put_days(db, "public", {("Mail", ""): days, ("Mail", "eu"): days})
    store.forget_days(db, TODAY)
    assert store.days(db, "public", YESTERDAY) == {
        key: {TODAY: days[1]} for key in (("Mail", ""), ("Mail", "eu"))
    }


def test_two_processes_that_count_the_same_day_at_the_same_time_agree(
    make_database_url: Callable[[str], str],
) -> None:
    writer = engine(make_url(make_database_url("postgres")), writing=True)
    first, second = (Day(TODAY, up=up) for up in (1.0, 2.0))
    try:
        with ThreadPoolExecutor(1) as thread, writer.connect() as db, db.begin():
            store.put_days(db, "public", {("Mail", ""): [first]})
            other = thread.submit(
                transact, writer, lambda db: store.put_days(db, "public", {("Mail", ""): [second]})
            )
            assert any(waiting(writer) for _ in range(5_000))
            db.commit()
        assert other.exception() is None
        days = transact(writer, lambda db: store.days(db, "public", TODAY))
        assert days["Mail", ""][TODAY].up == 2.0
    finally:
        writer.dispose()
