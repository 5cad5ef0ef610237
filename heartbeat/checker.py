"""Silences out. One sweep is one transaction over a bounded batch of checks whose `wake_at` has come."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import commit, desk
from alerting.incident import Facts, Incident, Surroundings, Symptom
from alerting.notice import called
from heartbeat import cause, check, installation, maintenance, store, transitions, windows
from heartbeat.check import Cause, Change, Check, Raised

BATCH = 1000
PARKED = timedelta(minutes=5)
"""A check that cannot be judged (a row that no code understands) is looked at again after this time."""
OTHERS = 3
"""Other groups whose state a page mentions."""
NAMED = 10
"""Checks that one line of the log names."""

log = logging.getLogger(__name__)


def sweep(db: Connection, now: datetime, limit: int = BATCH) -> int:
    """Judge up to `limit` due checks; how many were looked at."""
    due = store.claim_due(db, now, limit)
    decided = [(_judged(before, now), before) for before in due]
    downs = [(change, before) for change, before in decided if change.told is not None]
    store.move_wake(db, [change.check for change, _ in decided if change.told is None])
    if downs:
        store.save(db, [change.check for change, _ in downs])
        transitions.write(db, [(change, before, now) for change, before in downs])
        said = store.last_bodies(db, [before.id for _, before in downs])
        symptoms = [symptom(change, before, said=said.get(before.id)) for change, before in downs]
        raise_(db, symptoms, now)
        commit.then(db, lambda: _tell([change.check for change, _ in downs]))
    return len(due)


def _tell(downs: Sequence[Check]) -> None:
    """One line for all that turned down in one transaction: a storm must not fill a disk."""
    shown = ", ".join(one.slug for one in downs[:NAMED])
    more = f" and {len(downs) - NAMED} more" if len(downs) > NAMED else ""
    slugs = [one.slug for one in downs[:NAMED]]
    extra = {
        "event": "down",
        "count": len(downs),
        **({"check": slugs[0]} if len(downs) == 1 else {"checks": slugs}),
    }
    log.info("down: %s%s", shown, more, extra=extra)


def raise_(db: Connection, symptoms: Sequence[Symptom], now: datetime) -> None:
    """Tell downstairs, by the gathering time in force."""
    desk.raise_(db, as_told(db, symptoms, now), now, installation.gathering(db))


def as_told(db: Connection, symptoms: Sequence[Symptom], now: datetime) -> Sequence[Symptom]:
    """The symptoms with the default policy where they name none, and held where they are under maintenance."""
    if any(one.policy is None for one in symptoms):
        default = installation.default_policy(db)
        symptoms = [one if one.policy is not None else replace(one, policy=default) for one in symptoms]
    return _held(db, symptoms, now)


def _held(db: Connection, symptoms: Sequence[Symptom], now: datetime) -> Sequence[Symptom]:
    standing = windows.standing(db, now)
    if not standing:
        return symptoms
    labels = store.labels_of(db, [check_id(one.key) for one in symptoms])
    holds = {one.key: maintenance.hold(standing, labels.get(check_id(one.key), {}), now) for one in symptoms}
    return [replace(one, hold=holds[one.key]) for one in symptoms]


def check_id(key: str) -> int:
    """The number of the check that a symptom is about."""
    return int(key.removeprefix("check:"))


def symptom_key(one: Check) -> str:
    """What the check's symptom is called downstairs."""
    return f"check:{one.id}"


def symptom(change: Change, before: Check, *, said: bytes | None = None) -> Symptom:
    """What to tell downstairs of a check that has just turned down (`before`: as it was until then)."""
    told = change.told
    if not isinstance(told, Raised):
        raise TypeError(f"{before.slug} has not turned down.")
    belongs = cause.of(change.check, told.cause)
    expected = check.due_at(before) if told.cause is Cause.SILENT else None
    return Symptom(
        key=symptom_key(change.check),
        cause_key=belongs.key,
        incident_title=belongs.title,
        title=before.name,
        cause=told.cause.value,
        severity=before.severity,
        policy=before.policy,
        facts=Facts(
            since=change.check.since,
            expected_at=expected,
            last_heard_at=change.check.last_heard_at,
            began_at=min((run.started_at for run in change.check.runs if run.overran), default=None),
            last_well_at=change.check.last_ok_at,
            never_well=change.check.last_ok_at is None,
            last_said=tail(said),
            why=told.why,
        ),
    )


def standing_symptom(one: Check) -> Symptom:
    """The symptom of a check that is down already, for when its group has changed."""
    if one.cause is None:
        raise TypeError(f"{one.slug} is not down.")
    return symptom(Change(one, Raised(one.cause, f"is {one.cause.value}")), one)


def tail(body: bytes | None) -> str:
    """The last line with anything in it, as text of at most 200 characters."""
    if not body:
        return ""
    lines = [line.strip() for line in body[-4096:].decode("utf-8", "replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return "".join(char if char.isprintable() else " " for char in last)[:200]


def named(db: Connection, incidents: Sequence[Incident]) -> list[Incident]:
    """These incidents, each with the title that its pages have: see `notice.called`."""
    symptoms = desk.symptoms(db, [one.id for one in incidents])
    around = surroundings(db, incidents, others=0)
    return [replace(one, title=called(one, symptoms[one.id], around[one.id])) for one in incidents]


def surroundings(
    db: Connection, incidents: Sequence[Incident], others: int = OTHERS
) -> dict[int, Surroundings]:
    """What is known of the groups that incidents are about, as the courier asks it, and of so many other groups."""
    keys = {incident.id: incident.cause_key.partition(":")[2] for incident in incidents}
    shared = {key for key in keys.values() if not key.startswith("check=")}
    beside = {key: store.neighbours(db, key, others) for key in shared} if others else {}
    groups = (
        store.groups(db, shared | {other for found in beside.values() for other in found}) if shared else {}
    )
    return {
        number: _around(groups.get(key), [groups[other] for other in beside.get(key, ()) if other in groups])
        for number, key in keys.items()
    }


def _around(group: store.Group | None, others: Iterable[store.Group]) -> Surroundings:
    words = tuple(f"{cause.key_title(other.key)} {other.alive} of {other.total} alive" for other in others)
    if group is None:
        return Surroundings(others=words)
    return Surroundings(group.total, group.alive, group.newest_at, words)


def _judged(before: Check, now: datetime) -> Change:
    try:
        return check.on_due(before, now)
    except Exception:
        log.exception("check %s cannot be judged; it is parked for %s", before.slug, PARKED)
        return Change(replace(before, wake_at=now + PARKED))
