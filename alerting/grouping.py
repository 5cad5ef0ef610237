"""Groups symptoms into incidents: opens them, joins them, and holds their pages. Pure.

Each decision returns the changed incident and the new lines of its timeline.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alerting import escalation
from alerting import incident as life
from alerting.escalation import Policy
from alerting.incident import Entry, Hold, Incident, RaisedSymptom, Reopened, State, Symptom

HELD = "held"
"""The kind of timeline entries about a hold, its beginning and its end."""


def opened(
    symptoms: Iterable[Symptom], policies: Mapping[str, Policy], now: datetime, gathering: timedelta
) -> dict[str, Incident]:
    """Return the incidents that these symptoms open, by cause key, without a number yet.

    The worst symptom of each gives the severity and the policy. The one with the shortest hold gives the time to page.
    """
    incidents: dict[str, Incident] = {}
    for symptom in sorted(symptoms, key=lambda symptom: symptom.severity.rank):
        page_at = life.pages_at(now, hold_end(symptom.hold), gathering)
        incident = incidents.get(symptom.cause_key)
        if incident is None:
            policy = escalation.in_force(policies, symptom.policy)
            incidents[symptom.cause_key] = _opened(symptom, policy, now, page_at)
        elif incident.next_at is None or page_at < incident.next_at:
            incidents[symptom.cause_key] = replace(incident, next_at=page_at)
    return incidents


def joined(
    incident: Incident, symptom: Symptom, recurred: bool, now: datetime, gathering: timedelta
) -> tuple[Incident, list[Entry]]:
    """Return the open incident with a symptom that joins. `recurred` is true if it had that symptom before."""
    severity = min(incident.severity, symptom.severity, key=lambda severity: severity.rank)
    changed = replace(incident, severity=severity)
    page_at = life.pages_at(now, hold_end(symptom.hold), gathering)
    reopening = life.on_join(incident, recurred, symptom.hold is not None, page_at)
    if reopening is not None:
        reason = f"{symptom.title} {symptom.words.verb} {reopening.reason}"
        entries = [Entry(incident.id, now, "reopened", f"paging again: {reason}")]
        if symptom.hold is not None:
            entries.append(Entry(incident.id, now, HELD, hold_words(symptom.hold)))
        return reopened(changed, reopening), entries
    entries = []
    if life.waits(incident) and incident.next_at is not None and page_at < incident.next_at:
        changed = replace(changed, next_at=page_at)
        entries = [Entry(incident.id, now, HELD, f"no longer held: {symptom.title} is not held")]
    if incident.told_at is not None:
        changed = replace(changed, tell_at=min(incident.tell_at or page_at, page_at))
    return changed, entries


def reopened(incident: Incident, reopening: Reopened) -> Incident:
    """Return the incident at the start of its next occurrence."""
    return replace(
        incident,
        state=State.OPEN,
        occurrence=reopening.occurrence,
        step=0,
        next_at=reopening.next_at,
        acknowledged_by=None,
        acknowledged_at=None,
    )


def recovered(
    incidents: Mapping[int, Incident],
    all_held_until: Mapping[int, datetime | None],
    now: datetime,
    gathering: timedelta,
) -> list[Incident]:
    """Return those incidents that go on after losing symptoms, and change by it.

    The people who were paged hear of it. If nobody was paged yet, the symptoms that are left may be held for longer:
    `all_held_until` has the end for each incident that goes on, None if one of its symptoms is not held.
    """
    changed = []
    for number, incident in incidents.items():
        if number not in all_held_until or incident.state is State.RESOLVED:
            continue
        soon, next_at, held_until = now + gathering, incident.next_at, all_held_until[number]
        tell_at = incident.tell_at if incident.told_at is None else min(incident.tell_at or soon, soon)
        if life.waits(incident) and next_at is not None and held_until is not None:
            next_at = max(next_at, held_until)
        if (tell_at, next_at) != (incident.tell_at, incident.next_at):
            changed.append(replace(incident, tell_at=tell_at, next_at=next_at))
    return changed


def raised(symptom: Symptom, now: datetime) -> RaisedSymptom:
    """Return the symptom as it would be raised now, without a number yet."""
    return RaisedSymptom(
        id=0,
        incident_id=0,
        key=symptom.key,
        title=symptom.title,
        cause=symptom.cause,
        severity=symptom.severity,
        facts=symptom.facts,
        raised_at=now,
        cleared_at=None,
        cleared_why=None,
        held_until=hold_end(symptom.hold),
    )


def can_be_held(symptom: RaisedSymptom, incident: Incident) -> bool:
    """Return whether the symptom's hold may change: an incident that has paged for it is not silenced."""
    return life.waits(incident) or symptom.held_until is not None


def after_hold(
    incident: Incident, symptoms: Sequence[RaisedSymptom], now: datetime, gathering: timedelta
) -> Incident:
    """Return the incident with the time of its first page, or of its news, after holds of its symptoms changed."""
    if life.waits(incident):
        return replace(incident, next_at=life.first_page_at(symptoms, now, gathering))
    told_at, tell_at = incident.told_at, incident.tell_at
    if told_at is not None and tell_at is not None and tell_at > now + gathering:
        return replace(incident, tell_at=life.news_at(symptoms, told_at, now, gathering))
    return incident


def hold_entries(
    previous: Incident, incident: Incident, holds_by_end: Mapping[datetime, Hold], now: datetime
) -> list[Entry]:
    """Return the timeline's lines on a hold, if it has moved the next page."""
    if incident.next_at == previous.next_at or incident.next_at is None:
        return []
    hold = holds_by_end.get(incident.next_at)
    return [Entry(incident.id, now, HELD, hold_words(hold) if hold else "no longer held")]


def opening_entries(incidents: Iterable[Incident], symptoms: Sequence[Symptom], now: datetime) -> list[Entry]:
    """Return the timeline's lines on incidents that are held from their opening."""
    holds = {(s.cause_key, s.hold.until): s.hold for s in symptoms if s.hold is not None}
    return [
        Entry(incident.id, now, HELD, hold_words(hold))
        for incident in incidents
        if incident.next_at is not None and (hold := holds.get((incident.cause_key, incident.next_at)))
    ]


def hold_words(hold: Hold) -> str:
    """Return a hold in words, for a timeline."""
    return f"held until {hold.until:%d %b %H:%M} UTC: {hold.why}"


def hold_end(hold: Hold | None) -> datetime | None:
    """Return the end of a hold, None without one."""
    return None if hold is None else hold.until


def _opened(symptom: Symptom, policy: Policy, now: datetime, page_at: datetime) -> Incident:
    return Incident(
        id=0,
        cause_key=symptom.cause_key,
        title=symptom.incident_title,
        cause=symptom.cause,
        state=State.OPEN,
        severity=symptom.severity,
        occurrence=1,
        policy=policy,
        step=0,
        opened_at=now,
        next_at=page_at,
        installation=symptom.installation,
    )
