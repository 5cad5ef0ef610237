"""The log: lines for people and for machines, and the life of an incident, logged once and only after its commit."""

import io
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from alerting import after_commit
from heartbeat import logs
from heartbeat.database import Database, transact
from heartbeat.settings import Settings
from tests.unit.conftest import NOW

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def written() -> Iterator[Callable[..., list[str]]]:
    """Begins a log in a format; afterwards the lines so far. The log of the tests is put back in the end."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    stream = io.StringIO()

    def lines(**settings: Any) -> list[str]:
        if settings:
            logs.begin(Settings(**settings), stream)
        return stream.getvalue().splitlines()

    yield lines
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook = hook


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, make_database_url: Callable[[str], str]) -> Iterator[Database]:
    """A database with one person and one policy."""
    opened = Database(make_database_url(request.param))
    yield opened
    opened.close()


def events(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """The lines about incidents and pages so far, each with what it knows beside its words."""
    return [
        (record.getMessage(), {name: value for name, value in vars(record).items() if name in FIELDS})
        for record in caplog.records
        if hasattr(record, "event")
    ]


FIELDS = {
    "event",
    "incident",
    "incidents",
    "page",
    "pages",
    "check",
    "checks",
    "count",
    "person",
    "notifier",
    "kind",
    "outcome",
    "by",
}


def test_a_line_for_people(written: Callable[..., list[str]]) -> None:
    written(log_format="text")
    logging.getLogger("some.room").info("incident %d opened", 12, extra={"incident": 12})
    logging.getLogger("some.room").warning("a name with\na break\rin it")
    (first, second) = written()

    assert first.endswith(" INFO some.room: incident 12 opened")
    assert second.endswith(" WARNING some.room: a name with\\na break\\rin it")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_line_has_a_key(written: Callable[..., list[str]], log_format: str) -> None:
    admin, old, password = (
        "an-admin-key-for-tests",
        "a-secret-key-that-is-replaced-now",
        "of the/database & long",
    )
    written(
        log_format=log_format,
        admin_key=admin,
        secret_keys_before=(old,),
        database_url=f"postgresql://heartbeat:{quote(password, safe='')}@db/heartbeat",
        outside_url="https://hc.example.com/secret-of-it",
        environment={"HEARTBEAT_PING_KEY": "a-ping-key-of-the-tests"},
    )
    some = logging.getLogger("some.room")
    uuid = "f7a0c980-65d9-4075-a996-6b8a016b00bb"
    key = "hb_0pVn3vXb9mKQz7fJ2sYhT4wLdRcE6gAu"
    some.error(
        "%s and %s", admin, quote(password, safe=""), extra={"url": "https://hc.example.com/secret-of-it"}
    )
    some.error("GET /ping/a-word-as-key/job, /ping/%s?create=1, /join/abcDEF-1, /answer/1.2.x.y", uuid)
    try:
        raise ValueError(f"bad key {key} beside {old}")
    except ValueError:
        some.exception("with a-ping-key-of-the-tests")
    text = "\n".join(written())
    for secret in (
        admin,
        old,
        password,
        quote(password, safe=""),
        "secret-of-it",
        "a-ping-key",
        "a-word-as-key",
    ):
        assert secret not in text
    for secret in (uuid, "abcDEF", "1.2.x.y", key):
        assert secret not in text
    assert "hb_0pVn3v…" in text
    assert "/ping/…/job" in text


HOSTILE = "\x1b]0;x\x07\x1b[2J\x9b31m\x7f\u202eevil\u2066\x00"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_line_has_what_a_terminal_obeys(written: Callable[..., list[str]], log_format: str) -> None:
    written(log_format=log_format)
    try:
        raise ValueError(f"{HOSTILE}\n2026-01-01 00:00:00,000 INFO forged: all is well")
    except ValueError:
        logging.getLogger("some.room").exception("a name: %s", HOSTILE, extra={"check": HOSTILE})
    text = "\n".join(written())
    assert not any(mark in text for mark in HOSTILE if mark not in "]0;x[2J31mevil")
    assert "\\x9b31m" in text if log_format == "text" else json.loads(text)["check"] == HOSTILE
    assert not any(line.startswith("2026-01-01") for line in text.splitlines())


def test_a_line_for_machines(written: Callable[..., list[str]]) -> None:
    start = datetime.now(UTC) - timedelta(milliseconds=1)
    written(log_format="json")
    extra = {"incident": 12, "at": NOW, "level": "not ours"}
    logging.getLogger("some.room").info("opened: %s", "Größe\n", extra=extra)
    (line,) = written()

    read = json.loads(line)
    assert start <= datetime.fromisoformat(read.pop("time")) <= datetime.now(UTC)
    assert read == {
        "level": "INFO",
        "logger": "some.room",
        "message": "opened: Größe\n",
        "incident": 12,
        "at": str(NOW),
    }


def test_an_exception_is_one_member_of_one_line(written: Callable[..., list[str]]) -> None:
    written(log_format="json")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("some.room").exception("a stage failed", extra={"stage": "checker"})
    (line,) = written()

    read = json.loads(line)
    assert (read["level"], read["message"], read["stage"]) == ("ERROR", "a stage failed", "checker")
    assert read["exception"].startswith("Traceback")
    assert read["exception"].endswith("ValueError: broken")


def test_a_process_that_dies_says_so_in_the_same_format(written: Callable[..., list[str]]) -> None:
    written(log_format="json")
    try:
        raise RuntimeError("the end")
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)

    (read,) = map(json.loads, written())
    assert (read["level"], read["message"]) == ("CRITICAL", "the process ends")
    assert "RuntimeError: the end" in read["exception"]


def test_libraries_log_only_warnings_in_the_same_format(written: Callable[..., list[str]]) -> None:
    written(log_format="json")
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("uvicorn.error").error("Exception in ASGI application")
    logging.getLogger("httpx").info("HTTP Request: GET https://example.com/secret")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("this will go", DeprecationWarning, stacklevel=1)
    read = [json.loads(line) for line in written()]

    assert [line["logger"] for line in read] == ["uvicorn.error", "py.warnings"]


def test_warnings_of_one_kind_do_not_flood_the_log(
    written: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("time.time", lambda: now)
    monkeypatch.setattr("time.time_ns", lambda: int(now * 1e9))
    written(log_format="text")

    def flood() -> None:
        for number in range(500):
            logging.getLogger("some.room").warning("bad input %d", number)

    flood()
    logging.getLogger("some.room").warning("another kind")
    for number in range(30):
        logging.getLogger("some.room").warning("page %d", number, extra={"event": "attempt"})
        logging.getLogger("some.room").info("line %d", number)
    now = 1_060.0
    flood()

    lines = [line.partition(": ")[2] for line in written()]
    assert lines[:21] == [*(f"bad input {number}" for number in range(logs.FLOOD)), "another kind"]
    assert len(lines[21:]) == 60 + logs.FLOOD
    assert lines[81:83] == ["bad input 0 (and 480 more like this before)", "bad input 1"]


def test_the_level_is_that_of_the_settings(written: Callable[..., list[str]]) -> None:
    written(log_format="json", log_level="ERROR")
    logging.getLogger("some.room").warning("nothing much")
    assert written() == []


def test_a_rolled_back_transaction_is_not_logged(database: Database) -> None:
    acts: list[str] = []

    def broken(db: Connection) -> None:
        after_commit.then(db, lambda: acts.append("never"))
        raise ValueError("rolled back")

    with pytest.raises(ValueError, match="rolled back"):
        transact(database.writer, broken)
    transact(database.writer, lambda db: after_commit.then(db, lambda: acts.append("once")))
    transact(database.writer, lambda db: None)

    assert acts == ["once"]


def test_an_error_of_the_database_contains_no_values(database: Database) -> None:
    statement = text("INSERT INTO no_such_table VALUES (:body)")
    with pytest.raises(DBAPIError, match="no_such_table") as refused, database.writer.begin() as db:
        db.execute(statement, {"body": "a body of a job"})
    assert "a body of a job" not in str(refused.value)
