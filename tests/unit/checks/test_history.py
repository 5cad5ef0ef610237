"""The SQL of state changes: only changes are recorded, and the one that still counts is never old."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from heartbeat.checks import history, life, store
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Ping, Signal, State
from heartbeat.checks.history import Transition
from tests.unit.conftest import NOW, a_check

DAY = timedelta(days=1)


@pytest.fixture
def job(db: Connection) -> Check:
    (number,) = store.insert(db, [a_check("job")]).values()
    return store.lock(db, [number])[0]


def ping(db: Connection, job: Check, signal: Signal, at: datetime) -> Check:
    change = life.on_ping(job, Ping(signal, at))
    history.write(db, [(change, job, at)])
    return change.check


def changed_daily(db: Connection, job: Check, days: int) -> None:
    for day in range(days):
        job = ping(db, job, Signal.FAIL if day % 2 else Signal.SUCCESS, NOW + day * DAY)


def test_only_changes_of_state_are_recorded(db: Connection, job: Check) -> None:
    up = ping(db, job, Signal.SUCCESS, NOW)
    still_up = ping(db, up, Signal.SUCCESS, NOW + DAY)
    ping(db, still_up, Signal.FAIL, NOW + 2 * DAY)
    assert history.of_check(db, job.id, 9) == [
        Transition(job.id, NOW + 2 * DAY, State.DOWN, Cause.FAILED, "reported failure"),
        Transition(job.id, NOW, State.UP, None, ""),
    ]


def test_each_failure_is_recorded_though_the_state_stays(db: Connection, job: Check) -> None:
    down = ping(db, job, Signal.FAIL, NOW)
    ping(db, down, Signal.FAIL, NOW + DAY)
    assert [transition.at for transition in history.of_check(db, job.id, 9)] == [NOW + DAY, NOW]


def test_changes_are_read_in_slices_newest_first(db: Connection, job: Check) -> None:
    changed_daily(db, job, 5)
    newest = history.transitions_of(db, job.id, 2)
    assert [row["at"] for row in newest] == [NOW + 4 * DAY, NOW + 3 * DAY]
    older = history.transitions_of(db, job.id, 9, newest[-1]["id"])
    assert [row["at"] for row in older] == [NOW + 2 * DAY, NOW + DAY, NOW]
    assert len(history.of_check(db, job.id, 2)) == 2


@pytest.mark.parametrize(
    ("horizon", "count"), [(NOW, 0), (NOW + DAY, 0), (NOW + 3 * DAY, 2), (NOW + 9 * DAY, 4)]
)
def test_the_last_change_before_the_horizon_is_not_old(
    db: Connection, job: Check, horizon: datetime, count: int
) -> None:
    changed_daily(db, job, 5)
    ids = history.old(db, horizon, 9)
    assert len(ids) == count
    assert list(history.old(db, horizon, 1)) == list(ids[:1])
    assert history.remove(db, ids) == count
    assert history.remove(db, ids) == 0
    assert len(history.of_check(db, job.id, 9)) == 5 - count
