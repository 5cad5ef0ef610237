"""The SQL of maintenance windows."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from heartbeat.checks import maintenance
from heartbeat.checks import maintenance_store as store
from heartbeat.checks.maintenance import Phase, Window, WindowDefinition
from heartbeat.checks.recurrence import Recurrence
from tests.unit.conftest import NOW

HOUR = timedelta(hours=1)


def add(db: Connection, title: str, begins: float, ends: float, request_key: str | None = None) -> Window:
    """Add a window that begins and ends so many hours after `NOW`."""
    definition = WindowDefinition(title, "", {"host": "a"}, NOW + begins * HOUR, NOW + ends * HOUR)
    return store.add(db, definition, "anna", NOW, request_key)


def test_a_window_comes_back_as_it_was_added(db: Connection) -> None:
    window = add(db, "Move", 1, 2, "request-1")
    assert (window.title, window.made_by, window.made_at) == ("Move", "anna", NOW)
    assert store.load(db, window.id, NOW) == store.asked_before(db, "request-1", NOW) == window
    assert store.load(db, window.id + 1, NOW) is None
    assert store.asked_before(db, "request-2", NOW) is None


def test_a_window_stands_until_just_before_its_end(db: Connection) -> None:
    windows = [add(db, "upcoming", 1, 2), add(db, "active", -1, 1)]
    add(db, "over", -1, 0)
    assert store.standing(db, NOW) == windows


@pytest.mark.parametrize(
    ("phase", "titles"),
    [
        (None, ["past", "active", "upcoming"]),
        (Phase.UPCOMING, ["upcoming"]),
        (Phase.ACTIVE, ["active"]),
        (Phase.PAST, ["past"]),
    ],
)
def test_windows_are_listed_by_phase_newest_first(
    db: Connection, phase: Phase | None, titles: list[str]
) -> None:
    for title, begins, ends in (("upcoming", 0.5, 2), ("active", 0, 1), ("past", -1, 0)):
        add(db, title, begins, ends)
    assert [window.title for window in store.listed(db, NOW, limit=9, phase=phase)] == titles


def test_the_number_of_a_deleted_window_is_not_given_again(db: Connection) -> None:
    first, last = add(db, "first", 1, 2), add(db, "last", 1, 2)
    store.remove(db, last.id)
    store.remove(db, first.id)
    numbers = [add(db, "next", 1, 2).id for _ in range(2)]
    assert numbers == sorted({*numbers} - {first.id, last.id})
    store.remove(db, numbers[1])
    assert add(db, "next", 1, 2).id > numbers[1]


def test_windows_are_listed_in_slices(db: Connection) -> None:
    windows = [add(db, f"window {n}", n, n + 1) for n in range(3)]
    assert store.listed(db, NOW, limit=2) == [windows[2], windows[1]]
    assert store.listed(db, NOW, limit=2, before=windows[1].id) == [windows[0]]


def test_only_the_definition_of_a_window_changes(db: Connection) -> None:
    window = add(db, "Move", 1, 2)
    changed = replace(window, title="Longer", match={"region": "eu"}, ends_at=NOW + 3 * HOUR, made_by="eve")
    store.save(db, window.id, changed)
    assert store.load(db, window.id, NOW) == replace(changed, made_by="anna")
    store.remove(db, window.id)
    assert store.load(db, window.id, NOW) is None


DAILY = Recurrence("FREQ=DAILY", datetime.fromisoformat("2024-05-03T04:00"), "UTC", HOUR)
"""Each day, one hour after `NOW`."""


def test_a_window_that_recurs_comes_back_with_the_times_of_its_occurrence(db: Connection) -> None:
    series = replace(add(db, "Move", 1, 2), recurrence=DAILY)
    store.save(db, series.id, series)
    once = add(db, "once", -3, -1)
    for hours, starts in ((0, 1), (1, 1), (2, 25), (300, 313)):
        now = NOW + hours * HOUR
        (window,) = store.standing(db, now)
        assert window == store.load(db, series.id, now) == maintenance.at(series, now)
        assert window.starts_at == NOW + starts * HOUR
    for hours, phase in ((0, Phase.UPCOMING), (1, Phase.ACTIVE), (2, Phase.UPCOMING)):
        now = NOW + hours * HOUR
        assert [one.id for one in store.listed(db, now, limit=9, phase=phase)] == [series.id]
        assert [one.id for one in store.listed(db, now, limit=9, phase=Phase.PAST)] == [once.id]
