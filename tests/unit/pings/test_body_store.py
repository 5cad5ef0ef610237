"""The SQL of the bodies of pings."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection

from heartbeat.checks.check import Check, Signal
from heartbeat.pings import body_store, store
from heartbeat.pings.arrival import Arrival, ByUuid, NumberedPing
from heartbeat.pings.body_store import Body
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
MINUTE = int(NOW.timestamp()) // 60


def keep(db: Connection, check: Check, n: int, seconds: float, size: int) -> None:
    at = NOW + timedelta(seconds=seconds)
    target = ByUuid(check.uuid.hex)
    ping = Arrival(target, Signal.SUCCESS, at, "POST", "", "", b"\xff" * size if size else None)
    store.keep(db, [NumberedPing(check.id, n, ping, None)])


def test_bytes_are_summed_up_by_check_and_minute(db: Connection, insert: Insert) -> None:
    first, second, _ = insert(db, [a_check(name) for name in ("a", "b", "c")]).values()
    for n, (seconds, size) in enumerate([(0, 10), (59.9, 5), (60, 7), (61, 0)], 1):
        keep(db, first, n, seconds, size)
    keep(db, second, 1, 0, 3)
    assert body_store.last_of_next(db, 0, 2) == second.id
    assert sorted(body_store.sizes(db, 0, second.id)) == [
        (first.id, MINUTE, 15),
        (first.id, MINUTE + 1, 7),
        (second.id, MINUTE, 3),
    ]
    assert body_store.sizes(db, first.id, second.id) == [(second.id, MINUTE, 3)]


def test_there_are_no_checks_after_the_last(db: Connection, insert: Insert) -> None:
    (check,) = insert(db, [a_check()]).values()
    assert body_store.last_of_next(db, check.id, 500) is None


def test_a_body_that_has_taken_the_place_of_another_is_not_removed(db: Connection, insert: Insert) -> None:
    (check,) = insert(db, [a_check()]).values()
    for n in (1, 2):
        keep(db, check, n, 0, 10)
    found = body_store.older(db, 0, check.id, NOW + timedelta(seconds=1))
    assert found == [Body(check.id, 1, 1, 10), Body(check.id, 2, 2, 10)]
    keep(db, check, 1 + store.KEEP, 120, 20)
    body_store.remove(db, found)
    kept = [(ping.n, len(ping.body or b"")) for ping in store.last_pings(db, check.id)]
    assert kept == [(1 + store.KEEP, 20), (2, 0)]
    assert body_store.older(db, 0, check.id, NOW + timedelta(seconds=120)) == []


def test_a_deleted_check_has_no_slug(db: Connection, insert: Insert) -> None:
    (check,) = insert(db, [a_check("job")]).values()
    assert [body_store.slug_of(db, number) for number in (check.id, check.id + 1)] == ["job", ""]
