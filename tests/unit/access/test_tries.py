"""Limits on attempts to sign in."""

from datetime import timedelta

import pytest

from heartbeat.access import tries
from heartbeat.access.tries import AddressTries
from tests.unit.conftest import NOW

MINUTE = timedelta(minutes=1)


def test_too_many_attempts_get_a_waiting_time() -> None:
    counted = AddressTries(3, MINUTE)
    assert [counted.count("a", NOW) for _ in range(4)] == [None, None, None, MINUTE]
    assert counted.count("b", NOW) is None
    assert counted.count("a", NOW + timedelta(seconds=59)) == timedelta(seconds=1)


def test_further_attempts_lock_nobody_out_for_good() -> None:
    counted = AddressTries(3, MINUTE)
    for second in range(60):
        counted.count("a", NOW + timedelta(seconds=second))
    assert counted.count("a", NOW + MINUTE) is None


def test_an_ipv6_client_has_one_count_for_all_its_addresses() -> None:
    counted = AddressTries(1, MINUTE)
    assert counted.count("2001:db8:1:2::1", NOW) is None
    assert counted.count("2001:db8:1:2:ffff::9", NOW) == MINUTE
    assert counted.count("2001:db8:1:3::1", NOW) is None
    assert counted.count("::ffff:192.0.2.1", NOW) is None
    assert counted.count("192.0.2.1", NOW) == MINUTE
    assert counted.count("192.0.2.2", NOW) is None


def test_tries_are_counted_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "MAX_REMEMBERED", 3)
    counted = AddressTries(1, MINUTE)
    for number in range(100):
        assert counted.count(f"192.0.2.{number}", NOW) is None
    assert len(counted._windows) == 3
