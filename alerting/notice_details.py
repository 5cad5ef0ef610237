"""The facts of a notice for machines, as JSON values. Pure."""

from collections.abc import Mapping
from datetime import datetime

from alerting.incident import RaisedSymptom
from alerting.subject import Subject, cause_of

MOST_SYMPTOMS = 500
"""Symptoms in the details of one notice. `symptom_count` counts all."""


def details(subject: Subject, now: datetime) -> Mapping[str, object]:
    """Return the incident, its group and its symptoms."""
    incident, group = subject.incident, subject.surroundings
    return {
        "incident": incident.id,
        "occurrence": incident.occurrence,
        "state": incident.state.value,
        "cause": cause_of(incident, subject.symptoms, now),
        "title": group.title or incident.title,
        "opened_at": incident.opened_at.isoformat(),
        "person": subject.person.id,
        "total": group.total,
        "alive": group.alive,
        "symptom_count": len(subject.symptoms),
        "symptoms": [_symptom(symptom, now) for symptom in subject.symptoms[:MOST_SYMPTOMS]],
    }


def _symptom(symptom: RaisedSymptom, now: datetime) -> dict[str, object]:
    facts = symptom.facts
    return {
        "slug": facts.slug,
        "uuid": facts.uuid,
        "title": symptom.title,
        "labels": dict(facts.labels),
        "severity": symptom.severity.value,
        "cause": symptom.cause,
        "why": facts.why,
        "evidence": facts.evidence,
        "since": facts.since.isoformat(),
        "due": _instant(facts.expected_at),
        "last_heard": _instant(facts.last_heard_at),
        "description": facts.description,
        "runbook": facts.runbook,
        "raised_at": symptom.raised_at.isoformat(),
        "cleared_at": _instant(symptom.cleared_at),
        "waits_for": facts.parent if symptom.waits(now) else "",
    }


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
