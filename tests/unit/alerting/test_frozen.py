"""Copies of frozen values."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerting import frozen
from heartbeat.checks.check import State
from tests.unit.conftest import NOW, a_check


def test_a_changed_copy_is_what_replace_makes() -> None:
    check = a_check(grace=timedelta(minutes=3), labels={"host": "a"})
    changes = {"state": State.PAUSED, "wake_at": None, "since": NOW + timedelta(hours=1)}
    assert frozen.changed(check, **changes) == replace(check, **changes)  # type: ignore[arg-type]  # of each field
    assert check.state is State.NEW


def test_a_field_that_does_not_exist_cannot_be_changed() -> None:
    with pytest.raises(KeyError):
        frozen.changed(a_check(), colour="green")
