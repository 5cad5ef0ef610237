"""Refused sign-ins in the audit log: strangers add few rows, however often they are refused."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from heartbeat import audit
from heartbeat.access import refusal_log
from heartbeat.access.refusal_log import KINDS, SEVERAL, RefusalLog
from heartbeat.audit import AuditEntry
from heartbeat.database import Database, Unavailable
from tests.unit.conftest import NOW


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


async def deeds(database: Database) -> list[AuditEntry]:
    """The rows of the audit log, oldest first."""
    return (await database.read(lambda db: audit.listed(db, limit=500)))[::-1]


async def test_the_first_refusal_is_written_at_once_and_the_others_as_a_sum(database: Database) -> None:
    log = RefusalLog()
    for second in range(500):
        at = NOW + timedelta(seconds=second)
        await log.note(database, None, "password", f"192.0.2.{second % 5}", at)
    (first,) = await deeds(database)
    assert (first.actor, first.target, first.remote) == ("nobody", "unknown user", "192.0.2.0")
    assert first.after == {"wrong": "password"}

    await log.settle()
    _, others = await deeds(database)
    assert (others.action, others.actor, others.target) == ("sign_in.refuse", "nobody", "unknown user")
    assert (others.remote, others.at) == ("192.0.2.4", NOW + timedelta(seconds=499))
    since = (NOW + timedelta(seconds=1)).isoformat()
    assert others.after == {"wrong": "password", "times": 499, "addresses": 5, "since": since}


async def test_refusals_that_go_on_are_one_row_in_each_interval(database: Database) -> None:
    log = RefusalLog()
    for _ in range(3):
        for _ in range(30):
            await log.note(database, "anna", "password", "192.0.2.1", NOW)
        await log.settle()
    rows = [(row.after or {}).get("times") for row in await deeds(database)]
    assert rows == [None, 29, 30, 30]


async def test_refusals_that_begin_again_are_written_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal_log, "EVERY", 0)
    log = RefusalLog()
    await log.note(database, "anna", "password", "192.0.2.1", NOW)
    await log.settle()
    await log.note(database, "anna", "password", "192.0.2.1", NOW)
    assert [(row.after or {}).get("times") for row in await deeds(database)] == [None, None]


async def test_each_user_and_reason_is_told_apart_as_far_as_they_are_few(database: Database) -> None:
    log = RefusalLog()
    for round_ in range(3):
        for number in range(KINDS + 50):
            at = NOW + timedelta(seconds=round_)
            await log.note(database, f"user-{number}", "password", "2001:db8::1", at)
    await log.settle()
    rows = await deeds(database)
    assert len(rows) == 2 * (KINDS + 1)
    (several,) = (row for row in rows if row.target == SEVERAL and "times" in (row.after or {}))
    assert several.actor == "nobody"
    assert (several.after or {})["times"] == 3 * 50 - 1


async def test_the_addresses_of_one_network_count_once(database: Database) -> None:
    log = RefusalLog()
    for number in range(20):
        await log.note(database, None, "password", f"2001:db8::{number:x}", NOW)
    await log.settle()
    assert ((await deeds(database))[-1].after or {})["addresses"] == 1


async def test_a_database_that_is_away_ends_no_sums(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = RefusalLog()
    await log.note(database, None, "password", "192.0.2.1", NOW)
    await log.note(database, None, "password", "192.0.2.1", NOW)
    with monkeypatch.context() as away:

        async def write(_work: object) -> None:
            raise Unavailable("away")

        away.setattr(database, "write", write)
        await log.settle()
    await log.note(database, None, "password", "192.0.2.1", NOW)
    await log.settle()
    _, others = await deeds(database)
    assert (others.after or {})["times"] == 2
