"""The list of checks: who is found, who is late, in which order, and how many there are, on both databases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, make_url

from alerting.severity import Severity
from heartbeat.checks import deadline, life, roll
from heartbeat.checks import store as check_store
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, State, Tolerance
from heartbeat.checks.schedule import Cron, Every, OnCalendar, Schedule
from heartbeat.database import engine
from heartbeat.http.console.checks import query as check_query
from heartbeat.http.console.checks.search import STATES, Search
from tests.unit.conftest import a_check

NOW = datetime(2026, 5, 3, 3, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SCHEDULES = (
    Every(5 * MINUTE),
    Every(timedelta(seconds=1.5)),
    Cron("*/10 * * * *", "UTC"),
    Cron("15 3 * * *", "UTC"),
    Cron("15 4 * * *", "Europe/London"),
    OnCalendar("Sun 03:00", "UTC"),
)


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    """A connection to a fresh database."""
    database = engine(make_url(database_url), writing=True)
    with database.begin() as connection:
        yield connection
    database.dispose()


def heard(slug: str, at: datetime | None, **changes: Any) -> Check:
    """A check that is up and was last heard then, or was never heard."""
    job = replace(a_check(slug), **({"armed_at": NOW - timedelta(days=8)} | changes))
    if at is not None:
        job = replace(job, state=State.UP, last_ok_at=at, pings=1)
    return replace(job, wake_at=deadline.of(job))


def slugs_found(db: Connection, search: Search = Search(), limit: int = 100) -> list[str]:  # noqa: B008  # it is frozen
    return [job.slug for job in check_query.find(db, search, roll.call(db, NOW), limit).checks]


@pytest.mark.parametrize("planned", SCHEDULES)
def test_the_list_finds_the_same_late_checks_as_their_states(db: Connection, planned: Schedule) -> None:
    chance = Random(7)
    jobs = []
    for number in range(120):
        # Around the due time, around the present, and long before.
        spread = chance.choice([timedelta(seconds=90), timedelta(minutes=70), timedelta(days=7)])
        at = None if number % 7 == 0 else NOW - spread * chance.random()
        grace = chance.choice([timedelta(0), MINUTE, timedelta(hours=30)])
        longest = chance.choice([None, timedelta(hours=1)])
        job = heard(f"job-{number}", at, schedule=planned, grace=grace, max_runtime=longest)
        if number % 5 == 0:
            job = replace(job, last_fail_at=NOW - spread * chance.random())
        if number % 11 == 0:
            job = replace(job, armed_at=NOW - spread * chance.random())
        if number % 3 == 0:
            job = replace(job, alert_after=Tolerance(missed=3))
            job = life.on_due(job, NOW).check
            if job.state is State.DOWN:
                continue
        wake = job.wake_at if number % 3 == 0 else deadline.of(job)
        assert wake is not None
        # The database is told no more than that the deadline is not before it.
        jobs.append(replace(job, wake_at=wake - spread * chance.random()))
    check_store.insert(db, jobs)
    late = {job.slug for job in jobs if deadline.status(job, NOW) is State.LATE}
    assert late
    assert set(slugs_found(db, Search(state=State.LATE), 1000)) == late
    assert check_query.find(db, Search(), roll.call(db, NOW), 0).by_state[State.LATE] == len(late)


@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize("planned", [Every(5 * MINUTE), Cron("*/5 * * * *", "UTC")])
def test_late_begins_when_the_due_time_has_passed(db: Connection, planned: Schedule, off: int) -> None:
    at = NOW - 5 * MINUTE - timedelta(milliseconds=10 * off)
    job = heard("job", at, schedule=planned)
    check_store.insert(db, [job])
    late = check_query.find(
        db, Search(), roll.call(db, NOW + timedelta(milliseconds=off > 0)), 10
    ).by_state.get(State.LATE, 0)
    assert late == (deadline.status(job, NOW + timedelta(milliseconds=off > 0)) is State.LATE)


def test_a_ping_shortly_before_its_slot_counts_for_it(db: Connection) -> None:
    at, daily = NOW - timedelta(minutes=5, seconds=4), Cron("15 3 * * *", "UTC")
    hour = timedelta(hours=1)
    newest = heard("fresh", None, schedule=daily, armed_at=at, grace=hour)
    check_store.insert(db, [heard("early", at, schedule=daily, grace=hour), newest])
    assert slugs_found(db, Search(state=State.LATE)) == ["fresh"]


def test_the_order_is_by_urgency_then_severity_then_name(db: Connection) -> None:
    down: dict[str, Any] = {"state": State.DOWN, "cause": Cause.SILENT, "wake_at": None}
    check_store.insert(
        db,
        [
            heard("up-b", NOW, name="beta"),
            heard("up-a", NOW, name="Alpha"),
            heard("new", None, armed_at=NOW),
            replace(heard("paused", NOW), state=State.PAUSED, wake_at=None),
            replace(heard("unheard", NOW - 6 * MINUTE), state=State.UNKNOWN),
            heard("late", NOW - 6 * MINUTE, severity=Severity.INFO, grace=timedelta(hours=1)),
            replace(heard("down-warning", NOW), severity=Severity.WARNING, **down),
            replace(heard("down-critical", NOW, name="zeta"), severity=Severity.CRITICAL, **down),
        ],
    )
    order = ["down-critical", "down-warning", "unheard", "late", "up-a", "up-b", "new", "paused"]
    assert slugs_found(db) == order
    counted = check_query.find(db, Search(page=2), roll.call(db, NOW), 3)
    assert [job.slug for job in counted.checks] == order[3:6]
    assert counted.total == 8
    assert dict(counted.by_state) == dict(zip(STATES, (2, 1, 1, 2, 1, 1), strict=True))
    for state in STATES:
        assert (
            check_query.find(db, Search(state=state), roll.call(db, NOW), 9).total == counted.by_state[state]
        )


def test_each_word_is_found_in_names_slugs_descriptions_and_values_of_labels(db: Connection) -> None:
    make = partial(heard, at=NOW)
    check_store.insert(
        db,
        [
            make("one", name="Nightly Backup", labels={"host": "vault-1"}),
            make("backup-two", labels={"host": "Vault-2", "team": "büro"}),
            make("three", description="Copies the backup, 100% of it, as under_score."),
            make("four", labels={"backup": "no"}),
        ],
    )
    assert slugs_found(db, Search(text="BACKUP")) == ["backup-two", "one", "three"]
    assert slugs_found(db, Search(text="backup vault")) == ["backup-two", "one"]
    assert slugs_found(db, Search(text="100% under_s")) == ["three"]
    assert slugs_found(db, Search(text="büro")) == ["backup-two"]
    for nothing in ("backup nowhere", "1_0%", "host", "%", "_u", "\\"):
        missed = check_query.find(db, Search(text=nothing), roll.call(db, NOW), 10)
        expected = {"%": ["three"]}.get(nothing, [])
        assert [job.slug for job in missed.checks] == expected, nothing
        assert missed.total == len(expected)


def test_labels_are_matched_whole_and_all_of_them(db: Connection) -> None:
    odd = {"host": "a 'b' \"c\" =", "n.o$t": "ü"}
    make = partial(heard, at=NOW)
    check_store.insert(
        db,
        [
            make("one", labels={"host": "us", "part": "web"}),
            make("two", labels={"host": "us-2", "part": "web"}),
            make("odd", labels=odd),
        ],
    )
    assert slugs_found(db, Search(labels=(("host", "us"),))) == ["one"]
    assert slugs_found(db, Search(labels=(("part", "web"), ("host", "us-2")))) == ["two"]
    assert slugs_found(db, Search(labels=(("host", "web"),))) == []
    assert slugs_found(db, Search(labels=tuple(odd.items()))) == ["odd"]
    assert slugs_found(db, Search(text="a ü", labels=tuple(odd.items()))) == ["odd"]
    assert check_query.labels(db, 1) == sorted(
        {("host", "us"), ("host", "us-2"), ("part", "web"), *odd.items()}
    )


def test_no_more_labels_are_offered_than_fit(db: Connection) -> None:
    rare = [heard(f"job-{n}", NOW, labels={"host": f"host-{n:03}", "all": "same"}) for n in range(100)]
    check_store.insert(db, rare)
    offered = check_query.labels(db, 1)
    assert len(offered) == check_query.LABELS
    assert offered[0] == ("all", "same")


def test_a_great_many_can_be_late_at_once(db: Connection) -> None:
    daily = [
        heard(
            f"job-{n}", NOW - timedelta(days=1), schedule=Cron("0 3 * * *", "UTC"), grace=timedelta(hours=1)
        )
        for n in range(2_000)
    ]
    check_store.insert(db, daily)
    assert check_query.find(db, Search(state=State.LATE), roll.call(db, NOW), 1).total == 2_000
