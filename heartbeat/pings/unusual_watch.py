"""The watch for unusual runs: learns what is usual, and marks what is not. Pings do not wait for it.

It pages nobody by default. With `warns`, the newest run of a check that is unusual is an incident of severity warning,
until a run is usual again. One process at a time looks. A round that is cut off costs marks, and nothing else.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from alerting import desk
from alerting.incident import Facts, Symptom
from alerting.severity import Severity
from heartbeat import installation
from heartbeat.checks import cause, symptoms
from heartbeat.checks.check import Check
from heartbeat.checks.schedule import Every
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.loop import Loop
from heartbeat.measurements import band, history, mark, unusual_store
from heartbeat.measurements import store as measurements
from heartbeat.measurements.band import Hour, hour_of
from heartbeat.measurements.mark import Mark
from heartbeat.measurements.store import ByName
from heartbeat.metrics import Metrics
from heartbeat.pings import measured_pings
from heartbeat.pings import store as ping_store

EVERY: Final = 60.0
"""Seconds between two rounds."""
BATCH: Final = 50
"""Checks of one transaction. It has 8 weeks of their history in memory."""
SETTLED: Final = timedelta(seconds=5)
"""The age from which on no ping can still be on its way into the database."""
RUNS: Final = 2 * band.RUNS
"""Runs of a check that are read. Of more in one round, the oldest are not judged."""
WEEKS: Final = timedelta(weeks=band.LAST_WEEKS)
KEPT: Final = timedelta(days=90)
"""The time for which marks are kept."""
LOOKED: Final = "unusual looked until"
"""The fact of the installation with the time until which runs were looked at."""
USUAL_AGAIN: Final = "its last run was usual"


class UnusualWatch:
    """Looks at new runs, and marks the unusual ones."""

    def __init__(self, database: Database, clock: Clock, metrics: Metrics, *, warns: bool) -> None:
        self._database = database
        self._clock = clock
        self._marked = metrics.unusual_runs
        self._warns = warns
        self._loop = Loop("unusual runs", self.look, pause=lambda _: EVERY)

    async def run(self) -> None:
        """Look until cancelled."""
        await self._loop.run()

    async def look(self) -> int:
        """Look at all runs since the last round, of any process. Return the number of unusual ones."""
        until = self._clock.now() - SETTLED
        since = await self._database.write(lambda db: _take_turn(db, until))
        count, last = 0, 0
        while since is not None and (
            checks := await self._database.read(
                partial(measured_pings.newly_measured, after=last, since=since, until=until, limit=BATCH)
            )
        ):
            marks = await self._database.read(partial(judged, checks=checks, since=since))
            count += await self._database.write(partial(self._tell, checks=checks, marks=marks))
            last = checks[-1].id
        self._marked.inc(count)
        return count

    def _tell(self, db: Connection, checks: Sequence[Check], marks: Mapping[int, Sequence[Mark]]) -> int:
        now = self._clock.now()
        _clear(db, [check for check in checks if not marks[check.id]], now)
        if self._warns:
            _warn(db, [(check, marks[check.id]) for check in checks if marks[check.id]], now)
        return unusual_store.put(db, marks)


def judged(db: Connection, checks: Sequence[Check], since: datetime) -> dict[int, list[Mark]]:
    """Return the marks of the runs of these checks after a time, by the number of the check."""
    ids, today = [check.id for check in checks], history.day_of(since)
    runs = ping_store.finished_runs(db, ids, RUNS)
    # Today says nothing yet.
    days = measurements.of_checks(db, ids, today - WEEKS, today - timedelta(days=1))
    marks = {}
    for check in checks:
        zone = _zone(check)
        marks[check.id] = list(mark.of(runs[check.id], since, _by_hour(days[check.id], zone), zone))
    return marks


def _by_hour(days: ByName, zone: tzinfo) -> dict[str, dict[Hour, list[float]]]:
    """Return the middle values of days by the hour of the week, oldest first."""
    values: dict[str, dict[Hour, list[float]]] = {}
    for name, of_name in days.items():
        by_hour = values.setdefault(name, {})
        for at, spread in history.hours(of_name):
            by_hour.setdefault(hour_of(at, zone), []).append(spread.middle)
    return values


def _take_turn(db: Connection, until: datetime) -> datetime | None:
    """Return the time from which on runs are to be looked at. None if another process has just looked."""
    looked = installation.recall(db, LOOKED)
    since = until - timedelta(seconds=EVERY) if looked is None else datetime.fromisoformat(looked)
    if looked is not None and timedelta() <= until - since < timedelta(seconds=EVERY / 2):
        return None
    installation.remember(db, LOOKED, until.isoformat())
    unusual_store.forget(db, until - KEPT)
    return min(since, until)


def _zone(check: Check) -> tzinfo:
    return ZoneInfo("UTC" if isinstance(check.schedule, Every) else check.schedule.timezone)


def _warn(db: Connection, unusual: Sequence[tuple[Check, Sequence[Mark]]], now: datetime) -> None:
    if unusual:
        default, name = installation.default_policy(db), installation.name(db)
        raised = [_symptom(check, marks, check.policy or default, name) for check, marks in unusual]
        desk.raise_(db, raised, now, installation.pace(db))


def _clear(db: Connection, usual: Sequence[Check], now: datetime) -> None:
    keys = [symptoms.unusual_key_of(check.id) for check in usual]
    if raised := {symptom.key for symptom in desk.raised(db, keys)}:
        desk.clear(db, dict.fromkeys(raised, USUAL_AGAIN), now, installation.pace(db))


def _symptom(check: Check, marks: Sequence[Mark], policy: str | None, name: str | None) -> Symptom:
    """Return the symptom of a check whose run was unusual. It is an incident of its own."""
    newest = max(mark.at for mark in marks)
    why = "; ".join(mark.words for mark in marks if mark.at == newest)
    return Symptom(
        key=symptoms.unusual_key_of(check.id),
        cause_key=f"{cause.UNUSUAL}:{policy or ''}:check={check.slug}",
        incident_title=check.name,
        title=check.name,
        cause=cause.UNUSUAL,
        words=cause.in_words(cause.UNUSUAL),
        severity=Severity.WARNING,
        policy=policy,
        installation=name,
        facts=Facts(since=newest, why=why, description=check.description, runbook=check.runbook),
    )
