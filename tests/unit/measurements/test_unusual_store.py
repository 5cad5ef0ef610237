"""The stored marks of unusual runs."""

import math
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection

from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.measurements import unusual_store
from heartbeat.measurements.band import Band
from heartbeat.measurements.mark import Mark
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
NOTHING = Mark(NOW, "processed", 0.0, Band(3_800.0, 4_000.0, 4_400.0, weekly=True))
LONG = Mark(NOW, "duration", 900.0, Band(50.0, 60.0, 70.0))


def test_marks_are_read_as_they_were_stored_newest_first(db: Connection, insert: Insert) -> None:
    job, other = insert(db, [a_check("job"), a_check("other")]).values()
    later = Mark(NOW + timedelta(hours=1), "processed", 1.0, NOTHING.band)
    unusual_store.put(db, {job.id: [NOTHING, LONG, later], other.id: []})
    assert unusual_store.of_checks(db, [job.id, other.id], NOW) == {
        job.id: [later, LONG, NOTHING],
        other.id: [],
    }
    assert unusual_store.of_checks(db, [job.id], NOW + timedelta(minutes=1)) == {job.id: [later]}
    assert [(check.slug, mark) for check, mark in unusual_store.since(db, NOW, 1)] == [("job", later)]


def test_a_run_counts_once_however_many_of_its_numbers_are_unusual(db: Connection, insert: Insert) -> None:
    (job,) = insert(db, [a_check()]).values()
    assert unusual_store.put(db, {job.id: [NOTHING, LONG]}) == 1
    assert unusual_store.put(db, {job.id: [NOTHING, LONG]}) == 0


def test_a_band_without_an_end_can_be_stored(db: Connection, insert: Insert) -> None:
    (job,) = insert(db, [a_check()]).values()
    unusual_store.put(db, {job.id: [Mark(NOW, "rows", -1.0, Band(0.0, 1.0, math.inf))]})
    ((mark,),) = unusual_store.of_checks(db, [job.id], NOW).values()
    assert mark.band.high == unusual_store.HIGHEST


def test_marks_go_with_their_check_and_with_age(db: Connection, insert: Insert) -> None:
    job, other = insert(db, [a_check("job"), a_check("other")]).values()
    unusual_store.put(db, {job.id: [NOTHING], other.id: [NOTHING]})
    check_store.remove(db, [job.id])
    assert [check.slug for check, _ in unusual_store.since(db, NOW, 10)] == ["other"]
    assert unusual_store.forget(db, NOW) == 0
    assert unusual_store.forget(db, NOW + timedelta(seconds=1)) == 1
