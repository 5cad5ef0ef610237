"""What was collected in another system, as lines of heartbeat.yaml. Pure.

What has no counterpart stands above as comments. Names are made of those in the other system, and are unique here.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from typing import Any, Final

from alerting import times
from alerting.escalation import MAX_WAIT, MIN_WAIT
from alerting.person import OPERATOR
from alerting.rotation import Layer, Rotation, Unit
from heartbeat.definitions import entry, export, rotations
from heartbeat.duration import written as written_duration
from heartbeat.operations.come_over.collected import (
    Collected,
    Lane,
    SourcePerson,
    SourcePolicy,
    SourceSchedule,
    Way,
)
from heartbeat.written import Inline, filled, one_or_more, unless

_TWILIO: Final = {
    "account_sid": "AC00000000000000000000000000000000",
    "auth_token": "${TWILIO_AUTH_TOKEN}",
    "from": "+15005550006",
}
SETTINGS: Final[Mapping[str, Mapping[str, str] | None]] = {
    "email": {"smtp": "smtp://mail.example.com:587", "from": "heartbeat@example.com"},
    "sms": _TWILIO,
    "voice": _TWILIO,
    "webhook": None,
}
"""The kinds of contacts that come over, with the settings that their notifier needs."""
_WIDTH: Final = 100


class Names:
    """The names of everything that a step can page, by ids of the other system."""

    def __init__(self) -> None:
        self._taken = {OPERATOR.id}
        self.of: dict[str, tuple[str, ...]] = {}

    def give(self, number: str, name: str, count: int = 1) -> tuple[str, ...]:
        """Give `count` new names to a thing, made of its name there."""
        slug = _slug(name)
        self.of[number] = tuple(self._free(slug) for _ in range(count))
        return self.of[number]

    def _free(self, slug: str) -> str:
        candidates = chain([slug], (f"{slug[:90]}-{number}" for number in range(2, 100_000)))
        free = next(candidate for candidate in candidates if candidate not in self._taken)
        self._taken.add(free)
        return free


def text(collected: Collected, source: str, kinds: Collection[str]) -> str:
    """Return the lines. `source` is the name of the other system, `kinds` are the installed notifiers.

    What has no counterpart is added to `collected.leftovers`.
    """
    names = Names()
    people = {names.give(person.id, _short(person))[0]: person for person in collected.people}
    persons = {name: _person(person, collected, kinds) for name, person in people.items()}
    sections = {
        "people": persons,
        "teams": _teams(collected, names),
        "rotations": {
            name: rotations.written(rotation)
            for schedule in collected.schedules
            for name, rotation in _rotations(schedule, collected, names)
        },
        "policies": _policies(collected, names),
        "notifiers": _notifiers(persons.values()),
    }
    body = export.dumped({name: section for name, section in sections.items() if section})
    return "".join([*_head(collected, source), "\n", body])


def _head(collected: Collected, source: str) -> Iterator[str]:
    yield f"# From {source}. Put your own relay and sender under `notifiers`, then try it: heartbeat plan --offline\n"
    if collected.leftovers:
        yield f"# {times.count(len(collected.leftovers), 'thing')} without a counterpart:\n"
    for sentence in collected.leftovers:
        yield f"# - {' '.join(sentence.split())}\n"


def _short(person: SourcePerson) -> str:
    return person.email.partition("@")[0] or person.name


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_WIDTH] or "unnamed"


def _person(person: SourcePerson, collected: Collected, kinds: Collection[str]) -> dict[str, Any]:
    zone = person.timezone if _is_zone(person.timezone) else ""
    contacts = _contacts(person, person.ways, collected, kinds)
    if not contacts and person.email and "email" in kinds:
        contacts = [Inline({"email": person.email})]
    if not contacts:
        collected.leave(
            f"{person.name}: there is no contact, so pages go to the terminal of the service. Add one."
        )
        contacts = [Inline({"console": "terminal"})]
    warnings = _contacts(person, person.warnings, collected, kinds)
    return filled(
        {
            "name": person.name,
            "timezone": unless(zone, "UTC") or None,
            "contacts": contacts,
            "warnings": warnings if warnings and warnings != contacts else None,
        }
    )


def _contacts(
    person: SourcePerson, ways: Sequence[Way], collected: Collected, kinds: Collection[str]
) -> list[Inline]:
    """Return the contacts of some ways: each address once, at its first time. The first one is paged at once."""
    times_: dict[tuple[str, str], timedelta] = {}
    for way in sorted(ways, key=lambda way: way.delay):
        if way.kind in kinds and way.kind in SETTINGS:
            times_.setdefault((way.kind, way.address), way.delay)
        else:
            collected.leave(f"{person.name}: {way.kind} {way.address}.")
    if first := next(iter(times_.values()), timedelta()):
        collected.leave(
            f"{person.name}: the first contact waits {times.duration(first)}; here it is paged at once."
        )
    return [
        Inline({kind: address} | ({"after": written_duration(delay)} if place else {}))
        for place, ((kind, address), delay) in enumerate(times_.items())
    ]


def _is_zone(name: str) -> bool:
    try:
        return bool(entry.zone(name))
    except ValueError:
        return False


def _teams(collected: Collected, names: Names) -> dict[str, Any]:
    teams = {}
    for team in collected.teams:
        members = [names.of[number][0] for number in team.people if number in names.of]
        if members:
            (name,) = names.give(team.id, team.name)
            teams[name] = members
        else:
            collected.leave(f"Team {team.name}: left out, because it has no members.")
    return teams


def _rotations(
    schedule: SourceSchedule, collected: Collected, names: Names
) -> Iterator[tuple[str, Rotation]]:
    """Yield the rotations of a schedule: as many as there may be people on call together.

    Each has all levels. In one level, each begins with another lane, so that together they have all of its lanes, and
    none of a lower level while any of a higher one is on call.
    """
    if not schedule.levels:
        collected.leave(f"Schedule {schedule.name}: left out, because nobody is on call by it.")
        return
    levels = _of_one_zone(schedule, collected)
    count = max(len(level) for level in levels)
    for place, name in enumerate(names.give(schedule.id, schedule.name, count)):
        if len(levels) == 1:
            lanes = [levels[0][place]]
        else:
            lanes = [level[(place + step) % len(level)] for level in levels for step in range(len(level))]
        yield name, Rotation(name, lanes[0].timezone, tuple(_layer(lane, collected, names) for lane in lanes))


def _of_one_zone(schedule: SourceSchedule, collected: Collected) -> Sequence[Sequence[Lane]]:
    """Return the levels, without lanes of another zone where levels must share one."""
    if len(schedule.levels) == 1:
        return schedule.levels
    zone = schedule.levels[0][0].timezone
    for lane in chain(*schedule.levels):
        if lane.timezone != zone:
            collected.leave(
                f"{lane.name}: left out, because its zone is {lane.timezone}, and that of others {zone}."
            )
    levels = [tuple(lane for lane in level if lane.timezone == zone) for level in schedule.levels]
    return [level for level in levels if level]


def _layer(lane: Lane, collected: Collected, names: Names) -> Layer:
    if lane.layer.shift.unit is Unit.HOUR:
        shift = lane.layer.shift
        collected.leave(
            f"{lane.name}: turns of {shift} hand over by the clock on the wall here, also when it is set."
        )
    people = tuple(names.of[number][0] for number in lane.layer.people)
    return Layer(people, lane.layer.shift, lane.layer.start, lane.layer.only)


def _policies(collected: Collected, names: Names) -> dict[str, Any]:
    own = Names()
    return {
        own.give(policy.id, policy.name)[0]: steps
        for policy in collected.policies
        if (steps := _steps(policy, collected, names))
    }


def _steps(policy: SourcePolicy, collected: Collected, names: Names) -> list[Inline]:
    steps: list[Inline] = []
    teams = {name for team in collected.teams for name in names.of.get(team.id, ())}
    for number, step in enumerate(policy.steps, 1):
        place = f"Policy {policy.name}, step {number}"
        for target in step.page:
            if target not in names.of:
                collected.leave(f"{place}: it pages {target}, which is not here.")
        page = dict.fromkeys(name for target in step.page for name in names.of.get(target, ()))
        wait = min(max(step.wait, MIN_WAIT), MAX_WAIT)
        if wait != step.wait:
            collected.leave(f"{place}: it waits {times.duration(step.wait)}; here {times.duration(wait)}.")
        if page:
            in_turn = step.round_robin and (len(page) > 1 or not teams.isdisjoint(page))
            steps.append(_step(tuple(page), in_turn, written_duration(wait)))
        else:
            collected.leave(f"{place}: left out, because nobody of it is here.")
    if not steps:
        collected.leave(f"Policy {policy.name}: left out, because no step is left.")
    return steps


def _step(page: tuple[str, ...], in_turn: bool, wait: str) -> Inline:
    turns = {"round_robin": True} if in_turn else {}
    return Inline({"page": one_or_more(page), **turns, "wait": wait})


def _notifiers(persons: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings of the notifiers that these people need."""
    contacts = [
        contact for person in persons for contact in (*person["contacts"], *person.get("warnings", ()))
    ]
    kinds = sorted({kind for contact in contacts for kind in contact} & SETTINGS.keys())
    return {kind: dict(settings) for kind in kinds if (settings := SETTINGS[kind]) is not None}
