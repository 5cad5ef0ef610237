"""The one door into alerting: raise and clear symptoms, answer incidents, define people and policies.

Every function works inside the caller's transaction: a check's state, its incident and the intent to page are
written together or not at all. Outcomes are values; see `alerting.incident`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import (
    answer,
    digest_members,
    gather,
    handover,
    outbox,
    recovery,
    store,
    symptom_store,
    timeline,
)
from alerting import attempts as attempt_store
from alerting import notifier_settings as notifier_settings
from alerting import paging_history as paging_history
from alerting.answer import Acknowledged, Missing, Resolved, Snoozed, Stale
from alerting.attempts import Attempt as Attempt
from alerting.attempts import known_ids as known_ids
from alerting.attempts import last_attempts as last_attempts
from alerting.attempts import sent_as as sent_as
from alerting.definitions import contact_proofs as contact_proofs
from alerting.definitions import crew as crew
from alerting.definitions import define_person as define_person
from alerting.definitions import define_policy as define_policy
from alerting.definitions import forget_person as forget_person
from alerting.definitions import forget_policy as forget_policy
from alerting.definitions import install as install
from alerting.definitions import notifier_setups as notifier_setups
from alerting.definitions import notifiers as notifiers
from alerting.definitions import people as people
from alerting.definitions import person_of_user as person_of_user
from alerting.definitions import policies as policies
from alerting.definitions import prove as prove
from alerting.definitions import record_test_page as record_test_page
from alerting.definitions import reseal_person as reseal_person
from alerting.digest_members import digest_incidents as digest_incidents
from alerting.digest_members import digest_states as digest_states
from alerting.handover import AllWell, HandedOn
from alerting.incident import Entry, Hold, Incident, Pace, RaisedSymptom, State, Symptom, Wider
from alerting.notice import NoticeKind
from alerting.outbox import Page as Page
from alerting.outbox import Workload as Workload
from alerting.outbox import workload as workload
from alerting.proof import NO_PROOF as NO_PROOF
from alerting.proof import Proof as Proof
from alerting.receipts import receipt as receipt
from alerting.report import report as report
from alerting.retiming import retime_incidents as retime_incidents
from alerting.retiming import retime_pages as retime_pages
from alerting.store import lately_about as lately_about
from alerting.store import newest_entries as newest_entries
from alerting.store import open_about as open_about
from alerting.store import timeline_ends as timeline_ends
from alerting.symptom_store import standing as standing
from alerting.tell import tell
from alerting.waiting import Move as Move
from alerting.waiting import forget as forget
from alerting.waiting import move as move
from alerting.waiting import next_turn as next_turn
from alerting.waiting import turning as turning
from alerting.waiting import with_incidents as with_incidents

PACE = Pace()
DIGEST_AT_ONCE = 1_000
"""The most incidents of a digest that one transaction acknowledges."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """An incident with its symptoms, its timeline, and its pages with their attempts."""

    incident: Incident
    symptoms: list[RaisedSymptom]
    timeline: list[Entry]
    pages: list[Page]
    attempts: list[Attempt]


def raise_(
    db: Connection,
    symptoms: Sequence[Symptom],
    now: datetime,
    pace: Pace = PACE,
    wider: Mapping[str, Wider] = gather.NOTHING_WIDER,
) -> None:
    """Raise symptoms. Each joins the open incident of its cause, or opens one.

    First, the open incidents of the causes in `wider` get the causes that they have from now on.

    A symptom that stands already stays in its incident, whatever its cause is now: its facts are renewed, and a cause
    that people do not know is news. One whose recovery has not settled returns to its incident.
    """
    gather.raise_(db, symptoms, now, pace, wider)


def clear(
    db: Connection, reasons: Mapping[str, str], now: datetime, pace: Pace = PACE, *, by: str | None = None
) -> None:
    """Clear symptoms by key, each with its reason. The last one to clear lets its incident recover.

    If somebody does it, such as by deleting a check, `by` is their name, and the incident is over at once.
    """
    raised = symptom_store.raised_of(db, reasons.keys())
    recovery.clear(db, [(symptom, reasons[symptom.key]) for symptom in raised], now, pace, by)


def rename_symptoms(db: Connection, keys: Mapping[str, str]) -> None:
    """Give the symptoms of these keys new keys, such as those of something that no longer exists."""
    symptom_store.rename_symptoms(db, keys)


def foresee(
    db: Connection, symptom: Symptom, now: datetime, pace: Pace = PACE
) -> tuple[Incident, list[RaisedSymptom]]:
    """Return the incident that `raise_` would give the symptom, with all its symptoms. Writes nothing.

    The incident has the number 0 if it would be opened.
    """
    return gather.foresee(db, symptom, now, pace)


def paged_people(db: Connection, incident_id: int) -> list[str]:
    """Return everybody who was paged for an incident, by name."""
    return sorted(outbox.paged_people(db, [incident_id]).get(incident_id, ()))


def hold(
    db: Connection, holds: Mapping[str, Hold | None], now: datetime, pace: Pace = PACE
) -> dict[str, int]:
    """Hold symptoms by key, or (None) hold them no longer. Keys that are not raised are ignored.

    What people were told of is not silenced. Return by key the incident of each symptom that keeps paging.
    """
    return gather.hold(db, holds, now, pace)


def acknowledge(
    db: Connection,
    incident_id: int,
    by: str,
    now: datetime,
    *,
    occurrence: int | None = None,
    until: datetime,
    by_person: str | None = None,
) -> Acknowledged | Stale | Resolved | Missing:
    """Acknowledge for a human: nobody else is paged until `until`. See `incident.acknowledge`.

    `by_person` is the person who this is, here and below: they get no notice of what they did themselves.
    """
    incident = store.lock(db, [incident_id]).get(incident_id)
    if incident is None:
        return Missing()
    outcome = answer.acknowledge(incident, occurrence, by, now, until)
    if not isinstance(outcome, Acknowledged) or outcome.repeated:
        return outcome
    _quieten(db, [outcome.incident], f"acknowledged by {by}", by, now, by_person)
    paged_at = outbox.paged_at(db, incident)
    return replace(outcome, waited=now - paged_at if paged_at else None)


@dataclass(frozen=True, slots=True)
class DigestAnswer:
    """The answer to some incidents of a digest: how many were acknowledged, and the last number, None at the end."""

    acknowledged: int
    last: int | None


def acknowledge_digest(
    db: Connection,
    digest: int,
    after: int,
    by: str,
    now: datetime,
    *,
    until: datetime,
    limit: int | None = None,
    by_person: str | None = None,
) -> DigestAnswer:
    """Acknowledge up to `limit` incidents of a digest's storm, with numbers above `after`, as they were paged.

    Incidents that have paged again since, that are over or acknowledged already, stay as they are.
    """
    limit = limit or DIGEST_AT_ONCE
    occurrences = dict(digest_members.incidents_of(db, digest, after, limit))
    locked = store.lock(db, occurrences)
    answers = [
        answer.acknowledge(incident, occurrences[number], by, now, until)
        for number, incident in locked.items()
    ]
    changed = [
        answer.incident for answer in answers if isinstance(answer, Acknowledged) and not answer.repeated
    ]
    _quieten(db, changed, f"acknowledged by {by}", by, now, by_person)
    return DigestAnswer(len(changed), max(occurrences) if len(occurrences) == limit else None)


def snooze(
    db: Connection,
    incident_id: int,
    by: str,
    now: datetime,
    until: datetime,
    *,
    by_person: str | None = None,
) -> Snoozed | Resolved | Missing:
    """Silence an incident until `until`, when it pages again. See `incident.snooze`."""
    incident = store.lock(db, [incident_id]).get(incident_id)
    if incident is None:
        return Missing()
    outcome = answer.snooze(incident, by, now, until)
    if isinstance(outcome, Snoozed) and not outcome.repeated:
        _quieten(db, [outcome.incident], f"snoozed by {by} until {until:%d %b %H:%M} UTC", by, now, by_person)
    return outcome


def resolve(
    db: Connection, incident_id: int, by: str, now: datetime, *, by_person: str | None = None
) -> Resolved | Missing:
    """Resolve for a human. `Resolved.keys` are the symptoms that had not cleared: the caller arms them again."""
    incident = store.lock(db, [incident_id]).get(incident_id)
    if incident is None:
        return Missing()
    outcome = answer.resolve(incident, by, now)
    if outcome.repeated:
        return outcome
    symptoms = symptom_store.symptoms_of(db, [incident_id])[incident_id]
    raised = [symptom for symptom in symptoms if symptom.standing]
    symptom_store.clear_symptoms(db, [(symptom.id, f"resolved by {by}") for symptom in raised], now)
    recovery.end(db, [outcome.previous], by, f"resolved by {by}", now, by_person)
    return replace(outcome, keys=tuple(symptom.key for symptom in raised))


def page_next(
    db: Connection, incident_id: int, by: str, now: datetime
) -> HandedOn | Resolved | AllWell | Missing:
    """Page the next step of the policy now, for a human. See `handover.hand_on`."""
    incident = store.lock(db, [incident_id]).get(incident_id)
    if incident is None:
        return Missing()
    outcome = handover.hand_on(incident, by, now)
    if isinstance(outcome, HandedOn) and not outcome.repeated:
        store.save(db, [outcome.incident])
        timeline.write(
            db, [Entry(incident_id, now, "handed on", f"{by} asked to page the next person now", by)]
        )
    return outcome


def note(db: Connection, incident_id: int, by: str, text: str, now: datetime) -> bool:
    """Add a human's note to the timeline; False if there is no such incident."""
    if store.load(db, incident_id) is None:
        return False
    timeline.write(db, [Entry(incident_id, now, "note", text, by)])
    return True


def dossier(db: Connection, incident_id: int) -> Dossier | None:
    """Return an incident with everything that belongs to it."""
    incident = store.load(db, incident_id)
    if incident is None:
        return None
    return Dossier(
        incident,
        symptom_store.symptoms_of(db, [incident_id])[incident_id],
        store.timeline_of(db, incident_id),
        outbox.pages_of(db, incident_id),
        attempt_store.attempts_of(db, incident_id),
    )


def drill(db: Connection) -> Incident | None:
    """Return the drill: the incident of a symptom with the policy `escalation.DRILL`. No other function lists it."""
    return store.load(db, store.DRILL)


def end_drill(db: Connection) -> None:
    """Forget the drill, whatever becomes of its page."""
    store.remove_drill(db)


def is_drill(incident_id: int) -> bool:
    """Return whether this is the number of the drill."""
    return incident_id == store.DRILL


def opened_at(db: Connection, incident_id: int) -> datetime | None:
    """Return the time at which an incident opened, None if there is none of this number."""
    return store.opened_at(db, incident_id)


def incidents(
    db: Connection, *, open_only: bool = False, limit: int = 100, older_than: int | None = None
) -> list[Incident]:
    """Return incidents, newest first; those with a number below `older_than`."""
    return store.newest(db, open_only=open_only, limit=limit, older_than=older_than)


def open_incidents(db: Connection, limit: int, offset: int = 0) -> list[Incident]:
    """Return incidents that are not resolved, most urgent first: see `store.going_on`."""
    return store.going_on(db, limit, offset)


def past_incidents(db: Connection, limit: int, older_than: int | None = None) -> list[Incident]:
    """Return resolved incidents, newest first; those with a number below `older_than`."""
    return store.past(db, limit, older_than)


def count_open(db: Connection) -> dict[State, int]:
    """Count incidents that are not resolved, by state."""
    return store.count(db)


def count_recovering(db: Connection) -> dict[State, int]:
    """Count those of them that are recovering: everything in them is well."""
    return store.count_recovering(db)


def incident_of(db: Connection, keys: Collection[str]) -> dict[str, int]:
    """Return the open incident of each of these symptoms, by key."""
    return {symptom.key: symptom.incident_id for symptom in symptom_store.raised_of(db, keys)}


def raised(db: Connection, keys: Collection[str]) -> list[RaisedSymptom]:
    """Return the symptoms of these keys that have not cleared."""
    return symptom_store.raised_of(db, keys)


def symptoms(db: Connection, incident_ids: Collection[int]) -> dict[int, list[RaisedSymptom]]:
    """Return all symptoms of these incidents, cleared ones included."""
    return symptom_store.symptoms_of(db, incident_ids)


def _quieten(
    db: Connection,
    incidents: Sequence[Incident],
    answer: str,
    by: str,
    now: datetime,
    by_person: str | None,
) -> None:
    store.save(db, incidents)
    timeline.write(db, [Entry(incident.id, now, incident.state.value, answer, by) for incident in incidents])
    outbox.supersede(db, [incident.id for incident in incidents], (NoticeKind.PAGE,))
    tell(db, NoticeKind.ACKNOWLEDGED, [(incident, answer) for incident in incidents], now, by_person)
