"""What is asked of symptoms by their key: however many there are, an index answers."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, make_url, text

from alerting import store
from alerting.escalation import Policy, Step
from alerting.tables import incidents, symptoms
from heartbeat.database import engine
from tests.unit.conftest import NOW

MANY = 25_000
POLICY = Policy("ops", (Step(("first",), timedelta(minutes=5)),))


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    """A database on which much has happened: 3 incidents of one check, and long ago."""
    writer = engine(make_url(database_url), writing=True)
    with writer.connect() as connection, connection.begin():
        _fill(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(text("ANALYZE"))
        yield connection
    writer.dispose()


def _fill(db: Connection) -> None:
    given = {"title": "job", "cause": "silent", "state": "resolved", "severity_rank": 2, "policy": POLICY}
    given |= {"opened_at": NOW, "resolved_at": NOW, "occurrence": 1, "step": 0}
    db.execute(
        insert(incidents), [{"id": number, "cause_key": f"c{number}", **given} for number in range(1, 5)]
    )
    said = {"title": "job", "cause": "silent", "severity_rank": 2, "facts": {}, "raised_at": NOW}
    raised = [(1, "check:7"), (2, "check:7"), (2, "check:7"), (3, "check:7")]
    raised += [(4, f"check:{1_000 + number}") for number in range(MANY)]
    rows = [{"incident_id": number, "key": key, **said, "cleared_at": NOW} for number, key in raised]
    for start in range(0, len(rows), 5_000):
        db.execute(insert(symptoms), rows[start : start + 5_000])


def _plan(db: Connection, statement: str) -> str:
    explain = "EXPLAIN" if db.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    return "\n".join(str(row[-1]) for row in db.execute(text(f"{explain} {statement}")))


def test_what_a_check_was_in_is_found_however_much_has_happened_since(db: Connection) -> None:
    assert [one.id for one in store.lately_about(db, "check:7", 10)] == [3, 2, 1]
    assert [one.id for one in store.lately_about(db, "check:7", 2)] == [3, 2]
    assert store.lately_about(db, "check:8", 10) == []


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
def test_no_statement_reads_all_symptoms_for_a_key(db: Connection, statement: str, index: str) -> None:
    plan = _plan(db, statement)
    assert index in plan
    assert "SCAN symptoms" not in plan
    assert "Seq Scan" not in plan
