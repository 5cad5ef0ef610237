"""Migrations only add, so that the release before goes on working on what this one has migrated."""

import ast
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from alerting import desk, outside
from alerting.sql import sqlite_instant
from heartbeat import installation, migrations
from heartbeat.database import engine
from tests.unit.conftest import NOW

VERSIONS = sorted((Path(__file__).parents[2] / "alembic/versions").glob("*.py"))
ADDING = {"create_table", "create_index", "add_column", "execute"}
"""What a migration may do. A contraction comes a release later, with a decision that says why it is safe then."""
ASKING = {"f", "get_bind"}


def calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    """The operations of Alembic by name."""
    return [
        (node.func.attr, node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "op"
    ]


def upgrading(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if getattr(node, "name", "") != "downgrade"]
    return tree


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_only_adds(path: Path) -> None:
    assert {name for name, _ in calls(upgrading(path))} <= ADDING | ASKING


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_new_column_is_optional_for_the_previous_release(path: Path) -> None:
    for name, call in calls(upgrading(path)):
        if name != "add_column":
            continue
        column = call.args[1]
        assert isinstance(column, ast.Call)
        keywords = {keyword.arg: keyword.value for keyword in column.keywords}
        nullable = keywords.get("nullable")
        optional = nullable is None or (isinstance(nullable, ast.Constant) and nullable.value is True)
        assert optional or "server_default" in keywords, ast.unparse(call)


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_no_unique_index_is_added_to_an_existing_table(path: Path) -> None:
    """A unique index on a table that was there before could refuse what the release before writes."""
    tables = {ast.unparse(call.args[0]) for name, call in calls(upgrading(path)) if name == "create_table"}
    for name, call in calls(upgrading(path)):
        if name == "create_index":
            unique = next((word.value for word in call.keywords if word.arg == "unique"), None)
            only_once = isinstance(unique, ast.Constant) and unique.value is True
            assert not only_once or ast.unparse(call.args[1]) in tables, ast.unparse(call)


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_plain_sql_only_creates_or_fills_a_column_that_the_same_migration_adds(path: Path) -> None:
    of_migration = calls(upgrading(path))
    added = {
        (ast.unparse(call.args[0]).strip("'"), ast.unparse(call.args[1].args[0]).strip("'"))
        for name, call in of_migration
        if name == "add_column" and isinstance(call.args[1], ast.Call)
    }
    for name, call in of_migration:
        if name == "execute":
            first = call.args[0]
            statement = ast.unparse(first).lstrip("f").strip("'\"(")
            filled = re.match(r"UPDATE (\w+) SET (\w+) = [^,]*?( WHERE |$)", statement)
            fills = filled is not None and (filled[1], filled[2]) in added
            assert fills or statement.startswith("CREATE "), ast.unparse(call)


# --- Databases of earlier releases.


@pytest.fixture(params=["sqlite", "postgres"])
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each kind."""
    url = make_url(f"sqlite:///{tmp_path}/old.db")
    if request.param == "postgres":
        url = make_url(request.getfixturevalue("postgres")).set(drivername="postgresql+psycopg")
        name = f"old_{uuid4().hex}"
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as server:
            server.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        url = url.set(database=name)
    opened = engine(url, writing=True)
    yield opened
    opened.dispose()


def migrate_to(writer: Engine, revision: str) -> None:
    """Bring a database to a revision, as the release that ended with it did."""
    with writer.begin() as db:
        config = migrations._config()
        config.attributes["connection"] = db
        command.upgrade(config, revision)


def add_rows(db: Connection, table: str, *rows: Mapping[str, object]) -> None:
    """Add rows to a table of an earlier release."""
    for row in rows:
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        if db.dialect.name == "sqlite":
            row = {key: sqlite_instant(at) if isinstance(at, datetime) else at for key, at in row.items()}
        db.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), dict(row))


def an_incident(number: int, cause_key: str = "silent:host=a", **changes: object) -> dict[str, object]:
    """The row of an incident, as release 0.2 writes it."""
    row: dict[str, object] = {
        "id": number,
        "cause_key": cause_key,
        "title": "a",
        "cause": "silent",
        "state": "open",
        "severity_rank": 1,
        "occurrence": 1,
        "policy": '{"name": "ops", "steps": [{"page": ["anna"], "wait": 300}]}',
        "step": 0,
        "opened_at": NOW,
        "next_at": NOW,
    }
    return row | changes


def test_an_installation_gets_a_name_and_its_open_incidents_keep_their_ids(writer: Engine) -> None:
    migrate_to(writer, "0011")
    with writer.begin() as db:
        add_rows(db, "incidents", an_incident(1))
    migrations.migrate(writer)
    with writer.begin() as db:
        name = installation.name(db)
        assert re.fullmatch("[0-9a-f]{12}", name or "")
        assert outside.of_incident(desk.incidents(db)[0]) == "heartbeat-incident-1"


# --- Symptoms of deleted checks.

DAY = timedelta(days=1)


def a_check_row(number: int, slug: str, **changes: object) -> dict[str, object]:
    """The row of a check, as release 0.3 writes it."""
    row: dict[str, object] = {
        "id": number,
        "uuid": uuid4().hex,
        "slug": slug,
        "name": slug,
        "description": "",
        "labels": "{}",
        "group_key": "host=a",
        "schedule": '{"every": 300}',
        "grace": 60,
        "severity_rank": 1,
        "manual_resume": False,
        "origin": "api",
        "state": "up",
        "since": NOW,
        "armed_at": NOW,
        "pings": 0,
        "wake_at": NOW,
    }
    return row | changes


def a_symptom_row(number: int, check: int, days: int, **changes: object) -> dict[str, object]:
    """The row of a symptom of a check, raised so many days after `NOW` and cleared an hour later."""
    row: dict[str, object] = {
        "id": number,
        "incident_id": 1,
        "key": f"check:{check}",
        "title": "job",
        "cause": "silent",
        "severity_rank": 1,
        "facts": "{}",
        "raised_at": NOW + days * DAY,
        "cleared_at": NOW + days * DAY + DAY / 24,
        "cleared_why": "heard again",
    }
    return row | changes


def audited(days: float, action: str, target: str, **changes: object) -> dict[str, object]:
    """The row of an audit entry of so many days after `NOW`."""
    row: dict[str, object] = {"actor": "anna", "via": "session", "remote": "", "before": None, "after": None}
    return row | {"at": NOW + days * DAY, "action": action, "target": target} | changes


def heal(writer: Engine, *rows: tuple[str, dict[str, object]]) -> dict[int, str]:
    """Migrate a database of release 0.3 with these rows; return the key of each symptom by number."""
    migrate_to(writer, "0015")
    with writer.begin() as db:
        add_rows(db, "incidents", an_incident(1))
        for table, row in rows:
            add_rows(db, table, row)
    migrate_to(writer, "0016")
    with writer.begin() as db:
        return {row.id: row.key for row in db.execute(text("SELECT id, key FROM symptoms ORDER BY id"))}


def test_the_symptoms_of_a_check_that_no_longer_exists_lead_to_none(writer: Engine) -> None:
    keys = heal(
        writer,
        ("checks", a_check_row(1, "there")),
        ("symptoms", a_symptom_row(1, 1, 0)),
        ("symptoms", a_symptom_row(2, 2, 0)),
    )
    assert keys == {1: "check:1", 2: "deleted:2"}


INHERITED: dict[str, list[tuple[str, dict[str, object]]]] = {
    "its check was deleted while it was down": [
        ("symptoms", a_symptom_row(8, 1, 7, cleared_why="deleted by anna")),
    ],
    "its check left the file while it was down": [
        ("symptoms", a_symptom_row(8, 1, 7, cleared_why="deleted from the configuration")),
    ],
    "its incident is of another check": [
        ("incidents", an_incident(2, "failed:check=old")),
        ("symptoms", a_symptom_row(8, 1, 7, incident_id=2)),
    ],
    "the check was made later": [("audit", audited(8, "check.make", "check new"))],
    "the file got the check later": [
        (
            "audit",
            audited(
                8,
                "configuration.apply",
                "configuration",
                after='{"changes": ["~ gathering: 0 s -> 10 s", "+ check new: every 5 min, grace 1 min"]}',
            ),
        )
    ],
    "one of its slug was deleted later": [("audit", audited(8, "check.delete", "check new"))],
    "one of its slug left the file later": [
        (
            "audit",
            audited(
                8,
                "configuration.apply",
                "configuration",
                after='{"changes": ["- check new (up; it will no longer be watched)"]}',
            ),
        )
    ],
    "it has the slug of a deleted check": [("audit", audited(8, "check.delete", "check job"))],
    "it has the name of a deleted check": [
        ("audit", audited(8, "check.delete", "check old", before='{"name": "job"}'))
    ],
}


@pytest.mark.parametrize("evidence", INHERITED.values(), ids=INHERITED.keys())
def test_a_check_with_the_number_of_a_deleted_one_loses_what_it_has_inherited(
    tmp_path: Path, evidence: list[tuple[str, dict[str, object]]]
) -> None:
    """Only SQLite gives a number again. What is older than an inherited symptom is inherited, too."""
    writer = engine(make_url(f"sqlite:///{tmp_path}/old.db"), writing=True)
    keys = heal(
        writer,
        ("checks", a_check_row(1, "new")),
        ("checks", a_check_row(2, "other")),
        ("symptoms", a_symptom_row(1, 1, 1)),
        ("symptoms", a_symptom_row(2, 1, 7)),
        ("symptoms", a_symptom_row(3, 2, 1, title="other")),
        ("symptoms", a_symptom_row(9, 1, 9, title="new")),
        ("symptoms", a_symptom_row(10, 1, 9, title="new", cleared_at=None, cleared_why=None)),
        *evidence,
    )
    writer.dispose()
    keys.pop(8, None)
    assert keys == {1: "deleted:1", 2: "deleted:1", 3: "check:2", 9: "check:1", 10: "check:1"}


def test_a_check_keeps_its_own_symptoms(writer: Engine) -> None:
    """Whoever made it, whatever its name was, and whatever else was deleted."""
    keys = heal(
        writer,
        ("checks", a_check_row(1, "new", name="New name")),
        ("incidents", an_incident(2, "failed:check=new")),
        ("incidents", an_incident(3, "failed:check=other", state="acknowledged")),
        ("symptoms", a_symptom_row(1, 1, 0, title="Old name")),
        ("symptoms", a_symptom_row(2, 1, 1, title="new", incident_id=2)),
        ("symptoms", a_symptom_row(3, 1, 2, title="New name", cleared_why="resolved by anna")),
        ("audit", audited(0.00001, "check.make", "check new", after='{"every": "5m"}')),
        ("audit", audited(0.5, "check.change", "check new", before='{"name": "Old name"}', after="{}")),
        ("audit", audited(3, "check.delete", "check gone", before='{"name": "Old name"}')),
        ("audit", audited(4, "check.pause", "check new", before='{"state": "up"}')),
        ("audit", audited(5, "restore", "database")),
    )
    assert set(keys.values()) == {"check:1"}


def test_no_two_installations_get_one_name(writer: Engine, tmp_path: Path) -> None:
    other = engine(make_url(f"sqlite:///{tmp_path}/other.db"), writing=True)
    names = set()
    for each in (writer, other):
        migrations.migrate(each)
        with each.begin() as db:
            names.add(installation.name(db))
    other.dispose()
    assert len(names) == 2


def test_a_database_of_a_newer_release_is_used_unchanged(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    path.write_bytes(sqlite_template.read_bytes())
    writer = engine(make_url(f"sqlite:///{path}"), writing=True)
    with writer.begin() as db:
        db.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    migrations.migrate(writer)
    with writer.begin() as db:
        assert db.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "9999"
        assert not migrations.behind(db)
        db.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        assert migrations.behind(db)
    writer.dispose()
