"""How often one may try."""

from datetime import timedelta

import pytest

from heartbeat.access import tries
from heartbeat.access.tries import Tries
from tests.unit.conftest import NOW

MINUTE = timedelta(minutes=1)


def test_what_is_too_often_is_told_how_long_to_wait() -> None:
    counted = Tries(3, MINUTE)
    assert [counted.another("a", NOW) for _ in range(4)] == [None, None, None, MINUTE]
    assert counted.another("b", NOW) is None
    assert counted.another("a", NOW + timedelta(seconds=59)) == timedelta(seconds=1)


def test_nobody_is_locked_out_for_good_by_trying_on() -> None:
    counted = Tries(3, MINUTE)
    for second in range(60):
        counted.another("a", NOW + timedelta(seconds=second))
    assert counted.another("a", NOW + MINUTE) is None


def test_tries_are_counted_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "MAX_REMEMBERED", 3)
    counted = Tries(1, MINUTE)
    for number in range(100):
        assert counted.another(f"192.0.2.{number}", NOW) is None
    assert len(counted._windows) == 3
