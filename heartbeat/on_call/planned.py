"""What a definition would mean, before it is applied: the coverage of a configuration, and who would be on call."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from alerting import coverage, desk
from alerting.crew import Crew
from alerting.origin import Origin
from alerting.person import Person
from alerting.rotation import Override, Rotation
from heartbeat import installation
from heartbeat.definitions.kind import Owned
from heartbeat.definitions.model import Configuration
from heartbeat.on_call import calendar_report, uncovered

D = TypeVar("D", bound=Owned)


ONLY_THE_TERMINAL = (
    "catch_all: if nobody of a policy can be reached, its pages go to the service's own terminal alone; "
    "name people or channels."
)
"""The warning about an installation with policies whose catch-all nobody reads."""


def last_resort(db: Connection, target: Configuration) -> list[str]:
    """Return the warning about the catch-all, if there is one."""
    policies = _put_in_place(desk.policies(db), target.policies)
    return [ONLY_THE_TERMINAL] if policies and not _catch_all(db, target) else []


def warnings(db: Connection, target: Configuration, now: datetime) -> list[str]:
    """Return a sentence for each policy that would have gaps, with the first one, and for each calendar in trouble."""
    policies = _put_in_place(desk.policies(db), target.policies)
    gaps = uncovered.gaps_of(policies, _crew(db, target), desk.contact_proofs(db), now)
    zone = installation.timezone(db)
    return [
        *_of_calendars(db, target, now),
        *(
            f"policies.{name}: {coverage.sentence(each[0], now, zone)}."
            for name, each in gaps.items()
            if each
        ),
    ]


def rotation_in(db: Connection, crew: Crew, defined: Rotation) -> Rotation:
    """Return a rotation as it would be in the crew: with the overrides that it has, and with every leave."""
    return _as_kept(db, {defined.name: defined}, desk.rotations(db), _leaves(db), crew.people)[defined.name]


def _of_calendars(db: Connection, target: Configuration, now: datetime) -> Iterator[str]:
    """Yield what is to be told of the calendars of the file, as far as they have been read before."""
    for name, rotation in target.rotations.items():
        if not rotation.calendars:
            continue
        read = {calendar.mark: calendar for calendar in desk.imported_calendars.load(db, name)}
        for sentence in calendar_report.problems(rotation, read, now):
            yield f"rotations.{name}: {sentence}"
        if any(layer.mark not in read for layer in rotation.calendars):
            yield f"rotations.{name}: a calendar is read for the first time within a minute after this is applied."


def _crew(db: Connection, target: Configuration) -> Crew:
    """Return the crew as it would be: with the overrides and leaves that it has."""
    people = _put_in_place(desk.people(db), target.people | target.channels)
    stored, leaves = desk.rotations(db), _leaves(db)
    rotations = _as_kept(db, _put_in_place(stored, target.rotations), stored, leaves, people)
    teams = _put_in_place(desk.teams(db), target.teams)
    return Crew(people, rotations, teams, leaves, _catch_all(db, target))


def _catch_all(db: Connection, target: Configuration) -> tuple[str, ...]:
    """Return the names of the catch-all as it would be: that of the file, else the one of the API."""
    stored = desk.catch_all(db)
    return target.catch_all or (stored.names if stored and stored.origin != Origin.FILE else ())


def _leaves(db: Connection) -> tuple[Override, ...]:
    return tuple(kept.override for kept in desk.overrides(db, []))


def _as_kept(
    db: Connection,
    defined: Mapping[str, Rotation],
    stored: Mapping[str, Rotation],
    leaves: tuple[Override, ...],
    people: Mapping[str, Person],
) -> dict[str, Rotation]:
    """Return rotations with the overrides of the stored ones; new ones have every leave."""
    return {
        name: replace(
            rotation, overrides=stored[name].overrides if name in stored else leaves
        ).without_strangers(people)
        for name, rotation in desk.imported_calendars.filled(db, defined).items()
    }


def _put_in_place(stored: Mapping[str, D], declared: Mapping[str, D]) -> dict[str, D]:
    """Return definitions as they would be: the declared ones, in place of all of the file."""
    return {name: one for name, one in stored.items() if one.origin != Origin.FILE} | dict(declared)
