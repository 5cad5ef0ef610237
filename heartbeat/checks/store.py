"""The SQL of checks: loading, claiming what is due, saving decisions. The ping path has its own room, `pings.store`."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, ScalarSelect, String, case, delete, func, select

from alerting.origin import Origin
from alerting.severity import Severity
from alerting.sql import among, earliest, insert_many, update_many
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Run, State
from heartbeat.checks.tables import checks

SEVERITIES = tuple(Severity)
_COLUMNS = tuple(checks.c.keys())


@dataclass(frozen=True, slots=True)
class Group:
    """How many checks share a fate, how many of them are well, and when the newest of these was heard."""

    key: str
    total: int
    alive: int
    newest_at: datetime | None


def claim_due(db: Connection, now: datetime, limit: int) -> list[Check]:
    """Up to `limit` checks whose `wake_at` has come, worst and oldest first, that nobody else is working on."""
    claimed: list[Check] = []
    for rank, first in enumerate(db.execute(select(*_first_wakes())).one()):
        if first is None or first > now or len(claimed) >= limit:
            continue
        query = (
            select(checks)
            .where(checks.c.severity_rank == rank, checks.c.wake_at <= now)
            .order_by(checks.c.wake_at)
            .limit(limit - len(claimed))
            .with_for_update(skip_locked=True)
        )
        claimed += [check_of(row) for row in db.execute(query).all()]
    return claimed


def next_due(db: Connection) -> datetime | None:
    """When the first check must be looked at."""
    firsts = db.execute(select(*_first_wakes())).one()
    return min((at for at in firsts if at is not None), default=None)


def _first_wakes() -> list[ScalarSelect[datetime]]:
    """When the first check of each severity must be looked at, worst severity first."""
    ranks = range(len(SEVERITIES))
    return [earliest(checks.c.wake_at, checks.c.severity_rank == rank) for rank in ranks]


def move_wake(db: Connection, moved: Iterable[Check]) -> None:
    """Write only when each check is looked at next."""
    update_many(db, checks, [{"id": one.id, "wake_at": one.wake_at} for one in moved])


def save(db: Connection, changed: Iterable[Check]) -> None:
    """Write what may change in a check's life, not its definition."""
    update_many(db, checks, [{"id": one.id, **_living_row(one)} for one in changed])


def save_definitions(db: Connection, changed: Iterable[Check]) -> None:
    """Write definition and life of checks that exist."""
    update_many(db, checks, [{"id": one.id, **_definition_row(one), **_living_row(one)} for one in changed])


def insert(db: Connection, fresh: Iterable[Check]) -> dict[str, int]:
    """Write new checks; their numbers by slug. A slug that exists already is left as it is and left out."""
    rows = [{"uuid": one.uuid, **_definition_row(one), **_living_row(one)} for one in fresh]
    if db.dialect.name == "sqlite":
        rows = [row | {"uuid": row["uuid"].hex} for row in rows]
    made = insert_many(
        db, checks, rows, on_conflict="ON CONFLICT (slug) DO NOTHING", returning=("id", "slug")
    )
    return {slug: number for number, slug in made}


def remove(db: Connection, ids: Collection[int]) -> None:
    """Delete checks with all that was heard of them."""
    db.execute(delete(checks).where(checks.c.id.in_(ids)))


def lock(db: Connection, ids: Collection[int]) -> list[Check]:
    """These checks, locked until the transaction ends."""
    query = select(checks).where(checks.c.id.in_(ids)).order_by(checks.c.id).with_for_update()
    return [check_of(row) for row in db.execute(query)]


def lock_slugs(db: Connection, slugs: Collection[str]) -> list[Check]:
    """Those of these checks that there are, locked until the transaction ends."""
    query = select(checks).where(checks.c.slug.in_(slugs)).order_by(checks.c.id).with_for_update()
    return [check_of(row) for row in db.execute(query)]


def lock_after(db: Connection, after: int, limit: int) -> list[Check]:
    """The next checks by number, locked until the transaction ends."""
    query = select(checks).where(checks.c.id > after).order_by(checks.c.id).limit(limit).with_for_update()
    return [check_of(row) for row in db.execute(query)]


def lock_all(db: Connection) -> dict[str, Check]:
    """Every check by slug, locked: for a change of the configuration."""
    return {
        row.slug: check_of(row) for row in db.execute(select(checks).order_by(checks.c.id).with_for_update())
    }


def load(db: Connection, name: str | UUID) -> Check | None:
    """One check by its slug or uuid."""
    found = checks.c.uuid == name if isinstance(name, UUID) else checks.c.slug == name
    row = db.execute(select(checks).where(found)).one_or_none()
    return None if row is None else check_of(row)


def listed(
    db: Connection,
    *,
    limit: int,
    after: str = "",
    state: State | None = None,
    slugs: Collection[str] | None = None,
) -> list[Check]:
    """Checks by slug. `after` is the slug to go on from. A state is a stored one (late is not)."""
    query = select(checks).where(checks.c.slug > after).order_by(checks.c.slug).limit(limit)
    if state is not None:
        query = query.where(checks.c.state == state.value)
    if slugs is not None:
        query = query.where(checks.c.slug.in_(slugs))
    return [check_of(row) for row in db.execute(query)]


def count_by_state(db: Connection) -> dict[State, int]:
    """How many checks there are in each stored state."""
    query = select(checks.c.state, func.count()).group_by(checks.c.state)
    return {State(state): count for state, count in db.execute(query)}


def groups(db: Connection, keys: Collection[str]) -> dict[str, Group]:
    """What is known of each of these groups. A paused check is neither alive nor counted."""
    alive = case((checks.c.state == State.UP, 1), else_=0)
    newest = case((checks.c.state == State.UP, checks.c.last_ok_at), else_=None)
    query = (
        select(
            checks.c.group_key,
            func.count(),
            func.sum(alive),
            func.max(newest, type_=checks.c.last_ok_at.type),
        )
        .where(checks.c.group_key.in_(keys), checks.c.state != State.PAUSED)
        .group_by(checks.c.group_key)
    )
    return {row[0]: Group(row[0], row[1], int(row[2]), row[3]) for row in db.execute(query)}


def neighbours(db: Connection, key: str, limit: int) -> list[str]:
    """Up to `limit` other groups by the same labels, next in order and round again, one index probe each."""
    prefix = key.partition("=")[0] + "="
    found: list[str] = []
    last = key
    while len(found) < limit:
        query = select(func.min(checks.c.group_key, type_=String)).where(
            checks.c.group_key > last, checks.c.group_key.like(prefix + "%")
        )
        following: str | None = db.execute(query).scalar()
        if following is None and last >= key:
            last = prefix
            continue
        if following is None or following == key or following in found:
            break
        found.append(following)
        last = following
    return found


def down_with(db: Connection, matches: Iterable[Mapping[str, str]]) -> list[Check]:
    """The checks that are down and have all labels of one of these."""
    found: dict[int, Check] = {}
    for match in matches:
        labelled = [checks.c.labels[label].as_string() == value for label, value in match.items()]
        for row in db.execute(select(checks).where(checks.c.state == State.DOWN, *labelled)):
            found[row.id] = check_of(row)
    return list(found.values())


def count_with(db: Connection, match: Mapping[str, str]) -> int:
    """How many checks have all of these labels."""
    labelled = [checks.c.labels[label].as_string() == value for label, value in match.items()]
    return db.execute(select(func.count()).select_from(checks).where(*labelled)).scalar_one()


def labels_of(db: Connection, ids: Collection[int]) -> dict[int, dict[str, str]]:
    """The labels of each of these checks."""
    query = select(checks.c.id, checks.c.labels).where(among(db, checks.c.id, ids))
    return {row.id: row.labels for row in db.execute(query)}


def uuids(db: Connection, slugs: Collection[str]) -> dict[str, str]:
    """The uuid, as 32 hex digits, of each check with one of these slugs."""
    rows = db.execute(select(checks.c.slug, checks.c.uuid).where(checks.c.slug.in_(slugs)))
    return {row.slug: row.uuid.hex for row in rows}


def lock_uuids(db: Connection, wanted: Collection[UUID]) -> list[Check]:
    """The checks with these uuids, locked until the transaction ends."""
    query = select(checks).where(among(db, checks.c.uuid, wanted)).order_by(checks.c.id).with_for_update()
    return [check_of(row) for row in db.execute(query)]


def naming_policy(db: Connection, policy: str | None) -> str | None:
    """The first check that names this policy, or that names none."""
    query = select(func.min(checks.c.slug, type_=String)).where(checks.c.policy == policy)
    return db.execute(query).scalar()


def check_of(row: Row[Any]) -> Check:
    """A check from a whole row: most columns are fields of the same name, the others are read here."""
    kept = dict(zip(_COLUMNS, row, strict=True))
    max_runtime = kept["max_runtime"]
    kept |= {
        "grace": timedelta(seconds=kept["grace"]),
        "max_runtime": None if max_runtime is None else timedelta(seconds=max_runtime),
        "severity": SEVERITIES[kept.pop("severity_rank")],
        "origin": Origin(kept["origin"]),
        "state": State(kept["state"]),
        "cause": Cause(kept["cause"]) if kept["cause"] else None,
        "runs": tuple(_run(run) for run in kept["runs"] or ()),
    }
    return Check(**kept)


def _run(kept: dict[str, Any]) -> Run:
    return Run(kept["rid"], datetime.fromisoformat(kept["started_at"]), kept["overran"])


def _living_row(check: Check) -> dict[str, Any]:
    runs = [asdict(run) | {"started_at": run.started_at.isoformat()} for run in check.runs]
    return {
        "state": check.state.value,
        "cause": check.cause.value if check.cause else None,
        "since": check.since,
        "armed_at": check.armed_at,
        "last_ok_at": check.last_ok_at,
        "last_fail_at": check.last_fail_at,
        "last_other_at": check.last_other_at,
        "pings": check.pings,
        "runs": runs or None,
        "wake_at": check.wake_at,
    }


def _definition_row(check: Check) -> dict[str, Any]:
    return {
        "slug": check.slug,
        "name": check.name,
        "description": check.description,
        "labels": check.labels,
        "group_key": check.group_key,
        "schedule": check.schedule,
        "grace": check.grace.total_seconds(),
        "max_runtime": check.max_runtime.total_seconds() if check.max_runtime is not None else None,
        "severity_rank": check.severity.rank,
        "policy": check.policy,
        "manual_resume": check.manual_resume,
        "origin": check.origin.value,
    }
