"""The SQL of groups of checks: what is up, late and down in each, on both databases."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from heartbeat.checks import groups, life, store
from heartbeat.checks.check import Check, Ping, Signal, Tolerance
from heartbeat.checks.groups import CheckGroup, Tally
from heartbeat.checks.schedule import Cron
from tests.unit.conftest import NOW, a_check

MINUTE = timedelta(minutes=1)
LATER = NOW + 6 * MINUTE
"""The time at which a check that was due after five minutes is late, and one heard meanwhile is not."""
HEARD = LATER - MINUTE


def added(db: Connection, *jobs: Check) -> list[Check]:
    return store.lock(db, list(store.insert(db, jobs).values()))


def on(host: str, slug: str, **changes: object) -> Check:
    return a_check(f"{host}-{slug}", labels={"host": host}, grace=60 * MINUTE, **changes)


def up(job: Check) -> Check:
    return life.on_ping(job, Ping(Signal.SUCCESS, LATER - MINUTE)).check


def fresh(job: Check) -> Check:
    return life.rearmed(job, LATER)


def a_host(db: Connection) -> list[Check]:
    """A host with a check in each state: two are up, one is late, one down, one new and one paused."""
    up_jobs = up(on("a", "one")), up(on("a", "two"))
    down = life.on_ping(on("a", "down"), Ping(Signal.FAIL, LATER)).check
    paused = life.paused(on("a", "paused"), NOW, "anna").check
    return added(db, *up_jobs, on("a", "late"), down, fresh(on("a", "new")), paused)


def test_a_group_counts_what_is_expected_of_it(db: Connection) -> None:
    a_host(db)
    state = groups.states(db, ["host=a", "host=b"], LATER)
    assert state == {"host=a": CheckGroup("host=a", up=2, late=1, down=1, newest_at=HEARD, oldest_at=HEARD)}
    assert state["host=a"].total == 4


def test_a_check_with_a_cron_line_counts_as_any_other(db: Connection) -> None:
    """Its lateness is not computed by the database."""
    hourly = Cron("0 * * * *", "UTC")
    added(db, up(on("a", "hourly", schedule=hourly)), on("a", "late", schedule=Cron("1 * * * *", "UTC")))
    added(db, up(on("a", "every")), up(on("b", "hourly", schedule=hourly)))
    states = groups.states(db, ["host=a", "host=b"], LATER)
    assert states["host=a"] == CheckGroup("host=a", up=2, late=1, down=0, newest_at=HEARD, oldest_at=HEARD)
    assert states["host=b"] == CheckGroup("host=b", up=1, late=0, down=0, newest_at=HEARD, oldest_at=HEARD)


def test_a_check_with_a_cron_line_is_counted_like_any_other(db: Connection) -> None:
    daily = Cron("0 3 * * *", "UTC")
    added(db, up(on("a", "heard", schedule=daily)), on("a", "not-due", schedule=daily), up(on("a", "often")))
    assert groups.states(db, ["host=a"], LATER)["host=a"].up == 2


def test_groups_are_counted_by_their_worst_check_and_by_kind(db: Connection) -> None:
    a_host(db)
    added(db, on("b", "late"), up(on("b", "one")), up(on("c", "one")), fresh(on("d", "new")))
    added(db, up(a_check("alone")), a_check("late-alone", grace=60 * MINUTE))
    assert groups.all_groups(db, LATER, 9).tallies == [
        Tally("host=a", total=3, fine=1),
        Tally("check=alone", total=2, fine=1),
    ]


def test_a_check_with_a_tolerated_fault_is_not_fine(db: Connection) -> None:
    tolerant = Tolerance(failures=3)
    failing = life.on_ping(up(on("a", "failing", alert_after=tolerant)), Ping(Signal.FAIL, LATER)).check
    added(db, failing, up(on("a", "one")), up(on("b", "one")))
    state = groups.states(db, ["host=a"], LATER)["host=a"]
    assert (state.up, state.tolerated, state.total, state.fine) == (1, 1, 2, False)
    assert groups.all_groups(db, LATER, 9).tallies == [Tally("host=a", total=2, fine=1)]


def test_groups_that_are_not_fine_and_not_down_are_named(db: Connection) -> None:
    a_host(db)
    tolerant = Tolerance(failures=3)
    failing = life.on_ping(up(on("c", "failing", alert_after=tolerant)), Ping(Signal.FAIL, LATER)).check
    added(db, on("b", "late"), failing, up(on("d", "one")), fresh(on("e", "new")))
    assert groups.all_groups(db, LATER, 9).uneasy == {"host=b": True, "host=c": False}
    assert groups.all_groups(db, LATER, 1).uneasy == {"host=b": True}


def test_late_and_down_checks_of_groups_are_found(db: Connection) -> None:
    jobs = {job.slug: job for job in a_host(db)}
    added(db, on("b", "late"))
    assert [job.slug for job in groups.late_in(db, ["host=a"], LATER, 9)] == ["a-late"]
    assert groups.late_in(db, ["host=a", "host=b"], LATER, 1)[0].slug == "a-late"
    assert groups.down_in(db, ["host=a"], 9) == {jobs["a-down"].id: "host=a"}


def test_jobs_of_a_name_are_found_in_their_groups(db: Connection) -> None:
    named = [replace(on(host, "reset"), name="reset") for host in ("us", "eu", "asia")]
    added(db, *named[:2], life.paused(named[2], NOW, "anna").check)
    assert groups.running(db, ["reset", "other"], 9) == {"reset": ["host=eu", "host=us"]}
    assert groups.running(db, ["reset"], 1) == {"reset": ["host=eu"]}


def test_checks_know_their_groups(db: Connection) -> None:
    added(db, on("a", "one"), a_check("alone"))
    assert groups.keys_of(db, ["a-one", "alone", "gone"]) == {"a-one": "host=a", "alone": "check=alone"}
    assert groups.keys_of(db, []) == {}
