"""Migrations only add, so that the release before goes on working on what this one has migrated."""

import ast
from pathlib import Path

import pytest
from sqlalchemy import make_url

from heartbeat import migrations
from heartbeat.database import engine

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
