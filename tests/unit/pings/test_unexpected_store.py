"""The stored unexpected pings: bounded in number and in age, and only as long as no check has the name."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection

from heartbeat.checks import store as check_store
from heartbeat.pings import unexpected_store
from heartbeat.pings.unexpected import BY_UUID, UNKNOWN_KEY, UnexpectedPings
from tests.unit.conftest import NOW, a_check


def pings(name: str, seconds: float = 0, count: int = 1, key: str = "jobs") -> UnexpectedPings:
    at = NOW + timedelta(seconds=seconds)
    return UnexpectedPings(name, key, at, at, count, "10.0.0.5", "curl")


def names(db: Connection) -> list[str]:
    return [listed.name for listed in unexpected_store.listed(db)]


def test_the_names_that_were_not_seen_for_longest_leave_first(db: Connection) -> None:
    for start in (0, 150):
        unexpected_store.add(db, [pings(f"name-{n}", n) for n in range(start, start + 150)], NOW)
    assert names(db) == [f"name-{n}" for n in range(299, 99, -1)]
    assert unexpected_store.count(db) == unexpected_store.KEEP


def test_a_name_that_was_not_seen_for_a_month_is_forgotten(db: Connection) -> None:
    unexpected_store.add(db, [pings("early")], NOW)
    later = unexpected_store.FORGET_AFTER + timedelta(seconds=1)
    unexpected_store.add(db, [pings("late", later.total_seconds())], NOW + later)
    assert names(db) == ["late"]


def test_pings_of_one_name_add_up_in_any_order(db: Connection) -> None:
    for seconds in (60, 0):
        unexpected_store.add(db, [pings("name", seconds, count=2)], NOW)
    (listed,) = unexpected_store.listed(db)
    assert (listed.count, listed.first_at, listed.last_at) == (4, NOW, NOW + timedelta(seconds=60))


def test_a_name_that_a_check_has_is_not_listed_and_leaves_with_the_next_write(db: Connection) -> None:
    unexpected_store.add(db, [pings("job"), pings("other")], NOW)
    check_store.insert(db, [a_check("job")])
    assert names(db) == ["other"]
    unexpected_store.add(db, [pings("other")], NOW)
    check_store.remove(db, [check.id for check in check_store.lock_slugs(db, ["job"])])
    assert names(db) == ["other"]


def test_a_ping_with_an_unknown_key_is_listed_until_the_check_is_heard(db: Connection) -> None:
    check_store.insert(db, [a_check("job"), a_check("heard", last_ok_at=NOW + timedelta(seconds=5))])
    refused = [pings("job", key=UNKNOWN_KEY), pings("heard", key=UNKNOWN_KEY), pings("heard", key="other")]
    unexpected_store.add(db, refused, NOW)
    assert names(db) == ["job"]
    assert unexpected_store.count(db) == 1
    unexpected_store.add(db, [pings("heard", 6, key=UNKNOWN_KEY)], NOW)
    assert names(db) == ["heard", "job"]


def test_two_keys_make_one_name(db: Connection) -> None:
    unexpected_store.add(db, [pings("job"), pings("job", key=UNKNOWN_KEY)], NOW)
    assert (len(names(db)), unexpected_store.count(db)) == (2, 1)


def test_strangers_push_out_no_ping_with_a_known_key(db: Connection) -> None:
    unexpected_store.add(db, [pings("typo")], NOW)
    for key in (UNKNOWN_KEY, BY_UUID):
        flood = [pings(str(UUID(int=n)), n, 2, key) for n in range(1, 300)]
        unexpected_store.add(db, flood, NOW)
    assert "typo" in names(db)
    assert len(names(db)) == unexpected_store.KEEP + 1


def test_a_flood_leaves_the_names_that_help(db: Connection) -> None:
    check_store.insert(db, [a_check("nightly-backup"), a_check("us-api")])
    unexpected_store.add(db, [pings("nigthly-backup"), pings("again"), pings("once")], NOW)
    unexpected_store.add(db, [pings("again", 1)], NOW)
    unexpected_store.add(db, [pings("us-api", key=UNKNOWN_KEY)], NOW)
    for key in ("jobs", UNKNOWN_KEY):
        unexpected_store.add(db, [pings(f"flood-{n}", n, key=key) for n in range(2, 300)], NOW)
    listed = set(names(db))
    assert {"nigthly-backup", "again", "us-api"} <= listed
    assert "once" not in listed
