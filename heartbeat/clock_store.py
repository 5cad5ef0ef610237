"""The SQL of the clock: its last reading, its last step, and times that lie too far in the future."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, select, text, update

from alerting.clock_step import Step
from alerting.sql import Utc, metadata
from heartbeat import installation
from heartbeat.clock import Clock
from heartbeat.clock_reading import Reading, Witness, between
from heartbeat.tables import installation as facts

LAST = "clock"
STEP = "clock_step"
"""The facts of the installation that hold the last reading, and the last step."""
PLANNED: Mapping[str, timedelta | None] = {
    "announcements.ends_at": None,
    "announcements.starts_at": None,
    "api_keys.ends_at": None,
    "blind_spans.tell_at": timedelta(minutes=15),
    "checks.wake_at": None,
    "incidents.next_at": None,
    "incidents.settles_at": None,
    "incidents.tell_at": None,
    "incidents.waits_until": None,
    "maintenance.ends_at": None,
    "maintenance.starts_at": None,
    "one_time_links.ends_at": timedelta(hours=24),
    "overrides.ends_at": None,
    "overrides.starts_at": None,
    "pages.leased_until": None,
    "pages.next_at": None,
    "pages.not_before": None,
    "pages.onward_at": None,
    "pages.receipt_by": None,
    "polls.poll_at": timedelta(minutes=5),
    "sign_in_tries.began_at": timedelta(hours=1),
    "swaps.asked_from": None,
    "swaps.asked_until": None,
    "swaps.offered_from": None,
    "swaps.offered_until": None,
    "symptoms.held_until": None,
}
"""The columns with times that may lie in the future, and how far, where the service itself sets a limit.

All others hold what has happened.
"""
LEFT_ALONE = frozenset({"audit", "checks", "pings"})
"""Tables that no statement goes through: the audit log is only added to, checks are moved one by one, and pings soon
give way to newer ones."""


@dataclass(frozen=True, slots=True)
class Work:
    """A step of the clock, and how far it has been worked off: the stage, and the last number in it.

    It is kept when it is done, so that no other process does it again: `steps` is by how much the clock was set in all,
    this step included. None if a release wrote it that did not know.
    """

    step: Step
    steps: timedelta | None
    stage: int = 0
    number: int = 0

    def after(self, number: int | None) -> "Work":
        """Return the work after one batch: `number` is the last one, or None at the end of the stage."""
        if number is None:
            return replace(self, stage=self.stage + 1, number=0)
        return replace(self, number=number)


def reading(db: Connection, clock: Clock) -> Reading:
    """Return what the database's clock shows, and the time that has passed."""
    sent = clock.elapsed()
    answer: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    return between(answer, sent, clock.elapsed(), clock.boot)


def witness(db: Connection) -> Witness | None:
    """Return the last reading that any process has written."""
    stored = installation.recall(db, LAST)
    if stored is None:
        return None
    last = Reading(_instant(stored["at"]), stored["elapsed"], stored["boot"])
    steps = timedelta(seconds=stored.get("steps", 0.0))
    return Witness(last, _instant(stored["known_since"]), stored["stepped_at"], steps)


def write_witness(db: Connection, witness: Witness) -> None:
    """Write the last reading."""
    installation.remember(
        db,
        LAST,
        {
            "at": witness.reading.at.isoformat(),
            "elapsed": witness.reading.elapsed,
            "boot": witness.reading.boot,
            "known_since": witness.known_since.isoformat(),
            "stepped_at": witness.stepped_at,
            "steps": witness.steps.total_seconds(),
        },
    )


def work(db: Connection) -> Work | None:
    """Return the last step, locked until the transaction ends."""
    query = select(facts.c.value).where(facts.c.key == STEP).with_for_update()
    stored = db.execute(query).scalar()
    if stored is None:
        return None
    times = {name: _instant(at) for name, at in stored["step"].items()}
    steps = stored.get("steps")
    steps = None if steps is None else timedelta(seconds=steps)
    return Work(Step(**times), steps, stored["stage"], stored["number"])


def write_work(db: Connection, work: Work) -> None:
    """Write a step, and how far it has been worked off."""
    step = work.step
    times = {name: getattr(step, name).isoformat() for name in ("before", "after", "began", "known_since")}
    steps = None if work.steps is None else work.steps.total_seconds()
    installation.remember(
        db, STEP, {"step": times, "steps": steps, "stage": work.stage, "number": work.number}
    )


def clamp(db: Connection, now: datetime) -> None:
    """Bring times back that lie too far in the future: what has happened has happened by `now`."""
    for column, longest in bounded_columns():
        latest = now + longest
        db.execute(update(column.table).where(column > latest).values({column.name: latest}))


def bounded_columns() -> list[tuple[Column[Any], timedelta]]:
    """Return the columns whose times are bounded, and how far each of them may lie in the future."""
    columns = [
        (column, PLANNED.get(f"{table.name}.{column.name}", timedelta()))
        for table in metadata.sorted_tables
        if table.name not in LEFT_ALONE
        for column in table.columns
        if isinstance(column.type, Utc)
    ]
    return [(column, longest) for column, longest in columns if longest is not None]


def _instant(stored: str) -> datetime:
    return datetime.fromisoformat(stored)
