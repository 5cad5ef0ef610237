"""The SQL of checks: loading them, claiming due ones, saving decisions. Pings have their own room, `pings.store`."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Row,
    Select,
    String,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
    update,
)

from alerting.origin import Origin
from alerting.severity import Severity
from alerting.sql import among, earliest, insert_many, update_many
from heartbeat.checks import dependency, former_slugs, level_store, progress, rule_grammar, spread
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import (
    NONE_COUNTED,
    Check,
    Fault,
    Measure,
    Raised,
    RecentRuns,
    Run,
    State,
    Tolerance,
)
from heartbeat.checks.labels import labelled
from heartbeat.checks.tables import UNKNOWN, checks, in_state

SEVERITIES = tuple(Severity)
_COLUMNS = tuple(checks.c.keys())


def claim_due(db: Connection, now: datetime, limit: int) -> list[Check]:
    """Lock and return up to `limit` checks whose `wake_at` has come, most severe and oldest first.

    Checks that another transaction has locked are skipped.
    """
    claimed: list[Check] = []
    for rank, first in sorted(_first_wakes(db).items()):
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
    """Return the earliest `wake_at`, or None if no check has one."""
    return min((at for at in _first_wakes(db).values() if at is not None), default=None)


def _first_wakes(db: Connection) -> dict[int, datetime | None]:
    """Return the earliest `wake_at` of each severity by its rank, the most severe first."""
    return {row.rank: row.wake_at for row in db.execute(_first_wake_of_each())}


@cache
def _first_wake_of_each() -> Select[*tuple[Any, ...]]:
    """Return a query with a row for each severity: so PostgreSQL plans the search once, and not for each."""
    ranks: CompoundSelect[tuple[int]] = union_all(
        *(select(literal_column(str(rank)).label("rank")) for rank in range(len(SEVERITIES)))
    )
    each = ranks.subquery("ranks")
    first = earliest(checks.c.wake_at, checks.c.severity_rank == each.c.rank).label("wake_at")
    return select(each.c.rank, first).select_from(each)


def move_wake(db: Connection, moved: Iterable[Check]) -> None:
    """Write only the `wake_at` of these checks."""
    update_many(db, checks, [{"id": check.id, "wake_at": check.wake_at} for check in moved])


def save(db: Connection, changed: Iterable[Check]) -> None:
    """Write the state of existing checks, not their definitions."""
    update_many(db, checks, [{"id": check.id, **_state_row(check)} for check in changed])


def save_definitions(db: Connection, changed: Iterable[Check]) -> None:
    """Write the definitions and states of existing checks."""
    changed = list(changed)
    rows = [{"id": check.id, **_definition_row(check), **_state_row(check)} for check in changed]
    update_many(db, checks, rows)
    former_slugs.replace(db, {check.id: check.formerly for check in changed})
    level_store.note(db, (check.group_key for check in changed))


def vacate(db: Connection, renamed: Iterable[Check]) -> None:
    """Take the slugs of these checks away, so that they can exchange them. `save_definitions` gives them others."""
    update_many(db, checks, [{"id": check.id, "slug": check.uuid.hex} for check in renamed])


def insert(db: Connection, new: Iterable[Check]) -> dict[str, int]:
    """Insert new checks and return their numbers by slug. Slugs that exist already are left alone and left out."""
    new = list(new)
    rows = [{"uuid": check.uuid, **_definition_row(check), **_state_row(check)} for check in new]
    if db.dialect.name == "sqlite":
        rows = [row | {"uuid": row["uuid"].hex} for row in rows]
    inserted = insert_many(
        db, checks, rows, on_conflict="ON CONFLICT (slug) DO NOTHING", returning=("id", "slug")
    )
    numbers = {slug: number for number, slug in inserted}
    level_store.note(db, (check.group_key for check in new))
    former_slugs.replace(
        db, {numbers[check.slug]: check.formerly for check in new if check.formerly and check.slug in numbers}
    )
    return numbers


def remove(db: Connection, ids: Collection[int]) -> None:
    """Delete checks with their pings and state changes."""
    db.execute(delete(checks).where(checks.c.id.in_(ids)))


def lock(db: Connection, ids: Collection[int]) -> list[Check]:
    """Return the checks with these numbers, locked until the transaction ends."""
    query = select(checks).where(checks.c.id.in_(ids)).order_by(checks.c.id).with_for_update()
    return [check_of(row) for row in db.execute(query)]


def load_ids(db: Connection, ids: Collection[int]) -> list[Check]:
    """Return the checks with these numbers, not locked."""
    return [check_of(row) for row in db.execute(select(checks).where(among(db, checks.c.id, ids)))]


def lock_slugs(db: Connection, slugs: Collection[str]) -> list[Check]:
    """Return the checks with these slugs, locked until the transaction ends."""
    query = select(checks).where(checks.c.slug.in_(slugs)).order_by(checks.c.id).with_for_update()
    return [check_of(row) for row in db.execute(query)]


def lock_after(db: Connection, number: int, limit: int, later_than: datetime | None = None) -> list[Check]:
    """Return up to `limit` checks with higher numbers, locked until the transaction ends.

    With `later_than`, only those of which anything is said to have happened after that time. Of many that are expected
    anew, the last are expected a while later.
    """
    query = select(checks).where(checks.c.id > number).order_by(checks.c.id).limit(limit).with_for_update()
    if later_than is not None:
        facts = (checks.c.since, checks.c.last_ok_at, checks.c.last_fail_at, checks.c.last_other_at)
        expected_later = checks.c.armed_at > later_than + spread.LONGEST
        query = query.where(or_(expected_later, *(at > later_than for at in facts)))
    return [check_of(row) for row in db.execute(query)]


def lock_all(db: Connection) -> dict[str, Check]:
    """Return every check by slug, locked until the transaction ends."""
    return {
        row.slug: check_of(row) for row in db.execute(select(checks).order_by(checks.c.id).with_for_update())
    }


def load(db: Connection, name: str | UUID) -> Check | None:
    """Return the check with this slug or uuid."""
    column = checks.c.uuid if isinstance(name, UUID) else checks.c.slug
    row = db.execute(select(checks).where(column == name)).one_or_none()
    return None if row is None else check_of(row)


def listed(
    db: Connection,
    *,
    limit: int,
    after: str = "",
    state: State | None = None,
    slugs: Collection[str] | None = None,
) -> list[Check]:
    """Return checks ordered by slug, from the first slug after `after`. `state` is a stored one: `LATE` finds none."""
    query = select(checks).where(checks.c.slug > after).order_by(checks.c.slug).limit(limit)
    if state is not None:
        query = query.where(in_state(state))
    if slugs is not None:
        query = query.where(checks.c.slug.in_(slugs))
    return [check_of(row) for row in db.execute(query)]


def count_by_state(db: Connection) -> dict[State, int]:
    """Count the checks in each stored state."""
    query = select(checks.c.state, func.count()).group_by(checks.c.state)
    counts = {State(state): count for state, count in db.execute(query)}
    unknown = count_unknown(db)
    if unknown:
        counts |= {State.UNKNOWN: unknown, State.NEW: counts[State.NEW] - unknown}
    return counts


def more_than(db: Connection, number: int) -> bool:
    """Return True if there are more checks. It reads no more than `number` of them."""
    return db.scalar(select(literal(1)).select_from(checks).offset(number).limit(1)) is not None


def count_unknown(db: Connection) -> int:
    """Count the checks that could not be heard when they were due, and were not heard since."""
    query = select(func.count()).select_from(checks).where(checks.c.unheard, UNKNOWN)
    return db.execute(query).scalar_one()


def count_created_by_pings(db: Connection) -> int:
    """Count the checks that their first pings created and that nobody has defined since."""
    query = select(func.count()).select_from(checks).where(checks.c.origin == Origin.PING)
    return db.execute(query).scalar_one()


def down_with(db: Connection, matches: Iterable[Mapping[str, str]]) -> list[Check]:
    """Return the checks that are down and have all labels of one of these matches."""
    down: dict[int, Check] = {}
    for match in matches:
        for row in db.execute(select(checks).where(checks.c.state == State.DOWN, *labelled(db, match))):
            down[row.id] = check_of(row)
    return list(down.values())


def count_with(db: Connection, match: Mapping[str, str]) -> int:
    """Count the checks that have all of these labels."""
    return db.execute(select(func.count()).select_from(checks).where(*labelled(db, match))).scalar_one()


def labels_of(db: Connection, ids: Collection[int]) -> dict[int, dict[str, str]]:
    """Return the labels of these checks, by number."""
    query = select(checks.c.id, checks.c.labels).where(among(db, checks.c.id, ids))
    return {row.id: row.labels for row in db.execute(query)}


def worst_severity(db: Connection, policies: Collection[str], *, unnamed: bool) -> Severity | None:
    """Return the worst severity of the checks with these policies; with `unnamed` also of those without one."""
    condition = among(db, checks.c.policy, policies)
    if unnamed:
        condition |= checks.c.policy.is_(None)
    rank = db.execute(select(func.min(checks.c.severity_rank)).where(condition)).scalar()
    return None if rank is None else SEVERITIES[rank]


def uuids(db: Connection, slugs: Collection[str]) -> dict[str, str]:
    """Return the uuids of the checks with these slugs, as 32 hex digits, by slug."""
    rows = db.execute(select(checks.c.slug, checks.c.uuid).where(checks.c.slug.in_(slugs)))
    return {row.slug: row.uuid.hex for row in rows}


def renew_uuid(db: Connection, number: int, uuid: UUID) -> None:
    """Give a check this uuid in place of its own."""
    db.execute(update(checks).where(checks.c.id == number).values(uuid=uuid))


def lock_uuids(db: Connection, uuids: Collection[UUID]) -> list[Check]:
    """Return the checks with these uuids, locked until the transaction ends."""
    query = select(checks).where(among(db, checks.c.uuid, uuids)).order_by(checks.c.id).with_for_update()
    return [check_of(row) for row in db.execute(query)]


def naming_policy(db: Connection, policy: str | None) -> str | None:
    """Return the slug of the first check that names this policy; with None, of the first that names no policy."""
    query = select(func.min(checks.c.slug, type_=String)).where(checks.c.policy == policy)
    return db.execute(query).scalar()


def check_of(row: Row[Any]) -> Check:
    """Return the check of a whole row. Most columns are fields of the same name."""
    fields = dict(zip(_COLUMNS, row, strict=True))
    max_runtime, stuck_after = fields["max_runtime"], fields["stuck_after"]
    del fields["plain"]
    fields |= {
        "grace": timedelta(seconds=fields["grace"]),
        "max_runtime": None if max_runtime is None else timedelta(seconds=max_runtime),
        "stuck_after": None if stuck_after is None else timedelta(seconds=stuck_after),
        "alert_after": Tolerance(fields.pop("alert_after_failures"), fields.pop("alert_after_missed")),
        "measure": Measure(fields["measure"]),
        "severity": SEVERITIES[fields.pop("severity_rank")],
        "origin": Origin(fields["origin"]),
        "state": State.UNKNOWN
        if fields.pop("unheard") and fields["state"] == State.NEW
        else State(fields["state"]),
        "cause": Cause(fields["cause"]) if fields["cause"] else None,
        "fault": _fault(fields["fault"]) if fields["fault"] else None,
        "formerly": tuple(fields["formerly"] or ()),
        "after": dependency.from_json(fields["after"]),
        "rules": tuple(map(rule_grammar.from_json, fields["rules"] or ())),
        "label_rules": tuple(map(rule_grammar.from_json, fields["label_rules"] or ())),
        "runs": tuple(_run(run) for run in fields["runs"] or ()),
        "recent_runs": _recent(fields["recent_runs"]),
    }
    return Check(**fields)


def _fault(stored: Mapping[str, Any]) -> Fault:
    severity = Severity(stored["severity"]) if stored["severity"] else None
    event = Raised(Cause(stored["cause"]), stored["why"], severity, stored["evidence"])
    return Fault(event, datetime.fromisoformat(stored["at"]), datetime.fromisoformat(stored["since"]))


def _fault_row(fault: Fault) -> dict[str, str | None]:
    return {**asdict(fault.event), "at": fault.at.isoformat(), "since": fault.since.isoformat()}


def _recent(stored: list[str | None] | None) -> RecentRuns:
    if stored is None:
        return NONE_COUNTED
    ended, *began = (at and datetime.fromisoformat(at) for at in stored)
    return RecentRuns(tuple(at for at in began if at), ended or None)


def _recent_row(recent: RecentRuns) -> list[str | None] | None:
    """Return the end, then the beginnings; None if no run is counted."""
    if recent == NONE_COUNTED:
        return None
    return [
        recent.ended_at.isoformat() if recent.ended_at else None,
        *(at.isoformat() for at in recent.began),
    ]


def _run(stored: dict[str, Any]) -> Run:
    reports = stored.get("progress")
    return Run(
        stored["rid"],
        datetime.fromisoformat(stored["started_at"]),
        stored["overran"],
        progress.from_json(reports) if reports else None,
        stored.get("numbers", {}),
        stored.get("misread"),
    )


def _run_row(run: Run) -> dict[str, Any]:
    row: dict[str, Any] = {"rid": run.rid, "started_at": run.started_at.isoformat(), "overran": run.overran}
    further = {"numbers": dict(run.numbers), "misread": run.misread}
    if run.progress is not None:
        row["progress"] = progress.to_json(run.progress)
    return row | {name: value for name, value in further.items() if value}


def _state_row(check: Check) -> dict[str, Any]:
    return {
        "state": (State.NEW if check.state is State.UNKNOWN else check.state).value,
        "unheard": check.state is State.UNKNOWN,
        "cause": check.cause.value if check.cause else None,
        "fault": _fault_row(check.fault) if check.fault else None,
        "since": check.since,
        "armed_at": check.armed_at,
        "last_ok_at": check.last_ok_at,
        "last_fail_at": check.last_fail_at,
        "last_other_at": check.last_other_at,
        "pings": check.pings,
        "failures": check.failures,
        "missed": check.missed,
        "runs": [_run_row(run) for run in check.runs] or None,
        "recent_runs": _recent_row(check.recent_runs),
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
        "until_done": check.until_done,
        "stuck_after": check.stuck_after.total_seconds() if check.stuck_after is not None else None,
        "severity_rank": check.severity.rank,
        "policy": check.policy,
        "manual_resume": check.manual_resume,
        "runbook": check.runbook,
        "alert_after_failures": check.alert_after.failures,
        "alert_after_missed": check.alert_after.missed,
        "expectation": check.expectation,
        "formerly": list(check.formerly) or None,
        "after": dependency.to_json(check.after),
        "measure": check.measure.value,
        "rules": list(map(rule_grammar.to_json, check.rules)) or None,
        "label_rules": list(map(rule_grammar.to_json, check.label_rules)) or None,
        "plain": check.plain,
        "origin": check.origin.value,
    }
