"""The coverage that a configuration would have, before it is applied."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from alerting import coverage, desk
from alerting.crew import Crew
from alerting.origin import Origin
from heartbeat import installation
from heartbeat.definitions.kind import Owned
from heartbeat.definitions.model import Configuration
from heartbeat.on_call import uncovered

D = TypeVar("D", bound=Owned)


def warnings(db: Connection, target: Configuration, now: datetime) -> list[str]:
    """Return a sentence for each policy that would have gaps, with the first one."""
    policies = _put_in_place(desk.policies(db), target.policies)
    gaps = uncovered.gaps_of(policies, _crew(db, target), desk.contact_proofs(db), now)
    zone = installation.timezone(db)
    return [
        f"policies.{name}: {coverage.sentence(each[0], now, zone)}." for name, each in gaps.items() if each
    ]


def _crew(db: Connection, target: Configuration) -> Crew:
    """Return the crew as it would be: with the overrides and leaves that it has."""
    people = _put_in_place(desk.people(db), target.people | target.channels)
    stored, leaves = desk.rotations(db), tuple(kept.override for kept in desk.overrides(db, []))
    rotations = {
        name: replace(rotation, overrides=stored[name].overrides if name in stored else leaves)
        for name, rotation in _put_in_place(stored, target.rotations).items()
    }
    present = {name: rotation.without_strangers(people) for name, rotation in rotations.items()}
    return Crew(people, present, _put_in_place(desk.teams(db), target.teams), leaves)


def _put_in_place(stored: Mapping[str, D], declared: Mapping[str, D]) -> dict[str, D]:
    """Return definitions as they would be: the declared ones, in place of all of the file."""
    return {name: one for name, one in stored.items() if one.origin != Origin.FILE} | dict(declared)
