"""Timelines, and the life of incidents in the log: one line each, and only after the commit."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, make_url

from alerting import desk, escalator, timeline, timeline_store
from alerting.incident import Entry, Hold
from heartbeat.database import engine, transact
from tests.unit.alerting.conftest import HOUR, a_symptom
from tests.unit.conftest import NOW

LATER = NOW + HOUR


@pytest.fixture
def writer(database_url: str, caplog: pytest.LogCaptureFixture) -> Iterator[Engine]:
    """A fresh database without people, and a log that is read."""
    caplog.set_level(logging.INFO)
    opened = engine(make_url(database_url), writing=True)
    yield opened
    opened.dispose()


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """The lines about incidents so far, each with its fields."""
    fields = ("event", "incident", "incidents", "count", "by")
    return [
        (record.getMessage(), {name: vars(record)[name] for name in fields if name in vars(record)})
        for record in caplog.records
        if record.name == "alerting.timeline"
    ]


def test_the_life_of_an_incident_is_logged_once(writer: Engine, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        transact(writer, lambda db: desk.raise_(db, [a_symptom()], NOW))
    transact(writer, lambda db: escalator.sweep(db, LATER))
    for _ in range(2):
        transact(writer, lambda db: desk.acknowledge(db, 1, "anna", LATER, until=LATER + 4 * HOUR))
    transact(writer, lambda db: desk.note(db, 1, "anna", "a private note", LATER))
    transact(writer, lambda db: escalator.sweep(db, LATER + 5 * HOUR))
    transact(writer, lambda db: desk.resolve(db, 1, "anna", LATER))
    assert logged(caplog) == [
        ("incident 1 opened: a", {"event": "opened", "incident": 1}),
        ("incident 1 paged: step 1 of catch-all: Operator", {"event": "paged", "incident": 1}),
        ("incident 1 acknowledged by anna", {"event": "acknowledged", "incident": 1, "by": "anna"}),
        ("incident 1 paging again: the acknowledgement has expired", {"event": "reopened", "incident": 1}),
        ("incident 1 paged: step 1 of catch-all: Operator", {"event": "paged", "incident": 1}),
        ("incident 1 resolved by anna", {"event": "resolved", "incident": 1, "by": "anna"}),
    ]


def test_a_hold_is_logged_with_its_end(writer: Engine, caplog: pytest.LogCaptureFixture) -> None:
    held = a_symptom(hold=Hold(LATER, "the database moves"))
    transact(writer, lambda db: desk.raise_(db, [held], NOW))
    transact(writer, lambda db: desk.hold(db, {"check:1": None}, NOW + timedelta(minutes=1)))
    assert logged(caplog) == [
        ("incident 1 opened: a", {"event": "opened", "incident": 1}),
        ("incident 1 held until 03 May 04:00 UTC: the database moves", {"event": "held", "incident": 1}),
        ("incident 1 no longer held", {"event": "held", "incident": 1}),
    ]


def test_a_storm_of_incidents_is_one_line_for_each_kind(
    writer: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    count = timeline.LINES + 1
    storm = [a_symptom(f"check:{number}", f"silent:host={number}") for number in range(count)]
    transact(writer, lambda db: desk.raise_(db, storm, NOW))
    transact(writer, lambda db: escalator.sweep(db, LATER))
    numbers = list(range(1, timeline.LINES + 1))
    assert logged(caplog) == [
        (
            f"{count} incidents {event}: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and more",
            {"event": event, "count": count, "incidents": numbers},
        )
        for event in ("opened", "paged")
    ]


def test_a_timeline_is_read_in_the_order_of_its_lines(writer: Engine) -> None:
    lines = [Entry(1, LATER, "note", "first", "anna"), Entry(1, NOW, "told", "second")]
    transact(writer, lambda db: desk.raise_(db, [a_symptom()], NOW))
    transact(writer, lambda db: timeline.write(db, lines))
    with writer.begin() as db:
        assert timeline_store.timeline_of(db, 1)[1:] == lines
        assert desk.timeline_ends(db, [1, 2]) == {1: (3, 3)}
        assert desk.newest_entries(db, 2) == [3, 2]
