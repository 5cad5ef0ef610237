"""The history of numbers comes back as it was written, and old days go."""

from collections.abc import Callable
from datetime import date, timedelta

from sqlalchemy import Connection, select

from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.measurements import history, store
from heartbeat.measurements.history import KEPT_DAYS, Day, Spread
from heartbeat.measurements.tables import measured_checks, measured_days
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
TODAY = NOW.date()


def a_day(*values: float) -> Day:
    day = history.added(None, [(NOW, value) for value in values])
    assert day is not None
    return day


def test_days_come_back_as_they_were_written(db: Connection, insert: Insert) -> None:
    a, b = insert(db, [a_check("a"), a_check("b")]).values()
    written = {(a.id, "rows", TODAY): a_day(1, 2.5), (b.id, "rows", TODAY): a_day(7)}
    store.put(db, written, {a.id: 3, b.id: 1})
    assert store.days(db, [a.id, b.id], [TODAY]) == written
    more = {(a.id, "rows", TODAY): a_day(1, 2.5, -3)}
    store.put(db, more, {a.id: 4})
    assert store.days(db, [a.id, b.id], [TODAY]) == written | more
    assert store.lock(db, [a.id, b.id]) == {a.id: 4, b.id: 1}


def test_the_history_of_a_check_is_read_by_name_from_a_day_on(db: Connection, insert: Insert) -> None:
    (job,) = insert(db, [a_check("a")]).values()
    days = {TODAY - timedelta(days=age): a_day(age) for age in range(3)}
    rows = {(job.id, name, day): value for name in ("rows", "left") for day, value in days.items()}
    store.put(db, rows, {})
    recent = dict(sorted(days.items())[1:])
    assert store.of_check(db, job.id, TODAY - timedelta(days=1)) == {"left": recent, "rows": recent}
    assert store.of_check(db, job.id, TODAY - timedelta(days=1), ["rows"]) == {"rows": recent}
    assert list(recent) == sorted(recent)


def test_the_history_of_many_checks_is_read_between_two_days(db: Connection, insert: Insert) -> None:
    a, b = insert(db, [a_check("a"), a_check("b")]).values()
    rows = {
        (job.id, name, TODAY - timedelta(days=age)): a_day(age)
        for job in (a, b)
        for name in ("rows", "left")
        for age in range(4)
    }
    store.put(db, rows, {})
    until = TODAY - timedelta(days=1)
    found = store.of_checks(db, [a.id, b.id], TODAY - timedelta(days=2), until, ["rows"])
    of_each = {"rows": {TODAY - timedelta(days=2): a_day(2), until: a_day(1)}}
    assert found == {a.id: of_each, b.id: of_each}
    assert store.of_checks(db, [], TODAY) == {}


def test_a_day_that_is_over_keeps_no_samples_and_old_days_go(db: Connection, insert: Insert) -> None:
    (job,) = insert(db, [a_check("a")]).values()
    ages = (0, 1, KEPT_DAYS, KEPT_DAYS + 1)
    rows = {(job.id, "rows", TODAY - timedelta(days=age)): a_day(1) for age in ages}
    store.put(db, rows, {})
    assert store.aged(db, 0, job.id, TODAY) == [job.id]
    store.end_days(db, [job.id], TODAY)
    kept = store.of_check(db, job.id, date.min)["rows"]
    assert [(TODAY - day).days for day in kept] == [KEPT_DAYS, 1, 0]
    assert [day.sample is None for day in kept.values()] == [True, True, False]
    assert kept[TODAY - timedelta(days=1)] == Day(Spread(1, 1, 1, 1), {3: Spread(1, 1, 1, 1)})
    assert store.aged(db, 0, job.id, TODAY) == []


def test_a_deleted_check_leaves_no_history(db: Connection, insert: Insert) -> None:
    (job,) = insert(db, [a_check("a")]).values()
    store.put(db, {(job.id, "rows", TODAY): a_day(1)}, {job.id: 1})
    check_store.remove(db, [job.id])
    assert [db.execute(select(table)).all() for table in (measured_days, measured_checks)] == [[], []]
