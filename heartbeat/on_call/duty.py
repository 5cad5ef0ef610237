"""Who is on call now, until when, and who is next: of each rotation. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting import rotation, times
from alerting.crew import Crew
from alerting.person import Person
from alerting.rotation import Rotation

AHEAD = timedelta(days=32)
"""The time in which the next shift is looked for: more than a month."""


@dataclass(frozen=True, slots=True)
class Duty:
    """The people of a rotation who are on call. Without people, nobody is.

    `until` is None if nothing changes within `AHEAD`; then nobody is `following`.
    """

    rotation: Rotation
    people: tuple[Person, ...]
    until: datetime | None
    following: tuple[Person, ...]


def of(crew: Crew, now: datetime) -> list[Duty]:
    """Return the duty of each rotation, by name."""
    return [of_rotation(each, crew, now) for _, each in sorted(crew.rotations.items())]


def of_rotation(each: Rotation, crew: Crew, now: datetime) -> Duty:
    """Return the duty of one rotation."""
    current, *later = rotation.shifts(each, now, now + AHEAD)
    following = later[0].people if later else ()
    return Duty(each, _people(current.people, crew), current.end if later else None, _people(following, crew))


def sentence(duty: Duty, now: datetime) -> str:
    """Return a duty in words: "infra: Anna until 07 Dec 09:00 CET, then Ben."."""
    people = names(duty.people)
    if duty.until is None:
        return f"{duty.rotation.name}: {people}."
    at = times.Clock(now, duty.rotation.timezone).at(duty.until)
    return f"{duty.rotation.name}: {people} until {at}, then {names(duty.following)}."


def names(people: Sequence[Person]) -> str:
    """Return people in words: "Anna and Ben", or "nobody"."""
    return times.names([person.name for person in people]) or "nobody"


def _people(names: Sequence[str], crew: Crew) -> tuple[Person, ...]:
    return tuple(crew.people[name] for name in names if name in crew.people)
