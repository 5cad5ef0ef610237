"""A database of the product on a disk whose power goes, and the work of the product on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.exc import DBAPIError

from alerting import desk, escalator
from alerting.escalation import Policy, Step
from alerting.person import Contact, Person
from heartbeat import migrations
from heartbeat.checks import checker, life
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, Signal
from heartbeat.checks.schedule import Every
from heartbeat.database import Unavailable, engine, transact
from heartbeat.pings import lanes
from heartbeat.pings.arrival import Arrival, ByUuid
from tests.proof import apsw_driver
from tests.proof.cut_disk import CHECKPOINT, CutVfs, Disk, Doing

CHECKS = 12
BEGIN = datetime(2024, 5, 3, 3, 0, tzinfo=UTC)
FIRST = Person("first", "First responder", (Contact("console", "terminal"),))
OPS = Policy("ops", (Step(("first",), timedelta(minutes=5)),))
SIGNALS = (Signal.SUCCESS,) * 6 + (Signal.START, Signal.FAIL)
OPERATIONS = 200
SYNCS = frozenset({Doing.LOG_SYNC, Doing.DATABASE_SYNC})
PLACES = ((OPERATIONS, frozenset(Doing)),) * 8 + ((OPERATIONS, CHECKPOINT), (10, SYNCS))
"""The operations that are counted, and how many there are at most. Syncs and checkpoints are rare."""
CLOSING = 0.02
"""How often the database is closed and opened again instead of written to."""


class Powered:
    """One database after the other, on a disk whose power goes again and again."""

    def __init__(self, random: Random, *, careless: bool = False) -> None:
        self.returned = 0
        """Commits that have returned, in all databases."""
        self._random = random
        self._vfs = CutVfs()
        self._engine = _engine(careless=careless)
        self._now = BEGIN
        self._uuids: list[UUID] = []
        self._commits: list[int] = []
        """What each commit has left in this database, in short."""
        self._under_way = self._nothing = self._contents()
        self._commit(migrations._upgrade)
        self._engine.dispose()
        self._migrated = self._vfs.disk

    def begin(self) -> None:
        """Go on with a new database."""
        self._replace(self._migrated.copy(self._random))
        self._now, self._commits = BEGIN, [self._contents()]
        self._commit(self._install)

    def cut(self) -> tuple[str, str]:
        """Work until the power goes. Return what the disk did then, and what is broken: empty, if nothing is."""
        disk = self._vfs.disk
        most, counted = self._random.choice(PLACES)
        disk.cut_after(self._random.randrange(most), counted)
        while disk.survivors is None:
            self._work()
        self._replace(disk.survivors)
        fault = self._fault()
        if fault:
            self.begin()
        return disk.doing, fault

    def cut_migrations(self) -> tuple[str, str]:
        """Cut the power while a new database is migrated. Return the same."""
        disk = Disk(self._random)
        self._replace(disk)
        disk.cut_after(self._random.randrange(self._migrated.operations))
        self._commits = [self._nothing]
        self._commit(migrations._upgrade)
        self._engine.dispose()
        assert disk.survivors is not None, "the same migrations need the same operations"
        self._replace(disk.survivors)
        fault = self._fault()
        self._commit(migrations._upgrade)
        if not fault and self._behind():
            fault = "it cannot be migrated again"
        self.begin()
        return "the migrations of a new database", fault

    def end(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def _work(self) -> None:
        if self._random.random() < CLOSING:
            self._engine.dispose()
            return
        self._now += timedelta(seconds=self._random.randrange(1, 90))
        self._commit(self._random.choice((self._hear, self._hear, self._hear, self._judge, self._page)))

    def _commit(self, work: Callable[[Connection], object]) -> None:
        def noted(db: Connection) -> None:
            work(db)
            self._under_way = _contents(db)

        with self._until_cut():
            transact(self._engine, noted)
            self._commits.append(self._under_way)
            self.returned += 1

    def _replace(self, disk: Disk) -> None:
        """Go on with this disk, as a new process would."""
        self._engine.dispose()
        self._vfs.disk = disk

    @contextmanager
    def _until_cut(self) -> Iterator[None]:
        """Errors are those of a cut, or they are real."""
        try:
            yield
        except (Unavailable, DBAPIError):
            if self._vfs.disk.survivors is None:
                raise

    def _fault(self) -> str:
        """What is broken after a cut, in words."""
        try:
            with self._engine.connect() as db:
                sound = db.exec_driver_sql("PRAGMA integrity_check").scalar()
                contents = _contents(db)
        except DBAPIError as error:
            return f"it cannot be read: {error.orig}"
        if sound != "ok":
            return f"it is damaged: {sound}"
        if contents not in (self._commits[-1], self._under_way):
            lost = self._commits[::-1].index(contents) if contents in self._commits else None
            return f"{lost} commits that had returned are lost" if lost else "its rows are those of no commit"
        self._commits.append(contents)
        self._under_way = contents
        return ""

    def _behind(self) -> bool:
        with self._engine.connect() as db:
            return migrations.behind(db)

    def _contents(self) -> int:
        with self._engine.connect() as db:
            return _contents(db)

    def _install(self, db: Connection) -> None:
        desk.install(db, [FIRST], [OPS], {})
        jobs = [_job(number, UUID(int=self._random.getrandbits(128))) for number in range(CHECKS)]
        check_store.insert(db, jobs)
        self._uuids = [job.uuid for job in jobs]

    def _hear(self, db: Connection) -> None:
        pings = [self._ping(self._random.choice(self._uuids)) for _ in range(self._random.randrange(1, 9))]
        lanes.hear(db, pings)

    def _ping(self, uuid: UUID) -> Arrival:
        body = b"a line of output\n" * self._random.choice((0, 1, 300))
        rid = UUID(int=self._random.getrandbits(128)).hex
        signal = self._random.choice(SIGNALS)
        return Arrival(
            ByUuid(uuid.hex), signal, self._now, "POST", "127.0.0.1", "curl/8", body or None, None, rid
        )

    def _judge(self, db: Connection) -> None:
        checker.sweep(db, self._now)

    def _page(self, db: Connection) -> None:
        escalator.sweep(db, self._now)


def _engine(*, careless: bool) -> Engine:
    made = engine(make_url(f"sqlite+{apsw_driver.Dialect.driver}:///main.db"), writing=True)
    if careless:
        # It comes after what the product does with a new connection.
        event.listen(made, "connect", lambda db, _record: db.cursor().execute("PRAGMA synchronous=NORMAL"))
    return made


def _job(number: int, uuid: UUID) -> Check:
    made = Check(
        id=0,
        uuid=uuid,
        slug=f"job-{number}",
        name=f"Job {number}",
        schedule=Every(timedelta(minutes=5 + number)),
        grace=timedelta(minutes=1),
        since=BEGIN,
        armed_at=BEGIN,
        labels={"host": f"h{number % 4}"},
        group_key=f"host=h{number % 4}",
        policy="ops",
    )
    return life.redefined(made, BEGIN)


def _contents(db: Connection) -> int:
    """The schema and all rows of all tables, in short."""
    raw: Any = db.connection.dbapi_connection
    run = raw.apsw.execute
    made = tuple(run("SELECT * FROM sqlite_master ORDER BY name"))
    tables = [name for kind, name, *_ in made if kind == "table"]
    return hash((made, *(tuple(run(f'SELECT * FROM "{name}"')) for name in tables)))
