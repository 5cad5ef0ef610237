"""Checks as alerting sees them: their symptoms, and the groups behind its incidents.

Only this room knows the form of a symptom's key.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import desk
from alerting.incident import Facts, Incident, Surroundings, Symptom
from alerting.notice import called
from heartbeat import installation
from heartbeat.checks import cause, check, maintenance, maintenance_store, store
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Change, Check, Raised

OTHER_GROUPS = 3
"""Other groups whose state a page mentions."""
LONGEST_LINE = 200
"""Characters of a job's last line that a page shows, at most."""
_PREFIX = "check:"


def key_of(check: Check) -> str:
    """Return the key of the check's symptom."""
    return f"{_PREFIX}{check.id}"


def check_ids(keys: Iterable[str]) -> dict[str, int]:
    """Return the numbers of the checks with these keys, by key. Other keys are left out. The reverse of `key_of`."""
    return {key: int(key.removeprefix(_PREFIX)) for key in keys if key.startswith(_PREFIX)}


def end(db: Connection, deleted: Sequence[Check], why: str, now: datetime, gathering: timedelta) -> None:
    """Clear the symptoms of checks that are being deleted, and keep past ones under keys that no check has.

    SQLite gives the number of a deleted check again. The check that gets it inherits nothing.
    """
    desk.clear(db, {key_of(check): why for check in deleted}, now, gathering)
    desk.rename_symptoms(db, {key_of(check): f"deleted:{check.uuid.hex}" for check in deleted})


def of_change(change: Change, previous: Check, *, body: bytes | None = None) -> Symptom:
    """Return the symptom of a check that has just turned down. `body` is the body of its last ping."""
    event = change.event
    if not isinstance(event, Raised):
        raise TypeError(f"{previous.slug} has not turned down.")
    incident = cause.of(event.cause, previous.slug, previous.name, change.check.group_key)
    return Symptom(
        key=key_of(change.check),
        cause_key=incident.key,
        incident_title=incident.title,
        title=previous.name,
        cause=event.cause.value,
        words=event.cause.words,
        severity=previous.severity,
        policy=previous.policy,
        facts=Facts(
            since=change.check.since,
            expected_at=check.due_at(previous) if event.cause is Cause.SILENT else None,
            last_heard_at=change.check.last_heard_at,
            began_at=min((run.started_at for run in change.check.runs if run.overran), default=None),
            last_well_at=change.check.last_ok_at,
            never_well=change.check.last_ok_at is None,
            last_said=_last_line(body),
            why=event.why,
        ),
    )


def of_down_check(down: Check) -> Symptom:
    """Return the symptom of a check that is down already, such as one whose group has changed."""
    if down.cause is None:
        raise TypeError(f"{down.slug} is not down.")
    return of_change(Change(down, Raised(down.cause, down.cause.words.verb)), down)


def raise_(db: Connection, symptoms: Sequence[Symptom], now: datetime) -> None:
    """Raise these symptoms, which page once the configured gathering time is over."""
    desk.raise_(db, completed(db, symptoms, now), now, installation.gathering(db))


def completed(db: Connection, symptoms: Sequence[Symptom], now: datetime) -> Sequence[Symptom]:
    """Return the symptoms with the default policy if theirs does not exist, our name, and the holds of maintenance."""
    policies = desk.policies(db)
    if any(symptom.policy not in policies for symptom in symptoms):
        default = installation.default_policy(db)
        symptoms = [s if s.policy in policies else replace(s, policy=default) for s in symptoms]
    name = installation.name(db)
    symptoms = [replace(symptom, installation=name) for symptom in symptoms]
    return _with_holds(db, symptoms, now)


def titled(db: Connection, incidents: Sequence[Incident]) -> list[Incident]:
    """Return these incidents with the titles of their pages: see `notice.called`."""
    symptoms = desk.symptoms(db, [incident.id for incident in incidents])
    by_incident = surroundings(db, incidents, others=0)
    return [
        replace(incident, title=called(incident, symptoms[incident.id], by_incident[incident.id]))
        for incident in incidents
    ]


def surroundings(
    db: Connection, incidents: Sequence[Incident], others: int = OTHER_GROUPS
) -> dict[int, Surroundings]:
    """Return the state of each incident's group and of up to `others` more groups, by the incident's number."""
    keys = {incident.id: incident.cause_key.partition(":")[2] for incident in incidents}
    shared = {key for key in keys.values() if not key.startswith("check=")}
    neighbours = {key: store.neighbours(db, key, others) for key in shared} if others else {}
    every = shared.union(*neighbours.values())
    groups = store.groups(db, every) if shared else {}
    return {
        number: _surroundings(
            groups.get(key), [groups[other] for other in neighbours.get(key, ()) if other in groups]
        )
        for number, key in keys.items()
    }


def _with_holds(db: Connection, symptoms: Sequence[Symptom], now: datetime) -> Sequence[Symptom]:
    current = maintenance_store.standing(db, now)
    if not current:
        return symptoms
    ids = check_ids(symptom.key for symptom in symptoms)
    labels = store.labels_of(db, list(ids.values()))
    holds = {key: maintenance.hold(current, labels.get(number, {}), now) for key, number in ids.items()}
    return [replace(symptom, hold=holds.get(symptom.key)) for symptom in symptoms]


def _last_line(body: bytes | None) -> str:
    """Return the last line that is not blank, as printable text."""
    if not body:
        return ""
    lines = [line.strip() for line in body[-4096:].decode("utf-8", "replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return "".join(char if char.isprintable() else " " for char in last)[:LONGEST_LINE]


def _surroundings(group: store.CheckGroup | None, others: Iterable[store.CheckGroup]) -> Surroundings:
    states = tuple(f"{cause.key_title(other.key)} {other.alive} of {other.total} alive" for other in others)
    if group is None:
        return Surroundings(others=states)
    return Surroundings(group.total, group.alive, group.newest_at, states)
