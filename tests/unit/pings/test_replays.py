"""Pings that come again after a blindness, in the database: one run each, and unknown time that is known again."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, select, update

from alerting import desk
from alerting.escalation import Policy, Step
from heartbeat.checks import blindness_store, checker, history, store
from heartbeat.checks.blindness import Seen
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Signal, State
from heartbeat.checks.schedule import Every
from heartbeat.checks.tables import beats, transitions
from heartbeat.clock_reading import Reading
from heartbeat.http.pages import run_strip
from heartbeat.http.pages.run_strip import EndedRun, Outcome
from heartbeat.pings import lanes
from heartbeat.pings import store as pings
from heartbeat.pings.arrival import Arrival, ByUuid, PingResult, StoredPing
from heartbeat.status.uptime import days
from tests.unit.conftest import FIRST, NOW, a_check

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
DUE = NOW + HOUR
LOST, SIGHT = DUE - MINUTE, DUE + 15 * MINUTE
JUDGED = SIGHT + 30 * SECOND


@pytest.fixture
def job_in_time(db: Connection) -> Check:
    """An hourly job that could not be heard when it was due. Nobody has judged that yet."""
    desk.install(db, [FIRST], [Policy("ops", (Step((FIRST.id,), 5 * MINUTE),))], {})
    store.insert(db, [a_check(schedule=Every(HOUR), grace=5 * MINUTE)])
    check = read(db)
    send(db, check, NOW)
    beat(db, LOST)
    beat(db, SIGHT)
    return read(db)


@pytest.fixture
def job(db: Connection, job_in_time: Check) -> Check:
    """The same, which is unknown."""
    judge(db, JUDGED)
    assert read(db).state is State.UNKNOWN
    return job_in_time


def read(db: Connection, slug: str = "job") -> Check:
    check = store.load(db, slug)
    assert check is not None
    return check


def beat(db: Connection, at: datetime) -> None:
    blindness_store.beat(db, "process", Reading(at, (at - NOW).total_seconds(), "boot"), Seen())


def judge(db: Connection, now: datetime) -> None:
    """Judge what is due, while the process sees."""
    db.execute(update(beats).values(at=now))
    checker.sweep(db, now)


def not_heard_since(db: Connection) -> list[str]:
    return list(blindness_store.unheard(db, blindness_store.listed(db, NOW), 9).names)


def ping(
    check: Check,
    now: datetime,
    at: datetime | None = None,
    signal: Signal = Signal.SUCCESS,
    rid: str | None = None,
) -> Arrival:
    return Arrival(ByUuid(check.uuid.hex), signal, now, "GET", "", "", rid=rid, sent_at=at)


def send(
    db: Connection, check: Check, now: datetime, at: datetime | None = None, signal: Signal = Signal.SUCCESS
) -> None:
    assert lanes.hear(db, [ping(check, now, at, signal)])[0] == [PingResult.HEARD]


def stored(db: Connection) -> list[StoredPing]:
    return pings.last_pings(db, read(db).id)


def outcomes(db: Connection, now: datetime) -> list[Outcome]:
    ended = [EndedRun(one.n, one.at, one.signal) for one in stored(db)]
    changes = history.of_check(db, read(db).id, 100)
    return [cell.outcome for cell in run_strip.cells(read(db), ended, changes, now)]


def seconds(db: Connection, now: datetime) -> tuple[float, float]:
    """The seconds up and unknown since the first ping, with the blindness itself left out."""
    rows = db.execute(select(transitions.c.at, transitions.c.state).order_by(transitions.c.id)).all()
    past = days.CheckHistory("up", [(row.at, row.state) for row in rows])
    day = days.count(NOW.date(), (NOW, now), [past], unheard=[(LOST, SIGHT)])
    return day.up, day.unknown


def test_a_run_that_is_heard_later_is_on_time_and_no_longer_unknown(db: Connection, job: Check) -> None:
    now = JUDGED + 10 * MINUTE
    assert outcomes(db, now) == [Outcome.ON_TIME, Outcome.UNKNOWN]
    assert seconds(db, now) == (3540 + 30, 960 + 600)
    send(db, job, now, DUE + 2 * SECOND)
    assert read(db).state is State.UP
    assert [one.at for one in stored(db)] == [DUE + 2 * SECOND, NOW]
    assert outcomes(db, now) == [Outcome.ON_TIME, Outcome.ON_TIME]
    assert seconds(db, now) == (3540 + 630, 960)
    (changed, _) = history.of_check(db, job.id, 9)
    assert (changed.state, changed.at, changed.why) == (State.UP, JUDGED, "pinged at 04:00 UTC, heard later")


def test_a_run_that_is_heard_later_than_the_next_one_is_known_too(db: Connection, job: Check) -> None:
    send(db, job, DUE + HOUR)
    send(db, job, DUE + HOUR + MINUTE, DUE)
    assert (read(db).state, read(db).last_ok_at) == (State.UP, DUE + HOUR)
    assert outcomes(db, DUE + HOUR + MINUTE) == [Outcome.ON_TIME] * 3
    assert State.UNKNOWN not in {change.state for change in history.of_check(db, job.id, 9)}


def test_a_later_blindness_stays_unknown(db: Connection, job_in_time: Check) -> None:
    """The check was heard after the first one in time, and not after the second one."""
    send(db, job_in_time, SIGHT + SECOND)
    beat(db, DUE + HOUR)
    beat(db, DUE + 2 * HOUR)
    judge(db, DUE + 2 * HOUR)
    assert read(db).state is State.UNKNOWN
    send(db, job_in_time, DUE + 2 * HOUR, DUE)
    assert read(db).state is State.UNKNOWN
    assert history.of_check(db, job_in_time.id, 1)[0].state is State.UNKNOWN


def test_a_failure_that_is_heard_later_is_a_failure_then_and_an_incident_now(
    db: Connection, job: Check
) -> None:
    now = JUDGED + 10 * MINUTE
    send(db, job, now, DUE, Signal.FAIL)
    assert outcomes(db, now) == [Outcome.ON_TIME, Outcome.FAILED]
    (incident,) = desk.incidents(db, open_only=True)
    assert incident.opened_at == now
    assert seconds(db, now) == (3540 + 30, 960), "it was down since then"


def test_the_same_ping_is_one_run_however_often_it_comes(db: Connection, job: Check) -> None:
    now = JUDGED + MINUTE
    many = [ping(job, now, DUE), ping(job, now, DUE), ping(job, now, DUE + 9 * SECOND)]
    assert lanes.hear(db, many)[0] == [PingResult.HEARD] * 3
    send(db, job, now + HOUR, DUE)
    assert len(stored(db)) == read(db).pings == 2
    other = "0" * 32
    lanes.hear(db, [ping(job, now, DUE, rid=other), ping(job, now, DUE, Signal.START, rid=other)])
    assert len(stored(db)) == 4, "another run, and its start"


def test_a_ping_that_was_stored_although_its_answer_was_lost_is_one_run(db: Connection, job: Check) -> None:
    send(db, job, LOST - 2 * SECOND)
    send(db, job, JUDGED, LOST - SECOND)
    assert len(stored(db)) == 2


def test_a_ping_of_another_time_counts_from_its_arrival_and_the_check_says_so(
    db: Connection, job: Check
) -> None:
    send(db, job, JUDGED, NOW + 20 * MINUTE)
    (newest, _) = stored(db)
    assert newest.at == read(db).last_ok_at == JUDGED
    assert pings.misread(db, job.id) == (
        2,
        JUDGED,
        "at was 2024-05-03 03:20:00 UTC, when heartbeat could hear pings, so the ping counts from its arrival.",
    )


@pytest.mark.parametrize("off", [-20, 0, 20])
def test_a_ping_that_names_about_now_is_like_any_other(db: Connection, job: Check, off: float) -> None:
    send(db, job, JUDGED, JUDGED + off * SECOND)
    assert stored(db)[0].at == JUDGED
    assert pings.misread(db, job.id) is None


def test_a_ping_that_comes_before_the_first_beat_counts_for_its_own_time(db: Connection, job: Check) -> None:
    beat(db, JUDGED)
    now = JUDGED + 2 * HOUR
    send(db, job, now, JUDGED + MINUTE)
    assert read(db).last_ok_at == JUDGED + MINUTE


def test_the_notice_no_longer_names_a_job_that_is_heard_later(db: Connection, job: Check) -> None:
    assert not_heard_since(db) == ["job"]
    send(db, job, JUDGED, DUE)
    assert not_heard_since(db) == []


@pytest.mark.parametrize(("sent_again", "named"), [(True, []), (False, ["job"])])
def test_a_job_that_was_heard_later_and_is_silent_again_is_not_one_that_was_not_heard_since(
    db: Connection, job: Check, sent_again: bool, named: list[str]
) -> None:
    if sent_again:
        send(db, job, JUDGED, DUE)
    judge(db, SIGHT + 2 * HOUR)
    assert read(db).cause is Cause.SILENT
    assert not_heard_since(db) == named


@pytest.mark.usefixtures("job_in_time")
def test_a_ping_within_the_second_after_the_last_beat_was_heard_before(db: Connection) -> None:
    store.insert(db, [a_check("short", schedule=Every(10 * MINUTE), grace=MINUTE)])
    send(db, read(db, "short"), LOST + SECOND / 2)
    judge(db, JUDGED)
    assert read(db, "short").state is State.UNKNOWN
    judge(db, SIGHT + 12 * MINUTE)
    assert read(db, "short").cause is Cause.SILENT
    assert "short" in not_heard_since(db)


def test_a_job_that_has_died_since_is_still_down(db: Connection, job: Check) -> None:
    dead = SIGHT + HOUR + 5 * MINUTE
    judge(db, dead)
    send(db, job, dead + MINUTE, DUE)
    assert read(db).state is State.DOWN
    assert [incident.ended_at for incident in desk.incidents(db, open_only=True)] == [None]
