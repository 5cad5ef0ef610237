"""Checks as alerting sees them: their symptoms, and the groups behind its incidents.

Only this room knows the form of a symptom's key.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import desk
from alerting.incident import Facts, Pace, RaisedSymptom, Symptom
from heartbeat import installation
from heartbeat.checks import cause, deadline, headway, maintenance, maintenance_store, store
from heartbeat.checks.cause import Cause, IncidentIdentity, Membership
from heartbeat.checks.check import Change, Check, Raised
from heartbeat.safe_text import as_line

LONGEST_LINE = 200
"""Characters of a job's last line that a page shows, at most."""
LINES = 20
LONGEST_OUTPUT = 2000
"""Lines and characters of a job's output that a mail shows, at most."""
LONGEST_DESCRIPTION = 500
"""Characters of a check's description that its symptom keeps."""
_JUDGED = {Cause.INEFFECTIVE, Cause.TOO_SHORT, Cause.TOO_OFTEN, Cause.OVERLAP, Cause.WRONG_TIME}
"""The causes of runs that report success themselves: that none ever succeeded would be untrue."""
_PREFIX = "check:"
_UNUSUAL = "unusual:"


def key_of(check: Check) -> str:
    """Return the key of the check's symptom."""
    return key_of_id(check.id)


def key_of_id(number: int) -> str:
    """Return the key of the symptom of the check with this number."""
    return f"{_PREFIX}{number}"


def unusual_key_of(number: int) -> str:
    """Return the key of the symptom of the check with this number whose run was unusual. It is not down for it."""
    return f"{_UNUSUAL}{number}"


def check_ids(keys: Iterable[str]) -> dict[str, int]:
    """Return the numbers of the checks with these keys, by key. Other keys are left out. The reverse of `key_of`."""
    return {key: int(key.removeprefix(_PREFIX)) for key in keys if key.startswith(_PREFIX)}


def end(db: Connection, deleted: Sequence[Check], why: str, now: datetime, pace: Pace, *, by: str) -> None:
    """Clear the symptoms of checks that somebody deletes, and keep past ones under keys that no check has.

    SQLite gives the number of a deleted check again. The check that gets it inherits nothing.
    """
    former = {key_of(check): f"deleted:{check.uuid.hex}" for check in deleted}
    former |= {unusual_key_of(check.id): f"deleted:{_UNUSUAL}{check.uuid.hex}" for check in deleted}
    desk.clear(db, dict.fromkeys(former, why), now, pace, by=by)
    desk.rename_symptoms(db, former)


@dataclass(frozen=True, slots=True)
class Fall:
    """A check that has just turned down, as it was before, and the body of its last ping."""

    change: Change
    previous: Check
    body: bytes | None = None


def of_falls(db: Connection, falls: Sequence[Fall], now: datetime) -> list[Symptom]:
    """Return the symptoms of checks that have turned down.

    They have the policies in force, the name of the installation, and the holds of maintenance.
    """
    policies = _policies_of(db, [fall.previous for fall in falls])
    grouped_by, name = installation.group_failures_by(db), installation.name(db)
    symptoms = [
        _of_fall(fall, policy, grouped_by, name) for fall, policy in zip(falls, policies, strict=True)
    ]
    return _with_holds(db, symptoms, now)


def of_standing(
    db: Connection, standing: Sequence[tuple[Check, RaisedSymptom]], now: datetime
) -> list[Symptom]:
    """Return the symptoms of checks that are down already, each as if it were raised now and by itself."""
    policies = _policies_of(db, [check for check, _ in standing])
    grouped_by, name = installation.group_failures_by(db), installation.name(db)
    raised = []
    for (check, row), policy in zip(standing, policies, strict=True):
        why = Cause(row.cause)
        identity = _identity(check, check, why, policy, grouped_by)
        raised.append(
            Symptom(
                key=row.key,
                cause_key=identity.key,
                incident_title=identity.title,
                title=row.title,
                cause=row.cause,
                words=why.words,
                severity=row.severity,
                policy=policy,
                installation=name,
                facts=replace(row.facts, parent="", parent_well_since=None),
            )
        )
    return _with_holds(db, raised, now)


def _policies_of(db: Connection, checks: Sequence[Check]) -> list[str | None]:
    """Return the policies in force: the checks' own, or the default one."""
    policies = desk.policies(db)
    named = [check.policy for check in checks]
    default = installation.default_policy(db) if any(name not in policies for name in named) else None
    return [name if name in policies else default for name in named]


def _identity(
    check: Check, previous: Check, why: Cause, policy: str | None, group_failures_by: Sequence[str]
) -> IncidentIdentity:
    member = Membership(previous.slug, previous.name, previous.labels, check.group_key, policy)
    return cause.of(why, member, group_failures_by)


def _of_fall(
    fall: Fall, policy: str | None, group_failures_by: Sequence[str], installation_name: str | None
) -> Symptom:
    change, previous, event = fall.change, fall.previous, fall.change.event
    if not isinstance(event, Raised):
        raise TypeError(f"{previous.slug} has not turned down.")
    incident = _identity(change.check, previous, event.cause, policy, group_failures_by)
    return Symptom(
        key=key_of(change.check),
        cause_key=incident.key,
        incident_title=incident.title,
        title=previous.name,
        cause=event.cause.value,
        words=event.cause.words,
        severity=event.severity or previous.severity,
        policy=policy,
        installation=installation_name,
        facts=_facts(change.check, previous, event, fall.body),
    )


def _with_holds(db: Connection, symptoms: list[Symptom], now: datetime) -> list[Symptom]:
    current = maintenance_store.standing(db, now)
    if not current:
        return symptoms
    ids = check_ids(symptom.key for symptom in symptoms)
    labels = store.labels_of(db, list(ids.values()))
    holds = {key: maintenance.hold(current, labels.get(number, {}), now) for key, number in ids.items()}
    return [replace(symptom, hold=holds.get(symptom.key)) for symptom in symptoms]


def _facts(current: Check, previous: Check, event: Raised, body: bytes | None) -> Facts:
    lines = last_lines(body)
    newest_at = current.fault.at if current.fault is not None and event.cause.expects else None
    expected_at = _expected_at(previous, event.cause)
    was_down = previous.cause is not None and previous.cause is not event.cause
    return Facts(
        since=current.since,
        expected_at=expected_at,
        last_heard_at=current.last_heard_at,
        began_at=_began_at(current, event.cause),
        last_well_at=current.last_ok_at,
        never_well=current.last_ok_at is None and event.cause not in _JUDGED,
        last_said=lines[-1][:LONGEST_LINE] if lines else "",
        why=event.why,
        newest_at=newest_at if newest_at != current.since else None,
        evidence=event.evidence,
        output="\n".join(lines)[-LONGEST_OUTPUT:] if len(lines) > 1 else "",
        repeats=event.why if expected_at is not None and _says_more(previous, event.cause) else "",
        earlier_cause=previous.cause.value if was_down and previous.cause else "",
        earlier_at=previous.since if was_down else None,
        slug=previous.slug,
        uuid=str(previous.uuid),
        labels=previous.labels,
        description=previous.description[:LONGEST_DESCRIPTION],
        runbook=previous.runbook,
    )


def _expected_at(check: Check, down_for: Cause) -> datetime | None:
    """Return when the run was due that did not come. None if it has begun, or for any other fault."""
    if down_for is Cause.SILENT:
        return deadline.due_at(check)
    return deadline.unfinished_due_at(check) if down_for is Cause.UNFINISHED and not check.runs else None


def _says_more(check: Check, down_for: Cause) -> bool:
    """Return whether the reason says more than that nothing came when it was due."""
    return down_for is Cause.UNFINISHED or check.alert_after.missed > 1


def _began_at(current: Check, why: Cause) -> datetime | None:
    """Return the start of the run that takes too long, is stuck or unfinished."""
    stuck, unfinished = why is Cause.STUCK, why is Cause.UNFINISHED
    began = (
        run.started_at
        for run in current.runs
        if run.overran or unfinished or (stuck and headway.is_stuck(current, run, current.since))
    )
    return min(began, default=None)


def last_lines(body: bytes | None) -> list[str]:
    """Return the last lines that are not blank. Nothing in them deceives their reader."""
    text = (body or b"")[-4 * LONGEST_OUTPUT :].decode("utf-8", "replace")
    lines = [as_line(line.expandtabs()).rstrip() for line in text.splitlines()]
    return [line for line in lines if line.strip()][-LINES:]
