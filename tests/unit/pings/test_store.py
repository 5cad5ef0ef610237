"""The ring of last pings: what it stores comes back whole, and the newest body of each check is found."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from heartbeat.checks.check import Check, Signal
from heartbeat.checks.finished_run import FinishedRun
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
    numbers, sentence = {"rows.done": 12, "ratio": -0.5}, 'It said "none".'
    arrival = Arrival(
        target, Signal.FAIL, NOW, "POST", "192.0.2.7", "curl/8", b"disk full", 7, rid.hex, numbers, sentence
    )

    store.keep(db, [NumberedPing(job.id, 1, arrival, minute), numbered(job, 2)])

    later, stored = store.last_pings(db, job.id)
    assert stored == StoredPing(
        1, NOW, Signal.FAIL, 7, rid, minute, "POST", "192.0.2.7", "curl/8", b"disk full", numbers, sentence
    )
    assert (later.measurements, later.misread) == (None, None)


def ended(
    check: Check, n: int, signal: Signal = Signal.SUCCESS, body: bytes | None = None, **sent: Any
) -> NumberedPing:
    at = NOW + timedelta(seconds=n)
    return NumberedPing(check.id, n, Arrival(ByUuid(""), signal, at, "GET", "", "", body, **sent), None)


def test_the_last_finished_runs_of_checks_come_oldest_first(db: Connection, insert: Insert) -> None:
    jobs = insert(db, [a_check("a"), a_check("b"), a_check("c")])
    a, b, c = (jobs[slug] for slug in "abc")
    in_minutes = NumberedPing(a.id, 3, ended(a, 3, Signal.FAIL, exit_status=2).arrival, timedelta(minutes=2))
    others = [ended(a, 4, Signal.START), ended(b, 1, Signal.LOG)]
    measured = ended(a, KEEP + 1, body=b"done \xff", measurements={"rows": 7})
    store.keep(db, [ended(a, 2), in_minutes, *others, measured])

    assert store.finished_runs(db, [a.id, b.id], 2, bodies=True) == {
        a.id: [
            FinishedRun(
                NOW + timedelta(seconds=3),
                {"duration": 120.0, "exit_status": 2, "body_size": 0},
                failed=True,
                body="",
            ),
            FinishedRun(
                NOW + timedelta(seconds=KEEP + 1),
                {"rows": 7, "body_size": 6},
                failed=False,
                body="done \ufffd",
            ),
        ],
        b.id: [],
    }
    assert [run.body for run in store.finished_runs(db, [a.id, c.id], 9)[a.id]] == [None] * 3
    assert store.finished_runs(db, [], 9) == {}


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
