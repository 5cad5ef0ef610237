"""Steps whose pages every contact refused: nobody has such a page, and no later try brings it. They are not waited for.

A refusal is for good. A contact that is unreachable may be back in a minute, and its step keeps its wait: an outage of
the own network would otherwise wake everybody of every policy.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import attempts, escalation, next_page, outbox, roster, store, symptom_store, timeline, times
from alerting.crew import Crew
from alerting.incident import Entry, Incident, Standing, State
from alerting.news import NO_NEWS
from alerting.outbox import Page
from alerting.person import BUILT_IN, OPERATOR, Person

AT_ONCE = 500
"""The most incidents of one transaction."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An incident whose step reached nobody. `by` are all who refuse its pages, `names` those of the step."""

    incident: Incident
    by: frozenset[str]
    names: Sequence[str]


def hand_on(db: Connection, numbers: Collection[int], now: datetime) -> frozenset[int]:
    """Let those of these incidents page on whose step everybody refused. Return their numbers.

    The next step pages at once. If it would page the same people again, the catch-all is paged beside them.
    """
    waiting = [one for one in store.lock(db, numbers).values() if _waits_for_answer(one, now)]
    standing = symptom_store.standing(db, [incident.id for incident in waiting], now)
    refused = _refused(db, [one for one in waiting if _is_trouble(standing.get(one.id), now)])
    if not refused:
        return frozenset()
    crew = roster.load_crew(db, {name for one in refused for name in one.incident.policy.targets})
    onward = [one for one in refused if _others_follow(one, crew, now)]
    stuck = [one for one in refused if one not in onward]
    store.save(db, [replace(one.incident, next_at=now) for one in onward])
    timeline.write(db, [_moved_on(one, now) for one in onward])
    paged = _page_last_resort(db, stuck, crew, now)
    return frozenset({one.incident.id for one in onward} | paged)


def hand_on_digest(db: Connection, digest: int, after: int, now: datetime) -> int | None:
    """Do so for some incidents above `after` of a digest that was refused. Return the last one, None at the end."""
    numbers = attempts.incidents_of_digest(db, digest, after, AT_ONCE)
    hand_on(db, numbers, now)
    return numbers[-1] if len(numbers) == AT_ONCE else None


def _waits_for_answer(incident: Incident, now: datetime) -> bool:
    """Return whether somebody was paged, and the next step waits for an answer alone. Nobody hears of a drill."""
    paged = incident.step > 0 and incident.policy.name != escalation.DRILL.name
    waits = incident.next_at is not None and incident.next_at > now and incident.waits_until is None
    return paged and waits and incident.state is State.OPEN and not incident.recovering


def _is_trouble(standing: Standing | None, now: datetime) -> bool:
    """Return whether something stands in an incident that no maintenance holds."""
    return standing is not None and (standing.held_until is None or standing.held_until <= now)


def _refused(db: Connection, incidents: Sequence[Incident]) -> list[Refused]:
    calls = outbox.calls(db, [incident.id for incident in incidents])
    everything = [page for pages in calls.values() for page in pages]
    people = roster.load_people(db, {page.person for page in everything}) | BUILT_IN
    outcomes = attempts.last_outcomes(db, [page.id for page in everything])
    found = []
    for incident in incidents:
        pages = calls.get(incident.id, [])
        refusing = [page for page in pages if _is_refused(page, people, outcomes.get(page.id, {}))]
        # Whoever still has a page of an earlier step waiting is not paged anew: then that one stands for the step.
        of_step = [page for page in pages if page.step == incident.step - 1] or pages
        if of_step and all(page in refusing for page in of_step):
            by = frozenset(page.person for page in refusing)
            found.append(Refused(incident, by, [_person(page, people).name for page in of_step]))
    return found


def _person(page: Page, people: Mapping[str, Person]) -> Person:
    person = people.get(page.person, OPERATOR)
    return person if person.contacts else OPERATOR


def _is_refused(page: Page, people: Mapping[str, Person], outcomes: Mapping[str, str]) -> bool:
    """Return whether every contact of its person refused a page. `outcomes` are the last ones by contact."""
    ways = _person(page, people).ways(page.severity)
    return page.state == "pending" and all(outcomes.get(way.mark) == "refused" for way in ways)


def _others_follow(one: Refused, crew: Crew, now: datetime) -> bool:
    incident = one.incident
    policy, step, severity = incident.policy, incident.step, incident.severity
    decision = escalation.decide(policy, step, now, crew, severity, incident.turns)
    following = escalation.recipients(decision.targets, crew, now)
    return any(person.id not in one.by for person in following)


def _moved_on(one: Refused, now: datetime) -> Entry:
    line = f"every contact of {times.names(one.names)} refused the page: the next step follows at once"
    return Entry(one.incident.id, now, "moved on", line)


def _page_last_resort(db: Connection, stuck: Sequence[Refused], crew: Crew, now: datetime) -> set[int]:
    waiting = outbox.waiting(db, [one.incident.id for one in stuck])
    pages, entries = [], []
    for one in stuck:
        incident, why = one.incident, escalation.nobody_reached(one.incident.policy)
        able = [person for person in escalation.last_resort(crew, now) if person.id not in one.by]
        able = able or [OPERATOR]
        if next_page.wait(incident.policy.warnings_wait_for, able, incident.severity, now) is not None:
            continue  # What is refused again once they can be paged pages them then.
        free = [person for person in able if (incident.id, person.id) not in waiting]
        # It belongs to the last step: the next one pages by itself.
        pages += [(replace(incident, step=incident.step - 1), person, why, NO_NEWS) for person in free]
        if free:
            line = f"{why}: {', '.join(person.name for person in free)}"
            entries.append(Entry(incident.id, now, "paged", line))
    outbox.intend_pages(db, pages, now, unless_there=True)
    timeline.write(db, entries)
    return {entry.incident_id for entry in entries}
