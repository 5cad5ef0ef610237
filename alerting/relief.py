"""The relief of whoever is on call by whoever comes on call: what is open goes over, and both hear of it.

Whoever comes is paged for each incident that has paged their rotation and that nobody has acknowledged. An answer of
whoever goes stands until it ends: the next page asks the rotation. One message to both says what is open.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import escalation, incident_lists, next_page, outbox, round_robin, store, timeline, times
from alerting.incident import Entry, Incident, State, Symptom
from alerting.news import NO_NEWS
from alerting.person import Person
from alerting.report import report

MOST = 500
"""Open incidents that are looked at, most urgent first."""
NAMED = 10
"""Incidents that the message names."""
HANDED_OVER = "handed over"
"""The kind of the line in the timeline of an incident."""


@dataclass(frozen=True, slots=True)
class Relief:
    """A change of shift of a rotation: who goes off call, and who comes on. Either may be nobody."""

    rotation: str
    gone: tuple[Person, ...]
    come: tuple[Person, ...]

    @property
    def words(self) -> str:
        """The change in words: "Ben is on call for infra now, and Anna is not any more"."""
        gone, come = _names(self.gone), _names(self.come)
        if not self.come:
            return f"nobody is on call for {self.rotation} now; {gone} {_are(self.gone)} not any more"
        on = f"{come} {_are(self.come)} on call for {self.rotation} now"
        return f"{on}, and {gone} {_are(self.gone)} not any more" if self.gone else on


def relieve(db: Connection, relief: Relief, symptom: Symptom, by: str, now: datetime) -> list[int]:
    """Hand over what is open. Return the numbers of the incidents, none if nobody needs to hear of it.

    `symptom` is that of the message, and gets its words.
    """
    incidents = [one for one in incident_lists.going_on(db, MOST) if _concerns(one, relief.rotation, now)]
    if not incidents:
        return []
    locked = store.lock(db, [incident.id for incident in incidents])
    incidents = [locked[incident.id] for incident in incidents]
    _page(db, relief, [one for one in incidents if one.state is State.OPEN], now)
    timeline.write(db, [Entry(incident.id, now, HANDED_OVER, relief.words, by) for incident in incidents])
    told = [person for person in (*relief.come, *relief.gone) if person.contacts]
    lines = message(relief, incidents)
    facts = replace(symptom.facts, why=relief.words, description=" ".join(lines[2:]))
    report(db, replace(symptom, facts=facts), "\n".join(lines), by, now, told)
    return [incident.id for incident in incidents]


def message(relief: Relief, incidents: Sequence[Incident]) -> list[str]:
    """Return the title and the lines of the message to those who go and come."""
    lines = [_line(incident) for incident in incidents[:NAMED]]
    if len(incidents) > NAMED:
        lines.append(f"And {times.count(len(incidents) - NAMED, 'more incident')}.")
    on = _names(relief.come) or "nobody"
    title = f"{relief.rotation}: {on} on call, {times.count(len(incidents), 'incident')} open"
    return [title, f"{relief.words[:1].upper()}{relief.words[1:]}.", *lines]


def _page(db: Connection, relief: Relief, incidents: Sequence[Incident], now: datetime) -> None:
    """Page whoever comes for these incidents, unless they had a page of it."""
    paged = outbox.paged_people(db, [incident.id for incident in incidents])
    pages = [
        # It belongs to the last step: the next one pages by itself.
        (replace(incident, step=incident.step - 1), person, relief.words, NO_NEWS)
        for incident in incidents
        if not _waits_for_hours(incident, now)
        for person in relief.come
        if person.contacts and person.id not in paged.get(incident.id, ())
    ]
    outbox.intend_pages(db, pages, now, unless_there=True)


def _waits_for_hours(incident: Incident, now: datetime) -> bool:
    """Return whether pages of an incident wait for working hours: a change of shift is no reason to wake anybody."""
    hours = incident.policy.warnings_wait_for
    wait = next_page.wait(hours, (), incident.severity, now, incident.waits_until)
    return wait is not None and wait.why == next_page.WORKING_HOURS


def _concerns(incident: Incident, rotation: str, now: datetime) -> bool:
    """Return whether an incident has come to a step of a rotation that is meant for it, and still is trouble."""
    reached = incident.policy.steps[: incident.step]
    meant = (place for place, step in enumerate(reached) if step.only.holds(incident.severity, now))
    return not incident.recovering and any(_pages(incident, place, rotation) for place in meant)


def _pages(incident: Incident, place: int, rotation: str) -> bool:
    """Return whether a step that an incident has come to has paged a rotation: if it goes round, in its turn."""
    step = incident.policy.steps[place]
    if not step.round_robin:
        return rotation in step.targets
    turn = round_robin.of_step(incident.turns, escalation.number_of(incident.policy, place))
    return turn is not None and turn.entry == rotation


def _line(incident: Incident) -> str:
    match incident.state:
        case State.ACKNOWLEDGED:
            answer = f"acknowledged by {incident.acknowledged_by}"
        case State.SNOOZED:
            answer = "snoozed"
        case _:
            answer = "nobody has acknowledged it"
    return f"#{incident.id} {incident.title} ({incident.cause}): {answer}."


def _names(people: Sequence[Person]) -> str:
    return times.names([person.name for person in people])


def _are(people: Sequence[Person]) -> str:
    return "is" if len(people) == 1 else "are"
