"""How much pings have used of their limits, as the database counts it."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection

from alerting.origin import Origin
from heartbeat.checks.check import Check
from heartbeat.pings import usage_store
from heartbeat.pings.creation import HOUR
from heartbeat.pings.usage import CREATED, Used, of_key
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]


def test_checks_that_were_deleted_or_defined_no_longer_count(db: Connection, insert: Insert) -> None:
    insert(db, [a_check("by-ping", origin=Origin.PING), a_check("defined", origin=Origin.API)])
    usage_store.put(db, {CREATED: Used(7, NOW, "ci")})
    usage_store.recount(db, NOW + HOUR)
    assert usage_store.load(db) == {CREATED: Used(1, NOW, "ci")}


def test_hours_that_are_over_are_forgotten(db: Connection) -> None:
    used = {of_key("a"): Used(3, NOW, "a"), of_key("b"): Used(3, NOW + timedelta(minutes=1), "b")}
    usage_store.put(db, used)
    usage_store.recount(db, NOW + HOUR + timedelta(seconds=1))
    assert usage_store.load(db).keys() == {CREATED, of_key("b")}


def test_what_is_used_first_starts_at_nothing(db: Connection) -> None:
    assert usage_store.lock(db, [CREATED], NOW) == {CREATED: Used(0, NOW)}
    usage_store.put(db, {CREATED: Used(2, NOW, "ci")})
    assert usage_store.lock(db, [CREATED], NOW + HOUR) == {CREATED: Used(2, NOW, "ci")}
