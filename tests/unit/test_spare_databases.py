"""Databases that tests use again: each is as a new one."""

import psycopg
import pytest

from tests.spare_databases import SpareDatabases

FILL = """INSERT INTO people (id, name, contacts) VALUES ('anna', 'Anna', '[]');
  UPDATE installation SET value = '"another"'"""


def all_rows(address: str, name: str) -> dict[str, list[tuple[object, ...]]]:
    """The rows of each table that has any."""
    tables = (
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    with psycopg.connect(address, dbname=name) as db:
        names = [row[0] for row in db.execute(tables)]
        found = {one: db.execute(f'SELECT * FROM "{one}"'.encode()).fetchall() for one in names}
    return {one: rows for one, rows in found.items() if rows}


def test_a_database_that_was_given_back_is_as_a_new_one(
    postgres: str, spare_databases: SpareDatabases
) -> None:
    name = spare_databases.take()
    new = all_rows(postgres, name)
    still_connected = psycopg.connect(postgres, dbname=name)
    with psycopg.connect(postgres, dbname=name) as db:
        (number,) = db.execute("SELECT nextval('incidents_id_seq')").fetchone() or (None,)
        db.execute(FILL.encode())
    assert all_rows(postgres, name) != new
    spare_databases.give_back(name)
    with pytest.raises(psycopg.OperationalError):
        still_connected.execute("SELECT 1")
    assert spare_databases.take() == name
    assert all_rows(postgres, name) == new
    with psycopg.connect(postgres, dbname=name) as db:
        assert db.execute("SELECT nextval('incidents_id_seq')").fetchone() == (number,)
    spare_databases.give_back(name)


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE another (id int)",
        "ALTER TABLE people DROP COLUMN name",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "DROP INDEX ix_checks_urgency",
    ],
)
def test_a_database_with_another_schema_is_not_used_again(
    postgres: str, spare_databases: SpareDatabases, change: str
) -> None:
    name = spare_databases.take()
    with psycopg.connect(postgres, dbname=name) as db:
        db.execute(change.encode())
    spare_databases.give_back(name)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres, dbname=name)
