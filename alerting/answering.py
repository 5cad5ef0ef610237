"""Writes the answers of people to incidents: each is decided by a pure room, saved, and told to those who were paged.

Each function works inside the caller's transaction, as in `desk`, which is the door to this room. `by_person` is the
person who answers: they get no notice of what they did themselves.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import (
    answer,
    digest_members,
    escalation,
    handover,
    next_page,
    outbox,
    paging_history,
    recap,
    recovery,
    roster,
    store,
    symptom_store,
    timeline,
    times,
)
from alerting.answer import Acknowledged, Missing, Resolved, Snoozed, Stale
from alerting.handover import AllWell, HandedOn, Nobody, Reassigned, Withdrawn
from alerting.incident import Entry, Incident, State
from alerting.notice import NoticeKind
from alerting.person import Person
from alerting.tell import tell

DIGEST_AT_ONCE = 1_000
"""The most incidents of a digest that one transaction acknowledges."""
OVERTAKEN = NoticeKind.PAGE, NoticeKind.ACKNOWLEDGED
"""The notices that the next answer makes untrue where they still wait."""


def lock(db: Connection, incident_ids: Collection[int]) -> None:
    """Lock incidents that are about to be answered one after the other, in the order in which everybody locks them."""
    store.lock(db, incident_ids)


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
    """Acknowledge for a human: nobody else is paged until `until`. See `answer.acknowledge`."""
    incident = store.lock(db, [incident_id]).get(incident_id)
    if incident is None:
        return Missing()
    outcome = answer.acknowledge(incident, occurrence, by, now, until)
    return _acknowledged(db, outcome, now, by_person)


def take_over(
    db: Connection,
    incident_id: int,
    by: str,
    now: datetime,
    *,
    occurrence: int | None = None,
    until: datetime,
    by_person: str | None = None,
) -> Acknowledged | Stale | Resolved | Missing:
    """Acknowledge, also in place of the person who has it. They are told, even if they were not paged."""
    incident = store.lock(db, [incident_id]).get(incident_id)
    if incident is None:
        return Missing()
    return _acknowledged(db, answer.take_over(incident, occurrence, by, now, until), now, by_person)


def _acknowledged(
    db: Connection, outcome: Acknowledged | Stale | Resolved, now: datetime, by_person: str | None
) -> Acknowledged | Stale | Resolved:
    if not isinstance(outcome, Acknowledged) or outcome.repeated:
        return outcome
    taken = f", who took over from {outcome.taken_from}" if outcome.taken_from else ""
    line = f"acknowledged by {outcome.by}{taken}"
    _quieten(db, [outcome.incident], line, outcome.by, now, by_person, also=_holder(db, outcome.previous))
    paged_at = None if taken else paging_history.paged_at(db, outcome.previous)
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
    """Silence an incident until `until`, when it pages again. See `answer.snooze`."""
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
    """Page the next step of the policy now, for a human: the next one of which anybody is not in quiet hours.

    See `handover.hand_on`.
    """
    incident = store.lock(db, [incident_id]).get(incident_id)
    if incident is None:
        return Missing()
    crew = roster.load_crew(db, incident.policy.targets)
    policy, turns = incident.policy, incident.turns
    paged = next_page.pageable(policy, incident.step, crew, incident.severity, now, turns)
    outcome = handover.hand_on(incident, by, now, paged.step if paged else None)
    if isinstance(outcome, HandedOn) and not outcome.repeated:
        store.save(db, [outcome.incident])
        line = f"{by} asked to page the next person now"
        timeline.write(db, [Entry(incident_id, now, recap.HANDED_ON, line, by)])
    return outcome


def withdraw(
    db: Connection, incident_id: int, by: str, now: datetime, *, by_person: str | None = None
) -> Withdrawn | Resolved | Missing:
    """Withdraw an acknowledgement or a snooze, for a human: it pages again from the first step. See `handover`."""
    incident = store.lock(db, [incident_id]).get(incident_id)
    if incident is None:
        return Missing()
    outcome = handover.withdraw(incident, by, now)
    if isinstance(outcome, Withdrawn) and not outcome.repeated:
        store.save(db, [outcome.incident])
        outbox.supersede(db, [incident_id], OVERTAKEN)
        timeline.write(db, [Entry(incident_id, now, recap.WITHDRAWN, outcome.words, by)])
        _inform(db, outcome, outcome.words, now, by_person)
    return outcome


def reassign(
    db: Connection,
    incident_id: int,
    to: escalation.Target,
    by: str,
    now: datetime,
    *,
    by_person: str | None = None,
) -> Reassigned | Nobody | Resolved | AllWell | Missing:
    """Page the target `to` now, for a human; then the policy from its first step if nobody answers.

    Nothing changes if nobody can be paged as `to`.
    """
    incident = store.lock(db, [incident_id]).get(incident_id)
    if incident is None:
        return Missing()
    crew = roster.load_crew(db)
    outcome = handover.reassign(incident, to, by, now)
    if not isinstance(outcome, Reassigned) or outcome.repeated:
        return outcome
    if escalation.unreachable([to], crew, now):
        return Nobody(to)
    store.save(db, [outcome.incident])
    store.save_policy(db, outcome.incident)
    outbox.supersede(db, [incident_id], OVERTAKEN)
    line = f"{by} reassigned it to {times.names(escalation.names_of([to], crew, now))}"
    timeline.write(db, [Entry(incident_id, now, recap.REASSIGNED, line, by)])
    _inform(db, outcome, line, now, by_person)
    return outcome


def _inform(
    db: Connection, outcome: Withdrawn | Reassigned, line: str, now: datetime, by_person: str | None
) -> None:
    """Tell those who were paged, and whoever had it, that it pages again. Those who are paged now hear it then."""
    paging, crew = outcome.incident, roster.load_crew(db)
    turnout = escalation.people_of(paging.policy, 0, crew, paging.severity, now, paging.turns)
    paged = [] if turnout.draws else [person.id for person in turnout.people]
    updates = [(outcome.incident, line)]
    also = _holder(db, outcome.previous)
    tell(db, NoticeKind.UPDATE, updates, now, by_person, also=also, without=paged)


def _holder(db: Connection, incident: Incident) -> list[Person]:
    """Return the person who had acknowledged an incident, if their name is that of one person."""
    if incident.state is not State.ACKNOWLEDGED:
        return []
    called = [person for person in roster.load_people(db).values() if person.name == incident.acknowledged_by]
    return called if len(called) == 1 else []


def _quieten(
    db: Connection,
    incidents: Sequence[Incident],
    answer: str,
    by: str,
    now: datetime,
    by_person: str | None,
    *,
    also: Sequence[Person] = (),
) -> None:
    store.save(db, incidents)
    timeline.write(db, [Entry(incident.id, now, incident.state.value, answer, by) for incident in incidents])
    outbox.supersede(db, [incident.id for incident in incidents], OVERTAKEN)
    tell(
        db, NoticeKind.ACKNOWLEDGED, [(incident, answer) for incident in incidents], now, by_person, also=also
    )
