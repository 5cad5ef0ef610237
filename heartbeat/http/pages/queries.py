"""The SQL that only screens need: facts about many checks in one query, without the bodies of pings."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, case, func, or_, select

from alerting import desk
from heartbeat.checks import groups, surroundings, symptoms
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Signal, State
from heartbeat.checks.groups import AllGroups
from heartbeat.checks.history import Transition
from heartbeat.checks.labels import labelled
from heartbeat.checks.tables import STATE, checks, transitions
from heartbeat.http.pages import summary
from heartbeat.http.pages.run_strip import EndedRun
from heartbeat.http.pages.shared import Shared
from heartbeat.http.pages.summary import Count
from heartbeat.measurements import unusual_store
from heartbeat.pings.tables import pings


@dataclass(frozen=True, slots=True)
class CoveredCounts:
    """The number of checks that each of some windows covers, and the number that any of them covers."""

    each: Sequence[int]
    any: int


def count(db: Connection) -> Count:
    """Count all checks by state."""
    newest = func.max(checks.c.last_ok_at, type_=checks.c.last_ok_at.type)
    failing = func.count().filter(checks.c.failures > 0)
    missing = func.count().filter((checks.c.missed > 0) & (checks.c.failures == 0))
    query = select(STATE, func.count(), newest, failing, missing).group_by(STATE)
    rows = {State(row[0]): row for row in db.execute(query)}
    standing = [rows[state] for state in (State.NEW, State.UP) if state in rows]
    return Count(
        by_state={state: row[1] for state, row in rows.items()},
        newest_at=max((row[2] for row in rows.values() if row[2] is not None), default=None),
        failing=sum(row[3] for row in standing),
        missing=sum(row[4] for row in standing),
    )


def on_call(db: Connection, person: str, now: datetime) -> str:
    """Return the sentence that tells a person when they are on call. Empty for nobody and for those who are not."""
    if not person:
        return ""
    return summary.on_call(person, desk.policies(db).values(), desk.crew(db), now)


def by_policy(db: Connection) -> dict[str | None, int]:
    """Return the number of checks by policy; None stands for those without one."""
    rows = db.execute(select(checks.c.policy, func.count()).group_by(checks.c.policy))
    return {row[0]: int(row[1]) for row in rows}


def last_runs(db: Connection, ids: Collection[int], limit: int) -> dict[int, list[EndedRun]]:
    """Return the last `limit` pings of each check that ended a run, without their bodies."""
    rank = func.row_number().over(partition_by=pings.c.check_id, order_by=pings.c.n.desc())
    columns = (pings.c.check_id, pings.c.n, pings.c.at, pings.c.kind, pings.c.duration)
    ends = pings.c.kind.in_([Signal.SUCCESS, Signal.FAIL])
    ranked = select(*columns, rank.label("place")).where(pings.c.check_id.in_(ids), ends).subquery()
    rows = db.execute(select(ranked).where(ranked.c.place <= limit)).all()
    oldest = min((row.at for row in rows), default=None)
    marks = unusual_store.of_checks(db, ids, oldest) if oldest else {}
    unusual = {(check_id, mark.at): mark.words for check_id, found in marks.items() for mark in found}
    runs: dict[int, list[EndedRun]] = {number: [] for number in ids}
    for row in rows:
        duration = None if row.duration is None else timedelta(seconds=row.duration)
        note = unusual.get((row.check_id, row.at), "")
        runs[row.check_id].append(EndedRun(row.n, row.at, Signal(row.kind), duration, note))
    return runs


def last_transitions(db: Connection, ids: Collection[int], limit: int) -> dict[int, list[Transition]]:
    """Return the last `limit` changes of state of each check."""
    rank = func.row_number().over(partition_by=transitions.c.check_id, order_by=transitions.c.id.desc())
    ranked = select(transitions, rank.label("place")).where(transitions.c.check_id.in_(ids)).subquery()
    changes: dict[int, list[Transition]] = {number: [] for number in ids}
    for row in db.execute(select(ranked).where(ranked.c.place <= limit)).all():
        cause = Cause(row.cause) if row.cause else None
        changes[row.check_id].append(Transition(row.check_id, row.at, State(row.state), cause, row.why))
    return changes


def all_groups(db: Connection, shared: Shared, now: datetime) -> AllGroups:
    """Return all groups in numbers, as all readers share them."""
    everything = shared.everything(db, now)
    return everything.fact(
        "groups", lambda: groups.all_groups(db, now, surroundings.UNEASY, everything.roll.late)
    )


def slugs(db: Connection, keys: Collection[str]) -> dict[str, str]:
    """Return the slug of the check by the key of its symptom, for the checks that still exist."""
    ids = symptoms.check_ids(keys)
    rows = db.execute(select(checks.c.id, checks.c.slug).where(checks.c.id.in_(set(ids.values()))))
    slug_of = {row.id: row.slug for row in rows}
    return {key: slug_of[number] for key, number in ids.items() if number in slug_of}


def covered(db: Connection, matches: Sequence[Mapping[str, str]]) -> CoveredCounts:
    """Count, in one query, the checks that have all labels of each match, and those that fit any match."""
    if not matches:
        return CoveredCounts([], 0)
    conditions = [and_(*labelled(db, match)) for match in matches]
    sums = [func.coalesce(func.sum(case((condition, 1), else_=0)), 0) for condition in conditions]
    query = select(*sums, func.count()).select_from(checks).where(or_(*conditions))
    *each, every = (int(number) for number in db.execute(query).one())
    return CoveredCounts(each, every)
