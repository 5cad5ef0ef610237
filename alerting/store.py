"""The SQL of incidents.

Locks are taken in the order of the cause key, so that two transactions over many incidents never block each other.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Text,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from alerting import escalation
from alerting.escalation import Policy
from alerting.incident import Incident, State
from alerting.severity import Severity
from alerting.sql import Utc, among, earliest, insert_many, update_many
from alerting.tables import incidents, symptoms

DRILL = -1
"""The number of the drill. There is one at a time. Lists, counts and sums are of numbers above zero."""
SEVERITIES = tuple(Severity)
_COLUMNS = tuple(incidents.c.keys())
GOING_ON = incidents.c.next_at.is_not(None)
"""By a constraint, exactly the resolved incidents have no next action. An index finds the others."""
REAL = incidents.c.id > 0
"""It is no drill."""
_ANY_GOES_ON = select(exists().where(GOING_ON))
"""PostgreSQL plans this in a tenth of the time that the search for the next action takes."""
_LAST_NUMBER = select(func.coalesce(func.max(incidents.c.id), 0)).where(REAL)
_IN_TROUBLE = incidents.c.settles_at.is_(None)
_FIRST_PAGE = (
    incidents.c.state == State.OPEN,
    incidents.c.step == 0,
    incidents.c.occurrence == 1,
    # One that waits for working hours pages with the others that do.
    incidents.c.waits_until.is_(None),
    _IN_TROUBLE,
)
# Made once: they run in each round, and making them costs more than running them.
_TO_TELL, _SETTLED = (
    select(incidents)
    .where(due <= bindparam("now", type_=Utc()), *conditions)
    .order_by(due)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    for due, conditions in ((incidents.c.tell_at, [_IN_TROUBLE]), (incidents.c.settles_at, []))
)
_OF_RANKS = [incidents.c.severity_rank == rank for rank in range(len(SEVERITIES))]


def open_of(db: Connection, cause_key: str) -> Incident | None:
    """Return the open incident of this cause, or the one that it was merged into, not locked."""
    query = select(incidents).where(incidents.c.cause_key == cause_key, incidents.c.state != State.RESOLVED)
    row = db.execute(query).one_or_none()
    if row is not None:
        return incident_of(row)
    home = merged_homes(db, [cause_key]).get(cause_key)
    return None if home is None else load(db, home)


def open_about(db: Connection, keys: Collection[str], beginnings: Collection[str]) -> list[Incident]:
    """Return the open incidents with these cause keys, or keys that begin so, oldest first. They are not locked."""
    condition = among(db, incidents.c.cause_key, keys)
    for length in {len(beginning) for beginning in beginnings}:
        begins = func.substr(incidents.c.cause_key, 1, length, type_=Text)
        condition |= begins.in_([beginning for beginning in beginnings if len(beginning) == length])
    query = select(incidents).where(incidents.c.state != State.RESOLVED, GOING_ON, condition)
    return [incident_of(row) for row in db.execute(query.order_by(incidents.c.id))]


def lock(db: Connection, ids: Collection[int], cause_keys: Collection[str] = ()) -> dict[int, Incident]:
    """Return these incidents, and the open ones of these causes, by number, locked until the transaction ends."""
    condition = among(db, incidents.c.id, ids)
    if cause_keys:
        condition |= among(db, incidents.c.cause_key, cause_keys) & (incidents.c.state != State.RESOLVED)
    query = select(incidents).where(condition).order_by(incidents.c.cause_key).with_for_update()
    return {row.id: incident_of(row) for row in db.execute(query)}


def lock_open(db: Connection, number: int, limit: int) -> dict[int, Incident]:
    """Return up to `limit` incidents that are not resolved, with numbers above `number`, locked as by `lock`.

    The drill comes first, before number 0.
    """
    query = (
        select(incidents.c.id)
        .where(GOING_ON, incidents.c.id > (number or DRILL - 1))
        .order_by(incidents.c.id)
    )
    return lock(db, db.execute(query.limit(limit)).scalars().all())


def claim_due(db: Connection, now: datetime, limit: int) -> list[Incident]:
    """Lock and return up to `limit` due incidents, worst first, without those that others have locked."""
    claimed: list[Incident] = []
    for rank, first in enumerate(db.execute(_first_actions()).one()):
        if first is None or first > now or len(claimed) >= limit:
            continue
        query = (
            select(incidents)
            .where(incidents.c.severity_rank == rank, incidents.c.next_at <= now, _IN_TROUBLE)
            .order_by(incidents.c.next_at)
            .limit(limit - len(claimed))
            .with_for_update(skip_locked=True)
        )
        claimed += [incident_of(row) for row in db.execute(query).all()]
    return claimed


@dataclass(frozen=True, slots=True)
class Crowd:
    """The most first pages that gather: while another one is due, and of incidents that opened `within` a time."""

    handful: int
    many: int
    within: timedelta


def gather_no_longer(db: Connection, now: datetime, gathering: timedelta, most: Crowd, limit: int) -> None:
    """Bring up to `limit` first pages forward if more of them gather than may: it is a storm, and they go out together.

    An incident with a symptom that is held is left alone.
    """
    until = now + gathering
    times = {"now": now, "since": max(now, until - most.within), "until": until}
    is_due, *begun = db.execute(_gathering(most.many + 1), times).one()
    if not is_due and sum(begun) <= most.many:
        return
    c = incidents.c
    soon = c.next_at > now, c.next_at <= until
    held = symptoms.c.incident_id == c.id, symptoms.c.held_until.is_not(None)
    ids: list[int] = []
    for of_rank in _OF_RANKS:
        query = select(c.id).where(of_rank, *soon, *_FIRST_PAGE, ~exists().where(*held))
        query = query.order_by(c.next_at).limit(limit - len(ids)).with_for_update(skip_locked=True)
        ids += db.execute(query).scalars()
    if len(ids) > most.handful:
        db.execute(update(incidents).where(among(db, c.id, ids)).values(next_at=now))


@cache
def _gathering(limit: int) -> Select[*tuple[Any, ...]]:
    """Return a query for whether a first page is due now, and how many of each severity (at most `limit`) are due
    after `since`, by `until`. It is put together once: that takes longer than running it.
    """
    c = incidents.c
    now, since, until = (bindparam(name, type_=Utc()) for name in ("now", "since", "until"))
    due = [select(c.id).where(rank, c.next_at <= now, *_FIRST_PAGE).exists() for rank in _OF_RANKS]
    soon = [
        select(c.id).where(rank, c.next_at > since, c.next_at <= until, *_FIRST_PAGE).limit(limit).subquery()
        for rank in _OF_RANKS
    ]
    counts = [select(func.count()).select_from(of_rank).scalar_subquery() for of_rank in soon]
    return select(or_(*due), *counts)


def claim_to_tell(db: Connection, now: datetime, limit: int) -> list[Incident]:
    """Lock and return up to `limit` incidents whose news is due, without those that others have locked."""
    return _claimed(db, _TO_TELL, now, limit)


def claim_settled(db: Connection, now: datetime, limit: int) -> list[Incident]:
    """Lock and return up to `limit` incidents whose recovery has settled, without those that others have locked."""
    return _claimed(db, _SETTLED, now, limit)


def next_due(db: Connection) -> datetime | None:
    """Return the time of the next action, news or end of any incident."""
    if not db.execute(_ANY_GOES_ON).scalar():
        return None
    firsts = db.execute(_next_due()).one()
    return min((at for at in firsts if at is not None), default=None)


def _claimed(db: Connection, of_kind: Select[*tuple[Any, ...]], now: datetime, limit: int) -> list[Incident]:
    return [incident_of(row) for row in db.execute(of_kind, {"now": now, "most": limit})]


@cache
def _next_due() -> Select[*tuple[Any, ...]]:
    others = earliest(incidents.c.tell_at, _IN_TROUBLE), earliest(incidents.c.settles_at)
    return _first_actions().add_columns(*others)


@cache
def _first_actions() -> Select[*tuple[Any, ...]]:
    """Return a query for the earliest next action of each severity, worst first. What recovers has none."""
    return select(*(earliest(incidents.c.next_at, of_rank, _IN_TROUBLE) for of_rank in _OF_RANKS))


def insert_incidents(db: Connection, new: Iterable[Incident]) -> dict[str, int]:
    """Open incidents and return their numbers by cause, without causes that somebody else has opened meanwhile."""
    by_cause = {incident.cause_key: incident for incident in new}
    ordered = [incident for _, incident in sorted(by_cause.items())]
    rows = [_incident_row(incident) for incident in ordered if incident.policy != escalation.DRILL]
    if db.dialect.name == "sqlite":
        rows = _numbered(db, rows)
    drills = [
        _incident_row(incident) | {"id": DRILL} for incident in ordered if incident.policy == escalation.DRILL
    ]
    clause = f"ON CONFLICT (cause_key) WHERE state <> '{State.RESOLVED}' DO NOTHING"
    opened = [
        row
        for of_kind in (rows, drills)
        for row in insert_many(db, incidents, of_kind, on_conflict=clause, returning=("id", "cause_key"))
    ]
    return {cause_key: number for number, cause_key in opened}


def _numbered(db: Connection, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with the next numbers. SQLite by itself counts on from the drill's if there is no other incident."""
    last: int = db.execute(_LAST_NUMBER).scalar_one()
    return [{"id": number, **row} for number, row in enumerate(rows, last + 1)]


def remove_drill(db: Connection) -> None:
    """Delete the drill with everything that belongs to it."""
    db.execute(delete(incidents).where(incidents.c.id == DRILL))


def save(db: Connection, changed: Iterable[Incident]) -> None:
    """Write the columns of incidents that can change."""
    update_many(db, incidents, [{"id": incident.id, **_mutable_row(incident)} for incident in changed])


def save_causes(db: Connection, widened: Iterable[Incident]) -> None:
    """Write the cause keys and titles of incidents."""
    update_many(
        db,
        incidents,
        [
            {"id": incident.id, "cause_key": incident.cause_key, "title": incident.title}
            for incident in widened
        ],
    )


def save_merged(db: Connection, source: int, target: int) -> None:
    """Write that an incident goes on in another one, as do those that were merged into it."""
    earlier = incidents.c.merged_into == source
    db.execute(update(incidents).where((incidents.c.id == source) | earlier).values(merged_into=target))


def taken_in(db: Connection, incident_ids: Collection[int]) -> set[int]:
    """Return those of these incidents into which others were merged."""
    query = select(incidents.c.merged_into).where(
        incidents.c.merged_into.is_not(None), among(db, incidents.c.merged_into, incident_ids)
    )
    return set(db.execute(query.distinct()).scalars())


def merged_homes(db: Connection, cause_keys: Collection[str]) -> dict[str, int]:
    """Return by cause key the open incident that the newest incident of that key was merged into."""
    home = incidents.alias("home")
    query = (
        select(incidents.c.cause_key, incidents.c.merged_into)
        .join(home, home.c.id == incidents.c.merged_into)
        .where(
            incidents.c.merged_into.is_not(None),
            among(db, incidents.c.cause_key, cause_keys),
            home.c.next_at.is_not(None),
        )
        .order_by(incidents.c.id)
    )
    return {row.cause_key: row.merged_into for row in db.execute(query)}


def save_policy(db: Connection, incident: Incident) -> None:
    """Write the policy of an incident that is reassigned."""
    update_many(db, incidents, [{"id": incident.id, "policy": incident.policy}])


def look_again(db: Connection) -> None:
    """Let every page that is put off be looked at now: hours may have changed. A wait that is over stays over."""
    put_off = incidents.c.waits_until.is_not(None), incidents.c.state == State.OPEN
    numbers = db.execute(
        select(incidents.c.id).where(*put_off).order_by(incidents.c.cause_key).with_for_update()
    ).scalars()
    again = update(incidents).where(among(db, incidents.c.id, numbers.all()))
    db.execute(again.values(next_at=incidents.c.opened_at))


def renew_hours(db: Connection, policy: Policy) -> None:
    """Let the open incidents of a policy wait for its working hours as they are now. Their steps stay."""
    name = incidents.c.policy["name"].as_string() == policy.name
    query = select(incidents).where(GOING_ON, name).order_by(incidents.c.cause_key).with_for_update()
    affected = [incident_of(row) for row in db.execute(query)]
    hours = policy.warnings_wait_for
    renewed = [replace(incident.policy, warnings_wait_for=hours) for incident in affected]
    rows = [
        {"id": incident.id, "policy": new}
        for incident, new in zip(affected, renewed, strict=True)
        if incident.policy != new
    ]
    update_many(db, incidents, rows)


def load(db: Connection, incident_id: int) -> Incident | None:
    """Return an incident, not locked."""
    row = db.execute(select(incidents).where(incidents.c.id == incident_id)).one_or_none()
    return None if row is None else incident_of(row)


def opened_at(db: Connection, incident_id: int) -> datetime | None:
    """Return the time at which an incident opened, None if there is none of this number."""
    at: datetime | None = db.execute(
        select(incidents.c.opened_at).where(incidents.c.id == incident_id)
    ).scalar()
    return at


def load_many(db: Connection, ids: Collection[int]) -> dict[int, Incident]:
    """Return these incidents by number, not locked."""
    rows = db.execute(select(incidents).where(among(db, incidents.c.id, ids)))
    return {row.id: incident_of(row) for row in rows}


def incident_of(row: Row[Any]) -> Incident:
    """Return the incident of a whole row: most columns are fields of the same name."""
    values = dict(zip(_COLUMNS, row, strict=True))
    seen = values.pop("seen_rank")
    values |= {
        "state": State(values["state"]),
        "severity": SEVERITIES[values.pop("severity_rank")],
        "seen": None if seen is None else SEVERITIES[seen],
        "falls": values["falls"] or (),
        "turns": values["turns"] or (),
        "waits_for": values["waits_for"] or "",
    }
    return Incident(**values)


def _mutable_row(incident: Incident) -> dict[str, Any]:
    return {
        "state": incident.state.value,
        "severity_rank": incident.severity.rank,
        "occurrence": incident.occurrence,
        "step": incident.step,
        "next_at": incident.next_at,
        "tell_at": incident.tell_at,
        "told_at": incident.told_at,
        "acknowledged_by": incident.acknowledged_by,
        "acknowledged_at": incident.acknowledged_at,
        "resolved_by": incident.resolved_by,
        "resolved_at": incident.resolved_at,
        "recovered_at": incident.recovered_at,
        "settles_at": incident.settles_at,
        "falls": incident.falls or None,
        "turns": incident.turns or None,
        "waits_until": incident.waits_until,
        "waits_for": incident.waits_for or None,
        "seen_rank": None if incident.seen is None else incident.seen.rank,
    }


def _incident_row(incident: Incident) -> dict[str, Any]:
    return {
        "cause_key": incident.cause_key,
        "title": incident.title,
        "cause": incident.cause,
        "policy": incident.policy,
        "opened_at": incident.opened_at,
        "installation": incident.installation,
        **_mutable_row(incident),
    }
