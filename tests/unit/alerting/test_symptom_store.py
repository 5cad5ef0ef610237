"""The SQL of symptoms."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from alerting import desk, symptom_store
from alerting.incident import Facts, Hold, Standing
from alerting.severity import Severity
from tests.unit.alerting.conftest import HOUR, a_symptom
from tests.unit.conftest import NOW


@pytest.mark.parametrize(
    "facts",
    [
        Facts(NOW),
        Facts(NOW, NOW - HOUR, NOW, last_said="done", why="was not heard in time"),
        Facts(NOW, began_at=NOW, last_well_at=NOW - HOUR),
        Facts(NOW, never_well=True),
    ],
)
def test_facts_come_back_from_their_row(facts: Facts) -> None:
    assert symptom_store.facts_from_json(symptom_store.facts_to_json(facts)) == facts


def test_what_stands_is_summed_up_without_what_is_held(db: Connection) -> None:
    held = [
        a_symptom(f"check:{n}", severity=Severity.CRITICAL, hold=Hold(NOW + n * HOUR, "maintenance"))
        for n in (1, 2)
    ]
    desk.raise_(db, [*held, a_symptom("check:3", severity=Severity.INFO)], NOW)
    assert symptom_store.standing(db, [1, 2], NOW) == {1: Standing(3, 2, Severity.INFO, NOW + HOUR)}
    assert symptom_store.standing(db, [1], NOW + HOUR) == {
        1: Standing(3, 1, Severity.CRITICAL, NOW + 2 * HOUR)
    }
    symptom_store.clear_symptoms(db, [(3, "heard again")], NOW)
    left = symptom_store.standing(db, [1], NOW)[1]
    assert (left.severity, left.held_until) == (Severity.CRITICAL, NOW + HOUR)
    symptom_store.clear_symptoms(db, [(1, "heard again"), (2, "heard again"), (3, "another reason")], NOW)
    assert symptom_store.standing(db, [1], NOW) == {}
    assert [symptom.cleared_why for symptom in symptom_store.symptoms_of(db, [1])[1]] == ["heard again"] * 3


def test_what_was_told_is_kept_by_cause_and_without_what_is_held(db: Connection) -> None:
    hold = Hold(NOW + HOUR, "maintenance")
    desk.raise_(db, [a_symptom("check:1"), a_symptom("check:2", hold=hold), a_symptom("check:3")], NOW)
    symptom_store.clear_symptoms(db, [(3, "heard again")], NOW)

    def told() -> list[tuple[str, ...]]:
        return [symptom.told for symptom in symptom_store.symptoms_of(db, [1])[1]]

    symptom_store.told_all(db, [1], NOW)
    assert told() == [("silent",), (), ()]
    symptom_store.refresh_symptoms(db, [(1, a_symptom(cause="failed"))])
    symptom_store.told_all(db, [1], NOW + HOUR)
    assert told() == [("silent", "failed"), ("silent",), ()]
    symptom_store.told_all(db, [1], NOW + HOUR)
    assert told() == [("silent", "failed"), ("silent",), ()]
    symptom_store.write_told(db, {1: (), 2: ("failed",)})
    assert told() == [(), ("failed",), ()]


def test_a_symptom_that_cleared_is_found_where_its_incident_goes_on(db: Connection) -> None:
    desk.raise_(db, [a_symptom("check:1"), a_symptom("check:2"), a_symptom("check:3", "failed:check=3")], NOW)
    desk.clear(db, {"check:1": "heard again", "check:3": "heard again"}, NOW)
    keys = ["check:1", "check:2", "check:3", "check:4"]
    assert {row.key for row in symptom_store.cleared_in_open(db, keys)} == {"check:1", "check:3"}
    desk.resolve(db, 1, "ben", NOW)
    (row,) = symptom_store.cleared_in_open(db, keys)
    assert (row.key, row.incident_id) == ("check:1", 2)
    assert symptom_store.rows_in(db, {"check:1": 2, "check:2": 1}) == {"check:1": row}
    returned = replace(a_symptom("check:1"), title="job one", cause="failed")
    symptom_store.raise_again(db, [(row.id, returned, (NOW,))])
    (again,) = symptom_store.raised_of(db, ["check:1"])
    assert (again.id, again.title, again.cause) == (row.id, "job one", "failed")
    assert (again.falls, again.cleared_why) == ((NOW,), None)
