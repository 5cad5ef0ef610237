"""The SQL of levels: how much of each is silent, on both databases."""

from sqlalchemy import Connection

from heartbeat.checks import level_store, life, store
from heartbeat.checks.check import Ping, Signal
from heartbeat.checks.level import Extent
from tests.unit.checks.test_placing import DOWN_AT, MINUTE, REGION, added, on, silent, up


def test_a_level_counts_what_is_silent_together_and_what_is_not(db: Connection) -> None:
    web, database = added(db, on("web", 3)), added(db, on("db", 2))
    added(db, [up(job) for job in on("other", 1)])
    silent(db, [*web, database[0]])
    keys = {"region=us>host=web", "region=us>host=db", REGION, "region=eu>="}
    # The other job of the second host was never heard, and is not expected yet.
    assert level_store.extents(db, keys) == {
        "region=us>host=web": Extent(3, 0),
        "region=us>host=db": Extent(1, 0),
        REGION: Extent(4, 1),
    }
    assert level_store.extents(db, [REGION], [{"host": "other"}]) == {REGION: Extent(4, 0)}
    assert level_store.extents(db, [REGION], [{}]) == {}


def test_what_was_heard_after_others_had_fallen_silent_is_not_counted_with_them(db: Connection) -> None:
    old, new = added(db, on("old", 2)), added(db, on("new", 1))
    silent(db, old)
    heard = life.on_ping(new[0], Ping(Signal.SUCCESS, DOWN_AT + MINUTE)).check
    fallen = life.fallen_silent(heard, DOWN_AT + 8 * MINUTE)
    store.save(db, [fallen.check])
    assert level_store.extents(db, [REGION]) == {REGION: Extent(1, 0, DOWN_AT + MINUTE)}
