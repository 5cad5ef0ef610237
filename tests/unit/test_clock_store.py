"""Every time that the database holds is a fact, or planned: nothing that has happened lies in the future."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection, select

import heartbeat.app  # noqa: F401  # registers the tables of all rooms
from alerting.clock_step import Step
from alerting.sql import Utc, metadata
from heartbeat import clock_store
from heartbeat.access import users
from heartbeat.access.tables import one_time_links, sessions
from heartbeat.clock_reading import Reading, Witness
from heartbeat.clock_store import LEFT_ALONE, PLANNED, Work
from tests.unit.conftest import NOW

HOUR, YEAR = timedelta(hours=1), timedelta(days=365)
FACTS = frozenset(
    (
        "acknowledged_at",
        "asked_at",
        "at",
        "began_at",
        "added_at",
        "changed_at",
        "cleared_at",
        "confirmed_at",
        "created_at",
        "delivered_at",
        "disabled_at",
        "dropped_at",
        "ended_at",
        "failing_since",
        "first_at",
        "last_at",
        "last_heard_at",
        "last_in_at",
        "last_used_at",
        "made_at",
        "monitoring_at",
        "next_at",
        "opened_at",
        "proven_at",
        "published_at",
        "raised_at",
        "read_at",
        "receipt_at",
        "recovered_at",
        "resolved_at",
        "seen_at",
        "sent_at",
        "since",
        "told_at",
        "tried_at",
    )
)
"""The names of columns that hold what has happened, and of mails that wait: they are sent at once instead."""


def test_every_time_of_the_database_is_a_fact_or_planned() -> None:
    times = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        if table.name not in LEFT_ALONE
        for column in table.columns
        if isinstance(column.type, Utc)
    }
    unknown = {name for name in times - PLANNED.keys() if name.partition(".")[2] not in FACTS}
    assert unknown == set(), "say in PLANNED if it may lie in the future, or here that it has happened"
    assert {name for name in PLANNED.keys() - times if name.partition(".")[0] not in LEFT_ALONE} == set()


def test_times_too_far_in_the_future_come_back(db: Connection) -> None:
    session = {"hash": "a", "proof": "b", "how": "key", "remote": "", "agent": ""}
    db.execute(sessions.insert().values(**session, made_at=NOW + YEAR, seen_at=NOW + YEAR))
    db.execute(one_time_links.insert().values(hash="a", made_at=NOW + YEAR, ends_at=NOW + YEAR + HOUR))
    db.execute(one_time_links.insert().values(hash="b", made_at=NOW - HOUR, ends_at=NOW + HOUR))
    clock_store.clamp(db, NOW)
    assert db.execute(select(sessions.c.made_at, sessions.c.seen_at)).one() == (NOW, NOW)
    links = select(one_time_links.c.made_at, one_time_links.c.ends_at).order_by(one_time_links.c.hash)
    assert db.execute(links).all() == [(NOW, NOW + users.LINK_LASTS), (NOW - HOUR, NOW + HOUR)]


def test_the_last_reading_and_the_last_step_are_kept(db: Connection) -> None:
    assert (clock_store.witness(db), clock_store.work(db)) == (None, None)
    witness = Witness(Reading(NOW, 5.0, "this start"), NOW - HOUR, 2.0, 2 * HOUR)
    work = Work(Step(NOW, NOW + HOUR, NOW + HOUR, NOW - HOUR), 2 * HOUR, 1, 7)
    for kept in (work, work.after(12), work.after(None)):
        clock_store.write_work(db, kept)
        clock_store.write_witness(db, witness)
        assert clock_store.work(db) == kept
    assert clock_store.work(db) == replace(work, stage=2, number=0)
    assert clock_store.witness(db) == witness
