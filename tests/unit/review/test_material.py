"""What a draft is made of: read from the database, for the checks that still exist."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from alerting import desk
from heartbeat.checks import actions, checker
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, Signal
from heartbeat.measurements import history
from heartbeat.measurements import store as measurements
from heartbeat.pings import lanes
from heartbeat.pings.arrival import Arrival, ByUuid
from heartbeat.review import material
from heartbeat.status import store as status_store
from heartbeat.status.announcement import Announcement, AnnouncementKind, Impact, Status, Update
from tests.unit.conftest import NOW, a_check, somebody

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HOME = "https://hb.example.com"


def ping(db: Connection, check: Check, minutes: float, **numbers: float) -> None:
    arrival = Arrival(
        ByUuid(check.uuid.hex), Signal.SUCCESS, NOW + minutes * MINUTE, "GET", "192.0.2.1", "curl/8"
    )
    arrival.measurements = numbers
    lanes.hear(db, [arrival])


def announced(db: Connection, number: int, **changes: object) -> int:
    """Publish an announcement of the first hour."""
    made = Announcement(
        0,
        "acme",
        AnnouncementKind.INCIDENT,
        f"Slow exports {number}",
        Status.INVESTIGATING,
        Impact.MINOR,
        NOW,
        NOW,
        NOW,
        published_at=NOW + 10 * MINUTE,
    )
    stored = status_store.add(db, replace(made, **changes))  # type: ignore[arg-type]
    status_store.add_update(db, stored, Update(0, NOW, Status.INVESTIGATING, f"Body {number}", "Ben"))
    return stored


def silent(db: Connection, insert: Insert) -> dict[str, Check]:
    """Two jobs that ran twice and then fell silent, in one incident: the first of the installation."""
    checks = insert(db, [a_check("export", labels={"host": "a"}), a_check("import", labels={"host": "a"})])
    for check in checks.values():
        ping(db, check, 0, rows=800)
        ping(db, check, 5, rows=400)
    checker.sweep(db, NOW + 12 * MINUTE, 100)
    return checks


def test_a_draft_shows_the_states_and_the_numbers_of_each_check(db: Connection, insert: Insert) -> None:
    silent(db, insert)
    text = material.draft(db, 1, NOW + 20 * MINUTE, HOME)
    assert text is not None
    assert text.count("state  ") == 2
    assert "███" in text
    assert "400 to 800" in text
    assert "[export](https://hb.example.com/checks/export)" in text
    assert material.draft(db, 2, NOW, HOME) is None


def test_a_deleted_check_has_no_plot_and_no_link(db: Connection, insert: Insert) -> None:
    checks = silent(db, insert)
    check_store.remove(db, [checks["export"].id])
    text = material.draft(db, 1, NOW + 20 * MINUTE, HOME)
    assert text is not None
    assert "- export: " in text
    assert text.count("state  ") == 1
    assert "1 check without a plot." in text


def test_numbers_are_drawn_from_the_history_once_the_runs_are_gone(db: Connection, insert: Insert) -> None:
    checks = insert(db, [a_check("export")])
    checker.sweep(db, NOW + HOUR, 100)
    day = history.added(None, [(NOW - 2 * HOUR, 7000.0), (NOW - HOUR, 9000.0)])
    assert day is not None
    measurements.put(db, {(checks["export"].id, "rows", NOW.date()): day}, {})
    text = material.draft(db, 1, NOW + 9 * HOUR, HOME)
    assert text is not None
    assert "7,000 to 9,000" in text


def test_a_draft_has_what_customers_read_while_the_incident_lasted(db: Connection, insert: Insert) -> None:
    checks = silent(db, insert)
    before = {"published_at": NOW - 9 * HOUR, "resolved_at": NOW - 8 * HOUR}
    announced(db, 1, **before)
    announced(db, 2)
    announced(db, 3, incident_id=1)
    announced(db, 4, published_at=None, incident_id=1)
    announced(db, 5, published_at=NOW + 9 * HOUR)
    announced(db, 6, incident_id=99)
    actions.resolve(db, 1, somebody("anna"), NOW + HOUR)
    incident = desk.dossier(db, 1)
    assert incident is not None
    assert checks
    told = material.read(db, incident, NOW + 10 * HOUR).announcements
    assert [announcement.title for announcement in told] == ["Slow exports 3", "Slow exports 2"]
    assert [update.body for update in told[0].updates] == ["Body 3"]
