"""The ring of last pings: what it stores comes back whole, and the newest body of each check is found."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import Connection

from heartbeat.checks.check import Check, Signal
from heartbeat.pings import store
from heartbeat.pings.arrival import Arrival, ByUuid, NumberedPing, StoredPing
from heartbeat.pings.store import KEEP
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]


def numbered(check: Check, n: int, body: bytes | None = None) -> NumberedPing:
    at = NOW + timedelta(seconds=n)
    arrival = Arrival(ByUuid(check.uuid.hex), Signal.LOG, at, "POST", "192.0.2.7", "curl/8", body)
    return NumberedPing(check.id, n, arrival, None)


def test_a_ping_comes_back_as_it_was_stored(db: Connection, insert: Insert) -> None:
    job = insert(db, [a_check("job")])["job"]
    rid, minute = uuid4(), timedelta(minutes=1)
    target = ByUuid(job.uuid.hex)
    arrival = Arrival(target, Signal.FAIL, NOW, "POST", "192.0.2.7", "curl/8", b"disk full", 7, rid.hex)

    store.keep(db, [NumberedPing(job.id, 1, arrival, minute)])

    assert store.last_pings(db, job.id) == [
        StoredPing(1, NOW, Signal.FAIL, 7, rid, minute, "POST", "192.0.2.7", "curl/8", b"disk full")
    ]


def test_of_pings_that_share_a_slot_the_newest_stays(db: Connection, insert: Insert) -> None:
    job = insert(db, [a_check("job")])["job"]

    store.keep(db, [numbered(job, n) for n in range(1, KEEP + 3)])

    assert [ping.n for ping in store.last_pings(db, job.id)] == list(range(KEEP + 2, 2, -1))
    assert [ping.n for ping in store.last_pings(db, job.id, 2)] == [KEEP + 2, KEEP + 1]


def test_the_newest_body_of_each_check_is_found(db: Connection, insert: Insert) -> None:
    jobs = insert(db, [a_check(slug) for slug in ("talks", "silent", "other")])
    store.keep(db, [numbered(jobs["talks"], 1, b"first"), numbered(jobs["talks"], 2, b"second")])
    store.keep(
        db, [numbered(jobs["talks"], 3), numbered(jobs["silent"], 1), numbered(jobs["other"], 1, b"x")]
    )

    bodies = store.last_bodies(db, [jobs["talks"].id, jobs["silent"].id])

    assert bodies == {jobs["talks"].id: b"second"}
