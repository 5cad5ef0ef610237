"""Beats and blind times, as they are stored."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting.clock_step import Step
from heartbeat.checks import blindness_store
from heartbeat.checks.blindness import Seen
from heartbeat.clock_reading import Reading
from tests.unit.conftest import NOW

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def beat(db: Connection, seconds: float) -> None:
    now = Reading(NOW + timedelta(seconds=seconds), 1_000.0 + seconds, "this start")
    blindness_store.beat(db, "process", now, Seen())


def test_sight_is_lost_a_few_seconds_after_the_last_beat(db: Connection) -> None:
    assert not blindness_store.is_lost(db, NOW)
    beat(db, 0)
    assert not blindness_store.is_lost(db, NOW + timedelta(seconds=3))
    assert blindness_store.is_lost(db, NOW + timedelta(seconds=4))


def test_blind_times_are_listed_oldest_first(db: Connection) -> None:
    for minutes in (0, 5, 5.1, 30):
        beat(db, minutes * 60)
    spans = blindness_store.listed(db, NOW)
    assert [span.ended_at - NOW for span in spans] == [5 * MINUTE, 5.1 * MINUTE, 30 * MINUTE]
    assert blindness_store.listed(db, NOW + 5 * MINUTE) == spans[1:]


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_blind_times_and_beats_move_with_the_clock(db: Connection, by: timedelta) -> None:
    beat(db, 0)
    beat(db, 60)
    stepped_at = NOW + 2 * MINUTE
    blindness_store.retime(db, Step(stepped_at, stepped_at + by, stepped_at + by, NOW - HOUR))
    (span,) = blindness_store.listed(db, NOW - 2 * HOUR)
    assert (span.began_at, span.ended_at) == (NOW + by, NOW + MINUTE + by)
    assert blindness_store.is_lost(db, stepped_at + by)
    assert not blindness_store.is_lost(db, NOW + MINUTE + by)
