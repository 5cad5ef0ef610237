"""Migrations only add, so that the release before goes on working on what this one has migrated."""

import ast
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
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
def test_plain_sql_only_creates(path: Path) -> None:
    for name, call in calls(upgrading(path)):
        if name == "execute":
            first = call.args[0]
            statement = ast.unparse(first).lstrip("f").strip("'\"(")
            assert statement.startswith("CREATE "), ast.unparse(call)


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
