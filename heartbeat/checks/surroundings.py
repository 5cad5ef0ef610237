"""What is beside an incident: its group, the same jobs elsewhere, and all other groups.

The number of statements does not grow with the number of incidents.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import desk, times
from alerting.incident import Incident, RaisedSymptom
from alerting.notice import called, in_short
from alerting.subject import cause_of
from alerting.surroundings import LateJob, OtherIncident, Surroundings
from heartbeat.checks import cause, deadline, groups, incident_groups, level, store, symptoms
from heartbeat.checks.check import Check, State
from heartbeat.checks.everywhere import NAMED, Everywhere, incidents_by_group
from heartbeat.checks.groups import AllGroups, CheckGroup
from heartbeat.checks.incident_groups import About

DETAILED_AT_ONCE = 50
"""The most incidents at once that are told all of it. In a storm only the groups are counted."""
SAME_JOBS = 2
"""Groups with the same jobs that are told apart. More are among all the others."""
_MOST_URGENT = 50
"""Open incidents among which those of other groups are looked for."""
_BESIDE = 500
"""Checks that are down beside the incidents, at most."""
MOST_COUNTED = 100_000
"""Checks of an installation, at most, of which all groups are counted for a page. With more, the page would wait."""
_NAMES = 5
"""Jobs of an incident that are looked for elsewhere."""

UNEASY = 20
"""Groups that are not fine, and of which nothing is down, among which some are named."""

RaisedByIncident = Mapping[int, Sequence[RaisedSymptom]]


def of(
    db: Connection,
    incidents: Sequence[Incident],
    raised: RaisedByIncident,
    now: datetime,
    all_groups: AllGroups | None = None,
) -> dict[int, Surroundings]:
    """Return what is beside each of these incidents, whose symptoms are `raised`, by the incident's number.

    It reads all groups, unless they are given. With more than `MOST_COUNTED` checks it leaves them out: a page tells
    of its own group and of the same jobs elsewhere, and goes out at once.
    """
    if not 0 < len(incidents) <= DETAILED_AT_ONCE:
        return within_groups(db, incidents, raised, now)
    urgent = desk.open_incidents(db, _MOST_URGENT)
    abouts = incident_groups.of(db, [*incidents, *urgent])
    twins = _same_jobs(db, incidents, raised, abouts)
    above = {incident.id: _above(abouts[incident.id]) for incident in incidents}
    others = (key for found in (*twins.values(), *above.values()) for key in found)
    own = {key for about in abouts.values() for key in about.keys}
    states = groups.states(db, {*own, *others}, now)
    twins = {
        number: [key for key in found if key in states and states[key].total]
        for number, found in twins.items()
    }
    levels = {key for key in own if level.is_level(key)}
    everywhere = Everywhere(
        states,
        all_groups or _counted(db, now),
        incidents_by_group(urgent, abouts, states),
        groups.within_levels(db, levels, now) if levels else {},
    )
    fine = _fine_twins(db, incidents, raised, abouts, twins, now)
    late = _late(db, {abouts[incident.id].key for incident in incidents}, states, now)
    around = _within_groups(db, incidents, raised, abouts, states, now)
    of_number = {incident.id: incident for incident in incidents}
    return {
        number: replace(
            _with_recovering(group, of_number[number], urgent, abouts),
            late_jobs=tuple(job for key, job in late if group.late and abouts[number].covers(key)),
            above=everywhere.above(abouts[number].key, above[number]),
            twins=fine.get(number),
            same_jobs=tuple(map(everywhere.state, twins[number])),
            elsewhere=everywhere.besides(abouts[number], twins[number]),
        )
        for number, group in around.items()
    }


def within_groups(
    db: Connection, incidents: Sequence[Incident], raised: RaisedByIncident, now: datetime
) -> dict[int, Surroundings]:
    """Return what is beside each of these incidents in its own group only, by the incident's number."""
    abouts = incident_groups.of(db, incidents)
    own = {key for about in abouts.values() for key in about.keys}
    states = groups.states(db, own, now) if own else {}
    return _within_groups(db, incidents, raised, abouts, states, now)


def titled(db: Connection, incidents: Sequence[Incident], now: datetime) -> list[Incident]:
    """Return these incidents as they are now, with the titles of their pages and the cause of most of their jobs."""
    raised = desk.symptoms(db, [incident.id for incident in incidents])
    around = within_groups(db, incidents, raised, now)
    return [
        replace(
            incident,
            title=called(incident, raised[incident.id], around[incident.id], now),
            cause=cause_of(incident, raised[incident.id], now),
        )
        for incident in incidents
    ]


def without(around: Surroundings, job: Check, now: datetime) -> Surroundings:
    """Return what is beside a check of the group, as if this check were down."""
    match deadline.status(job, now):
        case State.UP if job.failures or job.missed:
            return replace(around, tolerated=around.tolerated - 1)
        case State.UP:
            return replace(around, alive=around.alive - 1)
        case State.LATE:
            late_jobs = tuple(late for late in around.late_jobs if late.title != job.name)
            return replace(around, late=around.late - 1, late_jobs=late_jobs)
        case _:
            return replace(around, total=around.total + 1)


def _above(about: About) -> list[str]:
    """Return the level above the group of an incident. Several groups have none."""
    return level.above(about.key)[-1:] if len(about.keys) == 1 else []


def _group(about: About, states: Mapping[str, CheckGroup]) -> Surroundings:
    if len(about.keys) > 1:
        # Its jobs are no part of one whole.
        return Surroundings(total=0, title=about.title)
    key = about.key
    state = states.get(key)
    title = "" if cause.slug_of(key) is not None else cause.key_title(key)
    where = level.preposition(key)
    if state is None:
        place = cause.place_title(key) if level.lacks(key) else ""
        return Surroundings(total=0, group=title, title=about.title, preposition=where, place=place)
    return Surroundings(
        state.total,
        state.up,
        state.newest_at,
        title,
        about.title,
        where,
        state.oldest_at,
        place=cause.place_title(key) if level.lacks(key) else "",
        late=state.late,
        tolerated=state.tolerated,
    )


def _fine_twins(
    db: Connection,
    incidents: Sequence[Incident],
    raised: RaisedByIncident,
    abouts: Mapping[int, About],
    same: Mapping[int, Sequence[str]],
    now: datetime,
) -> dict[int, tuple[str, str]]:
    """Return where jobs that are down alone are, and where all jobs of their names are fine, by incident."""
    alone = {
        incident.id: names.pop()
        for incident in incidents
        if same[incident.id] and len(names := {job.title for job in raised[incident.id] if job.standing}) == 1
    }
    if not alone:
        return {}
    jobs = groups.twins(db, set(alone.values()), {key for number in alone for key in same[number]})
    places_of = {}
    for number, name in alone.items():
        twins = [job for job in jobs if job.name == name and job.group_key in same[number]]
        places = [level.differing(abouts[number].key, key) for key in same[number]]
        first = places[0]
        if first and None not in places and twins and all(_is_fine(job, now) for job in twins):
            places_of[number] = first[0], times.names([place[1] for place in places if place])
    return places_of


def _is_fine(job: Check, now: datetime) -> bool:
    return deadline.status(job, now) is State.UP and not job.failures and not job.missed


def _counted(db: Connection, now: datetime) -> AllGroups | None:
    return None if store.more_than(db, MOST_COUNTED) else groups.all_groups(db, now, UNEASY)


def _with_recovering(
    group: Surroundings, incident: Incident, urgent: Sequence[Incident], abouts: Mapping[int, About]
) -> Surroundings:
    """Return the group with its other incidents that are recovering. Nothing in them is down any more."""
    recovering = [
        OtherIncident(other.id, f"{other.title} recovering")
        for other in urgent
        if other.recovering and other.id != incident.id and abouts[incident.id].covers(abouts[other.id].key)
    ]
    room = max(NAMED - len(group.incidents), 0)
    return replace(
        group,
        incidents=(*group.incidents, *recovering[:room]),
        more_incidents=group.more_incidents + len(recovering[room:]),
    )


def _late(
    db: Connection, keys: set[str], states: Mapping[str, CheckGroup], now: datetime
) -> list[tuple[str, LateJob]]:
    """Return late checks, each with its group."""
    keys = {key for key in keys if key in states and states[key].late}
    late = groups.late_in(db, keys, now, _BESIDE) if keys else ()
    return [(job.group_key, LateJob(job.name, deadline.due_at(job) or now)) for job in late]


def _same_jobs(
    db: Connection, incidents: Sequence[Incident], raised: RaisedByIncident, abouts: Mapping[int, About]
) -> dict[int, list[str]]:
    """Return by incident the keys of the other groups in which jobs of the same names run, if they are few."""
    names = {
        incident.id: [symptom.title for symptom in raised.get(incident.id, ())][:_NAMES]
        for incident in incidents
    }
    keys_by_name = groups.running(
        db, {name for of_incident in names.values() for name in of_incident}, _BESIDE
    )
    same = {}
    for number, of_incident in names.items():
        others = (
            key
            for name in of_incident
            for key in keys_by_name.get(name, ())
            if not abouts[number].covers(key)
        )
        few = _first_different(others, SAME_JOBS + 1)
        same[number] = few if len(few) <= SAME_JOBS else []
    return same


def _first_different(keys: Iterable[str], number: int) -> list[str]:
    """Return the first so many different keys, without a look at the rest."""
    first: dict[str, None] = {}
    for key in keys:
        first[key] = None
        if len(first) == number:
            break
    return list(first)


def _within_groups(
    db: Connection,
    incidents: Sequence[Incident],
    raised: RaisedByIncident,
    abouts: Mapping[int, About],
    states: Mapping[str, CheckGroup],
    now: datetime,
) -> dict[int, Surroundings]:
    # In a storm nobody reads of the other incidents of each group.
    few = incidents if len(incidents) <= DETAILED_AT_ONCE else ()
    besides = _besides(db, few, raised, abouts, states)
    return {
        incident.id: _beside(_group(abouts[incident.id], states), besides.get(incident.id, ()), now)
        for incident in incidents
    }


def _besides(
    db: Connection,
    incidents: Sequence[Incident],
    raised: RaisedByIncident,
    abouts: Mapping[int, About],
    states: Mapping[str, CheckGroup],
) -> dict[int, list[RaisedSymptom]]:
    """Return by incident the symptoms of the same group that are in other incidents."""
    own = {
        incident.id: {symptom.key for symptom in raised.get(incident.id, ()) if symptom.cleared_at is None}
        for incident in incidents
    }
    fuller = {
        key
        for number, mine in own.items()
        for key in abouts[number].keys
        if key in states and (states[key].down > len(mine) or len(abouts[number].keys) > 1)
    }
    down = groups.down_in(db, fuller, _BESIDE) if fuller else {}
    group_of = {symptoms.key_of_id(number): key for number, key in down.items()}
    raised_beside = desk.raised(db, group_of) if group_of else []
    return {
        number: [
            symptom
            for symptom in raised_beside
            if abouts[number].covers(group_of[symptom.key]) and symptom.incident_id != number
        ]
        for number in own
    }


def _beside(group: Surroundings, besides: Sequence[RaisedSymptom], now: datetime) -> Surroundings:
    """Return the group with its symptoms in other incidents."""
    free = [symptom for symptom in besides if not symptom.held(now)]
    by_incident: dict[int, list[RaisedSymptom]] = {}
    for symptom in sorted(besides, key=lambda symptom: (symptom.severity.rank, symptom.incident_id)):
        by_incident.setdefault(symptom.incident_id, []).append(symptom)
    named = list(by_incident.items())[:NAMED]
    return replace(
        group,
        down_besides=Counter(symptom.cause for symptom in free) if group.total else {},
        incidents=tuple(OtherIncident(number, _in_short(theirs, now)) for number, theirs in named),
        more_incidents=len(by_incident) - len(named),
    )


def _in_short(theirs: Sequence[RaisedSymptom], now: datetime) -> str:
    """Return what is down in an incident. Held jobs are left out, unless all are."""
    free = [symptom for symptom in theirs if not symptom.held(now)]
    if free:
        return in_short(free, cause.in_words)
    return f"{in_short(theirs, cause.in_words)}, held by {theirs[0].held_why or 'maintenance'}"
