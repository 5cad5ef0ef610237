"""An incident and its symptoms after a step of the clock: where their facts and their waits are then. Pure."""

from dataclasses import replace
from datetime import datetime

from alerting.clock_step import Step
from alerting.incident import Incident, RaisedSymptom


def retimed(incident: Incident, step: Step, written_at: datetime, asked_at: datetime | None) -> Incident:
    """Return the incident after a step of the clock.

    Its last line was written at `written_at`, and a person asked for its quiet at `asked_at`.
    """
    next_at = step.wait(incident.next_at, written_at)
    if incident.waits_until is not None and incident.next_at is not None and next_at is not None:
        # What it waits for is a time on the clock. It is looked at no later than it would have been.
        next_at = min(incident.next_at, next_at)
    if asked_at is not None and incident.next_at is not None:
        next_at = step.quiet(incident.next_at, asked_at)
    return replace(
        incident,
        next_at=next_at,
        waits_until=_waits_until(incident, step),
        tell_at=step.wait(incident.tell_at, written_at),
        settles_at=step.wait(incident.settles_at, written_at),
        told_at=step.fact(incident.told_at),
        acknowledged_at=step.fact(incident.acknowledged_at),
        recovered_at=step.fact(incident.recovered_at),
        falls=tuple(step.fact(at) for at in incident.falls),
    )


def _waits_until(incident: Incident, step: Step) -> datetime | None:
    """Return until when a page is put off. A wait that is over stays over: it is no time on the clock any more."""
    until = incident.waits_until
    return until if until is None or until > step.before else step.fact(until)


def symptom_retimed(symptom: RaisedSymptom, step: Step) -> RaisedSymptom:
    """Return the symptom after a step of the clock.

    Maintenance holds it until the date that a person has set. A wait for another symptom goes on for as long as before.
    """
    waits = symptom.waits_for is not None or symptom.waited_for is not None
    return replace(
        symptom,
        held_until=step.wait(symptom.held_until, symptom.raised_at) if waits else symptom.held_until,
        raised_at=step.fact(symptom.raised_at),
        cleared_at=step.fact(symptom.cleared_at),
        falls=tuple(step.fact(at) for at in symptom.falls),
    )
