"""What unit tests share: an instant, and checks in a database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, event, make_url, text

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.notifiers import registry
from alerting.person import Contact, Person
from heartbeat.actor import Actor, Role
from heartbeat.checks import cause, life
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.checks.schedule import Every
from heartbeat.database import engine
from heartbeat.pings import ingest

NOW = datetime(2024, 5, 3, 3, 0, tzinfo=UTC)
FIRST = Person("first", "First responder", (Contact("console", "terminal"),))


def a_check(slug: str = "job", **changes: Any) -> Check:
    """A check that is expected every five minutes from `NOW` on."""
    labels = changes.setdefault("labels", {})
    made = Check(
        id=changes.pop("id", 0),
        uuid=uuid4(),
        slug=slug,
        name=slug,
        schedule=changes.pop("schedule", Every(timedelta(minutes=5))),
        grace=changes.pop("grace", timedelta(minutes=1)),
        since=NOW,
        armed_at=NOW,
        group_key=cause.group_key(slug, labels, ["host"]),
        **changes,
    )
    return life.redefined(made, NOW)


def somebody(name: str) -> Actor:
    """Who answers incidents under this name."""
    return Actor(name, Role.RESPONDER, "session", "192.0.2.1")


def waiting(writer: Engine) -> int:
    """How many transactions on this PostgreSQL database wait for another one."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with writer.connect() as db:
        return int(db.execute(text(query)).scalar_one())


@contextmanager
def locks_counted(writer: Engine) -> Iterator[list[str]]:
    """Collect the statements that read, and on PostgreSQL lock, whole incidents meanwhile."""
    statements: list[str] = []

    def collect(*execution: Any) -> None:
        if execution[2].startswith("SELECT incidents.id, incidents.cause_key"):
            statements.append(execution[2])

    event.listen(writer, "before_cursor_execute", collect)
    try:
        yield statements
    finally:
        event.remove(writer, "before_cursor_execute", collect)
    assert writer.dialect.name == "sqlite" or all("FOR UPDATE" in one for one in statements)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow disk of the machine that tests is no fault of the service; tests of the bound set one of their own."""
    monkeypatch.setattr(ingest, "STORE_BOUND", 60.0)
    for bound in ("database.ANSWER", "database.PATIENCE", "app.ANSWER"):
        monkeypatch.setattr(f"heartbeat.{bound}", 60.0)


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Installs the distributions in a folder for one test. A process looks for plugins once."""

    def install(folder: Path) -> None:
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setattr(registry, "installed", cache(registry.installed.__wrapped__))

    return install


@pytest.fixture
def insert() -> Callable[[Connection, list[Check]], dict[str, Check]]:
    """Writes checks, with a person and a policy that pages them; the checks as they then are, by slug."""

    def write(db: Connection, checks: list[Check]) -> dict[str, Check]:
        desk.install(db, [FIRST], [Policy("ops", (Step(("first",), timedelta(minutes=5)),))], {})
        check_store.insert(db, checks)
        return check_store.lock_all(db)

    return write


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    """A transaction on a fresh database of each kind."""
    writer = engine(make_url(database_url), writing=True)
    with writer.begin() as connection:
        yield connection
    writer.dispose()
