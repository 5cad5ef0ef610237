"""The limits on checks that pings create: in all, and with one key in an hour."""

from datetime import timedelta

from heartbeat.pings.creation import HOUR, CreationLimit, admitted
from heartbeat.pings.usage import CREATED, Used, of_key
from tests.unit.conftest import NOW

LIMIT = CreationLimit(in_all=2_000)


def pairs(key: str, *numbers: int) -> list[tuple[str, str]]:
    return [(f"job-{number}", key) for number in numbers]


def test_a_tenth_of_all_may_be_created_with_one_key_in_an_hour() -> None:
    assert CreationLimit().an_hour == 1_000
    assert CreationLimit(in_all=50).an_hour == 100


def test_nothing_is_created_beyond_the_limit_in_all() -> None:
    slugs, used = admitted(pairs("a", 1, 2, 3), {CREATED: Used(1_998, NOW, "b")}, LIMIT, NOW)
    assert slugs == {"job-1", "job-2"}
    assert used[CREATED] == Used(2_000, NOW, "a")
    assert admitted(pairs("b", 4), used, LIMIT, NOW) == (set(), {})


def test_one_key_at_its_limit_keeps_no_other_from_creating() -> None:
    full = {CREATED: Used(200, NOW, "a"), of_key("a"): Used(200, NOW, "a")}
    slugs, used = admitted([*pairs("a", 1), *pairs("b", 2)], full, LIMIT, NOW + HOUR / 2)
    assert slugs == {"job-2"}
    assert used == {CREATED: Used(201, NOW + HOUR / 2, "b"), of_key("b"): Used(1, NOW + HOUR / 2, "b")}


def test_a_key_has_room_again_after_an_hour() -> None:
    full = {of_key("a"): Used(200, NOW, "a")}
    assert not admitted(pairs("a", 1), full, LIMIT, NOW + HOUR - timedelta(seconds=1))[0]
    slugs, used = admitted(pairs("a", 1), full, LIMIT, NOW + HOUR)
    assert slugs == {"job-1"}
    assert used[of_key("a")] == Used(1, NOW + HOUR, "a")


def test_a_clock_that_is_set_back_locks_no_key_out() -> None:
    full = {of_key("a"): Used(200, NOW, "a")}
    assert admitted(pairs("a", 1), full, LIMIT, NOW - timedelta(days=365))[0]


def test_pings_create_nothing_where_the_limit_is_none() -> None:
    assert admitted(pairs("a", 1), {}, CreationLimit(in_all=0), NOW) == (set(), {})
