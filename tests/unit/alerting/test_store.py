"""The SQL of incidents: order, locks, and statements that an index answers however many rows there are."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Connection, insert, make_url, text

from alerting import grouping, incident_lists, store
from alerting.incident import Incident, Pace, State
from alerting.severity import Severity
from alerting.tables import incidents, symptoms
from heartbeat.database import engine
from tests.unit.alerting.conftest import HOUR, OPS, a_symptom
from tests.unit.conftest import NOW

MANY = 25_000
PACE = Pace()


def an_incident(cause_key: str, **changes: object) -> Incident:
    (incident,) = grouping.opened([a_symptom(cause_key=cause_key)], {"ops": OPS}, NOW, PACE).values()
    return replace(incident, **changes)  # type: ignore[arg-type]  # the tests name fields of an incident


def test_a_cause_that_is_open_already_opens_no_second_incident(db: Connection) -> None:
    assert store.insert_incidents(db, [an_incident("b"), an_incident("a")]) == {"a": 1, "b": 2}
    assert store.insert_incidents(db, [an_incident("a"), an_incident("c")]).keys() == {"c"}
    opened = store.lock(db, [2], ["a", "z"])
    assert opened == {1: an_incident("a", id=1), 2: an_incident("b", id=2)}
    assert store.open_of(db, "a") == opened[1]
    assert (store.open_of(db, "z"), store.load(db, 99)) == (None, None)


def test_due_incidents_are_claimed_worst_and_oldest_first(db: Connection) -> None:
    store.insert_incidents(
        db,
        [
            an_incident("a", severity=Severity.WARNING),
            an_incident("b", severity=Severity.CRITICAL),
            an_incident("c", severity=Severity.CRITICAL, next_at=NOW),
            an_incident("d", severity=Severity.CRITICAL, next_at=NOW + HOUR),
        ],
    )
    due = NOW + PACE.gathering
    assert [incident.cause_key for incident in store.claim_due(db, due, 2)] == ["c", "b"]
    assert [incident.cause_key for incident in store.claim_due(db, due, 10)] == ["c", "b", "a"]
    assert store.next_due(db) == NOW
    store.save(db, [replace(store.lock(db, [1])[1], tell_at=NOW - HOUR)])
    assert store.next_due(db) == NOW - HOUR
    assert [incident.cause_key for incident in store.claim_to_tell(db, NOW, 10)] == ["a"]


def test_two_escalators_claim_different_incidents(make_database_url: Callable[[str], str]) -> None:
    writer = engine(make_url(make_database_url("postgres")), writing=True)
    with writer.begin() as db:
        store.insert_incidents(db, [an_incident("a"), an_incident("b")])
    with writer.begin() as first, writer.begin() as second:
        claimed = [store.claim_due(db, NOW + HOUR, 1)[0].cause_key for db in (first, second)]
    writer.dispose()
    assert sorted(claimed) == ["a", "b"]


def test_unanswered_incidents_are_listed_before_answered_ones_and_worse_ones_first(db: Connection) -> None:
    store.insert_incidents(
        db,
        [
            an_incident("1", severity=Severity.CRITICAL, state=State.ACKNOWLEDGED),
            an_incident("2", severity=Severity.WARNING),
            an_incident("3", opened_at=NOW + HOUR),
            an_incident("4"),
            an_incident("5", state=State.RESOLVED, next_at=None, resolved_at=NOW),
        ],
    )
    assert [incident.cause_key for incident in incident_lists.going_on(db, 10)] == ["4", "3", "2", "1"]
    assert [incident.cause_key for incident in incident_lists.going_on(db, 2, 1)] == ["3", "2"]


def test_an_incident_can_be_merged_into_the_open_ones_of_its_policy(db: Connection) -> None:
    nightly = replace(OPS, name="nightly")
    store.insert_incidents(
        db,
        [
            an_incident("1"),
            an_incident("2", severity=Severity.CRITICAL, policy=nightly),
            an_incident("3", state=State.RESOLVED, next_at=None, resolved_at=NOW),
            an_incident("4", severity=Severity.WARNING),
            # A policy of the same name, whose steps were changed meanwhile.
            an_incident("5", policy=replace(OPS, steps=OPS.steps[:1])),
        ],
    )

    def into(number: int, limit: int = 10) -> list[str]:
        incident = store.load(db, number)
        assert incident is not None
        return [other.cause_key for other in incident_lists.mergeable(db, incident, limit)]

    assert [into(number) for number in range(1, 6)] == [["5", "4"], [], [], ["1", "5"], ["1", "4"]]
    assert into(1, 1) == ["5"]


def test_what_recovers_pages_nobody_and_is_due_once_it_has_settled(db: Connection) -> None:
    store.insert_incidents(
        db, [an_incident("a", recovered_at=NOW, settles_at=NOW + HOUR, tell_at=NOW, falls=(NOW,))]
    )
    assert store.next_due(db) == NOW + HOUR
    assert store.claim_due(db, NOW + HOUR, 10) == store.claim_to_tell(db, NOW + HOUR, 10) == []
    assert store.claim_settled(db, NOW, 10) == []
    (settled,) = store.claim_settled(db, NOW + HOUR, 10)
    assert (settled.recovered_at, settled.falls, settled.seen) == (NOW, (NOW,), None)


@pytest.fixture
def long_history(db: Connection) -> Connection:
    """A database with three old incidents of one check, and many of others."""
    row = {"title": "job", "cause": "silent", "state": "resolved", "severity_rank": 2, "policy": OPS}
    row |= {"opened_at": NOW, "resolved_at": NOW, "occurrence": 1, "step": 0}
    db.execute(
        insert(incidents), [{"id": number, "cause_key": f"c{number}", **row} for number in range(1, 5)]
    )
    row = {"title": "job", "cause": "silent", "severity_rank": 2, "facts": {}}
    row |= {"raised_at": NOW, "cleared_at": NOW}
    raised = [(1, "check:7"), (2, "check:7"), (2, "check:7"), (3, "check:7")]
    raised += [(4, f"check:{1_000 + number}") for number in range(MANY)]
    rows = [{"incident_id": number, "key": key, **row} for number, key in raised]
    for start in range(0, len(rows), 5_000):
        db.execute(insert(symptoms), rows[start : start + 5_000])
    if db.dialect.name == "postgresql":
        db.execute(text("ANALYZE"))
    return db


def plan_of(db: Connection, statement: str) -> str:
    explain = "EXPLAIN" if db.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    return "\n".join(str(row[-1]) for row in db.execute(text(f"{explain} {statement}")))


def test_the_last_incidents_of_a_symptom_are_newest_first(long_history: Connection) -> None:
    assert [incident.id for incident in incident_lists.lately_about(long_history, "check:7", 10)] == [3, 2, 1]
    assert [incident.id for incident in incident_lists.lately_about(long_history, "check:7", 2)] == [3, 2]
    assert incident_lists.lately_about(long_history, "check:8", 10) == []


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (
            "SELECT DISTINCT incident_id FROM symptoms WHERE key = 'check:7' ORDER BY incident_id DESC LIMIT 10",
            "ix_symptoms_key",
        ),
        ("SELECT * FROM symptoms WHERE key = 'check:7' AND cleared_at IS NULL", "uq_symptoms_raised_key"),
    ],
)
def test_no_statement_reads_all_symptoms_for_a_key(
    long_history: Connection, statement: str, index: str
) -> None:
    plan = plan_of(long_history, statement)
    assert index in plan
    assert "SCAN symptoms" not in plan
    assert "Seq Scan" not in plan
