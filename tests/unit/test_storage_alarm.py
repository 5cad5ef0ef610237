"""The alarm for storage that fails: told straight, once it is certain, each hour, and when it is over."""

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Outcome
from alerting.notifiers.registry import Setup
from alerting.person import OPERATOR, Contact, Person
from heartbeat import installation, sqlite_files, storage_alarm
from heartbeat.database import Database, Unavailable
from heartbeat.metrics import Metrics
from heartbeat.pings.tables import pings
from heartbeat.storage_alarm import Fault, Say, Storage, StorageAlarm, judged
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock

ANNA = Person("anna", "Anna", (Contact("ntfy", "a"), Contact("email", "a@example.org")))
BEN, CLEO = (Person(name, name.title(), (Contact("ntfy", name),)) for name in ("ben", "cleo"))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)), Step(("ben",), timedelta(minutes=5))))
REST = Policy("rest", (Step(("cleo",), timedelta(minutes=5)),))
FULL = (Fault.NOT_WRITTEN, "database or disk is full")
SECOND = timedelta(seconds=1)


def test_a_failure_is_told_once_it_is_certain_then_each_hour_and_when_it_is_over() -> None:
    storage, told = Storage(), []
    for seconds in range(0, 7_300, 5):
        storage, say = judged(storage, FULL, NOW + seconds * SECOND)
        told += [(seconds, say)] if say else []
    assert told == [(20, Say.FAILING), (3_620, Say.FAILING), (7_220, Say.FAILING)]
    storage, say = judged(storage, None, NOW + 7_400 * SECOND)
    assert (storage, say) == (Storage(), Say.OVER)


def test_a_short_failure_is_not_told_nor_its_end() -> None:
    storage, _ = judged(Storage(), FULL, NOW)
    storage, say = judged(storage, FULL, NOW + 15 * SECOND)
    assert say is None
    assert judged(storage, None, NOW + 19 * SECOND) == (Storage(), None)


def test_damage_is_certain_at_once() -> None:
    assert judged(Storage(), (Fault.DAMAGED, "row 3 missing"), NOW)[1] is Say.FAILING


def test_a_clock_that_is_set_back_puts_no_message_off() -> None:
    storage, say = judged(Storage(), FULL, NOW)
    earlier = NOW - timedelta(days=365)
    storage, say = judged(storage, FULL, earlier)
    storage, say = judged(storage, FULL, earlier + 20 * SECOND)
    assert say is Say.FAILING
    assert judged(storage, FULL, earlier - timedelta(days=1))[1] is None
    storage, _ = judged(storage, FULL, earlier - timedelta(days=1))
    assert judged(storage, FULL, earlier - timedelta(hours=23))[1] is Say.FAILING


class Line:
    """What was sent, straight; a contact in `broken` raises."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Notice]] = []
        self.broken: set[str] = set()

    async def __call__(
        self, setups: Mapping[str, Setup], notice: Notice, person: Person, contact: Contact
    ) -> Outcome:
        if contact.address in self.broken:
            raise RuntimeError
        self.sent.append((person.id, contact.kind, notice))
        return Accepted()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database with two policies; `ops` is the default."""
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, [ANNA, BEN, CLEO], [OPS, REST], {}))
    await opened.write(lambda db: installation.remember(db, "policy", "ops"))
    yield opened
    opened.close()


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def alarm(database: Database, clock: SetClock, line: Line) -> StorageAlarm:
    return StorageAlarm(database, clock, Metrics(), line, host="db-1", home="https://h.example")


def full(_db: object, _key: str, _value: object) -> None:
    """Write to a full disk."""
    raise Unavailable("database or disk is full")


def destroy(path: Path, table: str) -> None:
    """Overwrite the first page of a table."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        ((root,),) = connection.execute(query, [table]).fetchall()
        ((size,),) = connection.execute("PRAGMA page_size").fetchall()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)


async def watch(alarm: StorageAlarm, clock: SetClock, seconds: int) -> None:
    """Let so much time pass."""
    for _ in range(0, seconds, 5):
        await alarm.watch()
        clock.advance(seconds=5)


async def test_everybody_of_the_default_policy_is_told_straight(
    alarm: StorageAlarm, clock: SetClock, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watch(alarm, clock, 10)
    line.broken = {"a"}
    with monkeypatch.context() as broken:
        broken.setattr(installation, "remember", full)
        await watch(alarm, clock, 60)
    assert [(person, kind) for person, kind, _ in line.sent] == [("anna", "email"), ("ben", "ntfy")]
    failing = line.sent[0][2]
    assert failing.title == "heartbeat on db-1 cannot store anything since 03:00 UTC"
    assert failing.lines == (
        "The database says: database or disk is full.",
        "Pings are refused, and it pages nobody. You are told every hour, and when it is over.",
    )
    await watch(alarm, clock, 10)
    over = line.sent[-1][2]
    assert (over.kind, over.title, over.fine) == (
        NoticeKind.RECOVERED,
        "OK: heartbeat on db-1 can store again",
        True,
    )
    assert over.lines[1].endswith("If any was due, a report follows."), "without one, none comes"
    assert over.dedup_key == line.sent[1][2].dedup_key, "one thread for each contact"
    assert len(line.sent) == 4


async def test_a_message_that_nobody_took_is_sent_again_after_a_minute(
    alarm: StorageAlarm, clock: SetClock, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "remember", full)
    line.broken = {"a", "a@example.org", "ben"}
    await watch(alarm, clock, 60)
    line.broken = set()
    assert line.sent == []
    await watch(alarm, clock, 60)
    assert len(line.sent) == 3, "whom to tell is learnt although nothing can be written"


async def test_a_slow_write_does_not_make_the_service_unready(
    alarm: StorageAlarm, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "remember", full)
    await watch(alarm, clock, 20)
    assert alarm.working
    await watch(alarm, clock, 10)
    assert not alarm.working


async def test_without_anybody_the_operator_is_told(
    database: Database, alarm: StorageAlarm, clock: SetClock, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(lambda db: desk.install(db, [], [], {}))
    await alarm.watch()
    monkeypatch.setattr(installation, "remember", full)
    await watch(alarm, clock, 30)
    assert [person for person, _, _ in line.sent] == [OPERATOR.id]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_deleted_file_is_told(
    alarm: StorageAlarm, database: Database, clock: SetClock, line: Line
) -> None:
    await watch(alarm, clock, 5)
    await database.read(lambda _: Path(database.url.database or "").unlink())
    await watch(alarm, clock, 30)
    assert "was deleted while it was in use" in line.sent[0][2].lines[0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_damage_of_the_page_that_names_the_tables_is_told(
    alarm: StorageAlarm, clock: SetClock, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def malformed(_path: Path) -> list[str]:
        raise sqlite3.DatabaseError("malformed database schema")

    monkeypatch.setattr(sqlite_files, "tables", malformed)
    await watch(alarm, clock, 60)
    assert {sent[2].title for sent in line.sent} == {"heartbeat on db-1 has a damaged database"}
    assert alarm.working, "pings may still be stored"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_damage_that_a_transaction_meets_is_told_at_once_and_then_by_its_place(
    alarm: StorageAlarm, database: Database, clock: SetClock, line: Line
) -> None:
    await watch(alarm, clock, 5)
    path = Path(database.url.database or "")
    destroy(path, "pings")
    database.writer.dispose()
    with pytest.raises(DatabaseError):
        await database.write_pings(lambda db: db.execute(pings.delete()))
    await watch(alarm, clock, 5)
    assert {notice.title for _, _, notice in line.sent} == {"heartbeat on db-1 has a damaged database"}
    assert "Found at 03:00 UTC: database disk image is malformed." in line.sent[0][2].lines[0]

    await watch(alarm, clock, 5 * len(sqlite_files.tables(path)))
    told = len(line.sent)
    await watch(alarm, clock, 3600)
    assert line.sent[told][2].lines[0].startswith("Found at 03:00 UTC: pings: ")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_damage_that_the_walk_finds_is_told(
    alarm: StorageAlarm, database: Database, clock: SetClock, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def damage(_path: Path, table: str, _within: float) -> str | None:
        looked.append(table)
        return "checks: row 3 missing from index" if table == "checks" else None

    monkeypatch.setattr(sqlite_files, "damage", damage)
    monkeypatch.setattr(storage_alarm, "WALK_EVERY", timedelta(seconds=5))
    tables = sqlite_files.tables(Path(database.url.database or ""))
    await watch(alarm, clock, 5 * len(tables))
    assert looked == tables
    assert {notice.title for _, _, notice in line.sent} == {"heartbeat on db-1 has a damaged database"}
