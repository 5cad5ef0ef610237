"""The rows of incidents that were resolved long ago, and the order in which they are deleted."""

from datetime import timedelta

from sqlalchemy import Connection

from alerting import attempts, desk, retention
from alerting.attempts import Attempt
from alerting.retention import Rows
from alerting.rotation import Change, Override, Rotation
from alerting.rotation_store import Swap
from tests.unit.alerting.conftest import PAGED_AT, a_symptom, incident_of, page_for
from tests.unit.conftest import NOW

RESOLVED_AT = PAGED_AT + timedelta(hours=1)


def test_an_incident_goes_after_its_rows_and_its_attempts_before_their_pages(db: Connection) -> None:
    page_for(db, a_symptom())
    attempts.write_attempts(db, [Attempt(1, PAGED_AT, "pager", "accepted", "")])
    desk.resolve(db, 1, "ben", RESOLVED_AT)
    desk.raise_(db, [a_symptom("check:2")], RESOLVED_AT)
    assert retention.next_rows(db, RESOLVED_AT, 100) is None
    order = []
    while rows := retention.next_rows(db, RESOLVED_AT + timedelta(seconds=1), 2):
        assert retention.forget(db, rows) == len(rows.ids) <= 2
        assert retention.forget(db, rows) == 0
        order.append(rows.table)
    assert list(dict.fromkeys(order)) == ["attempts", "pages", "symptoms", "timeline", "incidents"]
    assert order.count("timeline") > 1
    assert [incident.id for incident in desk.incidents(db)] == [2]


def test_the_newest_incident_stays_so_that_no_number_is_given_again(db: Connection) -> None:
    for _ in range(3):
        desk.raise_(db, [a_symptom()], NOW)
        (newest, *_) = desk.incidents(db)
        desk.resolve(db, newest.id, "ben", RESOLVED_AT)
    while rows := retention.next_rows(db, RESOLVED_AT + timedelta(days=1_000), 100):
        retention.forget(db, rows)
    assert [incident.id for incident in desk.incidents(db)] == [3]
    desk.raise_(db, [a_symptom()], NOW)
    assert [incident.id for incident in desk.incidents(db)] == [4, 3]


def test_an_incident_that_is_not_resolved_is_never_deleted(db: Connection) -> None:
    desk.raise_(db, [a_symptom()], PAGED_AT)
    assert retention.next_rows(db, PAGED_AT + timedelta(days=10_000), 100) is None
    assert retention.forget(db, Rows("incidents", [1])) == 0
    assert incident_of(db).id == 1


def test_changes_of_rotations_go_once_they_are_past(db: Connection) -> None:
    hour = timedelta(hours=1)
    span = (NOW, NOW + hour)
    desk.define_rotation(db, Rotation("infra", "UTC", ()))
    past = desk.add_override(db, "infra", Override(Change.REPLACE, *span, on="ben"), "Ben", NOW)
    coming = desk.add_override(db, None, Override(Change.REMOVE, NOW, NOW + 9 * hour, off="ben"), "Ben", NOW)
    swap = desk.propose_swap(db, Swap("infra", "anna", span, "ben", span), "anna", NOW)
    assert retention.next_rows(db, NOW + hour, 100) is None
    gone = []
    while rows := retention.next_rows(db, NOW + 2 * hour, 100):
        retention.forget(db, rows)
        gone.append(rows)
    assert gone == [Rows("overrides", [past.id]), Rows("swaps", [swap.id])]
    assert [kept.override.id for kept in desk.overrides(db)] == [coming.id]
