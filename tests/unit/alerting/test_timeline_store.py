"""The SQL of timelines: lines are read by incident, by kind and by age."""

import pytest
from sqlalchemy import Connection

from alerting import store, timeline_store
from alerting.incident import Entry
from tests.unit.alerting.conftest import HOUR
from tests.unit.alerting.test_store import an_incident
from tests.unit.conftest import NOW

OPENED, SNOOZED = (
    Entry(1, NOW, "down", "job 1 is silent"),
    Entry(1, NOW + HOUR, "snoozed", "until noon", "Ann"),
)
OTHER = Entry(2, NOW - HOUR, "down", "job 2 failed")


@pytest.fixture
def written(db: Connection) -> Connection:
    """A database with two incidents and their lines."""
    store.insert_incidents(db, [an_incident("a"), an_incident("b")])
    timeline_store.write(db, [OPENED, OTHER, SNOOZED])
    return db


def test_a_timeline_has_the_lines_of_its_incident_in_order(written: Connection) -> None:
    assert timeline_store.timeline_of(written, 1) == [OPENED, SNOOZED]
    assert timeline_store.entries_of(written, [1, 2], ["down"]) == {1: [OPENED], 2: [OTHER]}


def test_the_newest_lines_are_found_without_the_others(written: Connection) -> None:
    assert timeline_store.newest_entries(written, 2) == [3, 2]
    assert timeline_store.timeline_ends(written, [1, 2]) == {1: (2, 3), 2: (1, 2)}
    assert timeline_store.last_written(written, [1, 2]) == {1: SNOOZED.at, 2: OTHER.at}
    assert timeline_store.last_written(written, [1, 2], "snoozed") == {1: SNOOZED.at}
