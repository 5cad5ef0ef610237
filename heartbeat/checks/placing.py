"""Puts checks that turn down into incidents: silent ones into that of the highest level of which all is silent.

A check that maintenance covers says nothing about a level, and stays in its own group. The number of statements does
not grow with the number of checks: none without levels, else at most six.
"""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import desk
from alerting.incident import Incident, Symptom, Wider
from heartbeat import installation
from heartbeat.checks import cause, groups, level, level_store, maintenance_store, symptoms, waiting
from heartbeat.checks.level import Extent
from heartbeat.checks.symptoms import Fall

_SIBLINGS = 500
"""Checks that are down in the groups of a sweep, at most, of which some may stand in the incident of a level."""
_Opened = Mapping[str, Mapping[str, Incident]]
"""Open incidents by the beginning of their cause key, which their class and policy make, and by group or level."""


def raise_(db: Connection, falls: Sequence[Fall], now: datetime) -> None:
    """Raise the symptoms of checks that have turned down. They page once the configured gathering time is over."""
    fallen = list(zip(falls, symptoms.of_falls(db, falls, now), strict=True))
    pace = installation.pace(db)
    fallen = waiting.fallen_again(db, fallen, now, pace)
    for wave in waiting.waves(fallen):
        raised = waiting.consequences(db, wave, fallen, now)
        wider: dict[str, Wider] = {}
        nested = {key for one in raised if level.is_nested(key := cause.group_of(one.cause_key))}
        if nested:
            raised, wider = _placed(db, raised, nested, now)
        desk.raise_(db, raised, now, pace, wider)


def _placed(
    db: Connection, raised: Sequence[Symptom], nested: Collection[str], now: datetime
) -> tuple[list[Symptom], dict[str, Wider]]:
    """Return the symptoms with the causes of their levels, and the incidents that grow to these."""
    keys = {key for group in nested for key in (group, *level.above(group))}
    windows = [window for window in maintenance_store.standing(db, now) if window.starts_at <= now]
    extents = level_store.extents(db, keys, [window.match for window in windows])
    chosen = {group: level.chosen(group, extents) for group in nested}
    starts = {_start(symptom) for symptom in raised}
    opened = _opened(db, starts, chosen)
    held = _held(db, opened, now) if windows else set()
    shared = _shared(db, nested, opened)
    same = {
        (start, place): _same(place, extents[place], opened[start], held)
        for start in starts
        for place in set(chosen.values())
        if level.is_level(place)
    }
    placed, wider = [], {}
    for symptom in raised:
        start, group = _start(symptom), cause.group_of(symptom.cause_key)
        if group not in nested or symptom.hold is not None or symptom.waits_for is not None:
            placed.append(symptom)
            continue
        top = chosen[group]
        place = level.place(
            group,
            top,
            opened[start],
            same.get((start, top), ()),
            {key for key, incident in opened[start].items() if incident.untold},
            shared.get((start, group)),
        )
        placed.append(_at(symptom, start, place.key))
        if place.grows is not None:
            before, after = place.grows
            takes = tuple(start + key for key in place.takes)
            wider[start + before] = Wider(start + after, cause.key_title(after), takes)
    return placed, wider


def _start(symptom: Symptom) -> str:
    """Return the beginning of the cause key, before the group."""
    return symptom.cause_key.removesuffix(cause.group_of(symptom.cause_key))


def _at(symptom: Symptom, start: str, place: str) -> Symptom:
    if symptom.cause_key == start + place:
        return symptom
    return replace(symptom, cause_key=start + place, incident_title=cause.key_title(place))


def _opened(db: Connection, starts: Collection[str], chosen: Mapping[str, str]) -> _Opened:
    """Return the open incidents of these groups, of the levels above them, and within the levels that are silent."""
    keys = {key for group in chosen for key in (group, *level.above(group))}
    whole = {place for place in chosen.values() if level.is_level(place)}
    found = desk.open_about(
        db,
        [start + key for start in starts for key in keys],
        [start + level.inside(place) for start in starts for place in whole],
    )
    opened: dict[str, dict[str, Incident]] = {start: {} for start in starts}
    for incident in found:
        key = cause.group_of(incident.cause_key)
        start = incident.cause_key.removesuffix(key)
        if start in opened:
            opened[start][key] = incident
    return opened


def _held(db: Connection, opened: _Opened, now: datetime) -> set[int]:
    """Return the numbers of those incidents that maintenance holds: what is silent in them is expected to be."""
    numbers = [incident.id for of_start in opened.values() for incident in of_start.values()]
    return {number for number, one in desk.standing(db, numbers, now).items() if one.held_until is not None}


def _same(place: str, extent: Extent, opened: Mapping[str, Incident], held: Container[int]) -> list[str]:
    """Return the places within this one whose incidents opened since it can have fallen silent, oldest first."""
    since = extent.heard_at
    return [
        key
        for key, incident in opened.items()
        if level.within(key, place)
        and incident.id not in held
        and (since is None or incident.opened_at >= since)
    ]


def _shared(db: Connection, nested: Collection[str], opened: _Opened) -> dict[tuple[str, str], str]:
    """Return the levels in whose incidents checks of these groups stand, by the beginning of the key and the group."""
    by_number = {
        incident.id: (start, key)
        for start, of_start in opened.items()
        for key, incident in of_start.items()
        if level.is_level(key)
    }
    inside = [group for group in nested if any(level.within(group, key) for _, key in by_number.values())]
    if not inside:
        return {}
    down = groups.down_in(db, inside, _SIBLINGS)
    group_of = {symptoms.key_of_id(number): group for number, group in down.items()}
    shared = {}
    for key, number in desk.incident_of(db, group_of).items():
        if number in by_number:
            start, place = by_number[number]
            shared[start, group_of[key]] = place
    return shared
