"""The crew: everybody whom a policy can page, as they are at one time. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from alerting.origin import Origin
from alerting.person import Person
from alerting.rotation import Override, Rotation


@dataclass(frozen=True, slots=True)
class Team:
    """A named list of people who are paged together."""

    name: str
    people: tuple[str, ...]
    origin: Origin = field(default=Origin.FILE, compare=False)


@dataclass(frozen=True, slots=True)
class CatchAll:
    """Those who are paged where nobody of a policy can be reached, by names as in a step, in their order."""

    names: tuple[str, ...]
    origin: Origin = field(default=Origin.FILE, compare=False)


@dataclass(frozen=True, slots=True)
class Crew:
    """People, channels among them, rotations and teams. Their names are in one space: no two share one.

    `leaves` are those of people in all rotations. `catch_all` are the names that are paged where nobody of a policy can
    be reached; without any, the terminal of the service is.
    """

    people: Mapping[str, Person] = field(default_factory=dict)
    rotations: Mapping[str, Rotation] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    leaves: tuple[Override, ...] = ()
    catch_all: tuple[str, ...] = ()

    def on_leave(self, person: str, at: datetime) -> bool:
        """Return whether a person is on leave at an instant."""
        return any(leave.off == person and leave.holds(at) for leave in self.leaves)

    def noun_of(self, name: str) -> str:
        """Return what has this name: "person", "channel", "rotation" or "team"; empty if nothing has."""
        if name in self.people:
            return "channel" if self.people[name].channel else "person"
        return "rotation" if name in self.rotations else "team" if name in self.teams else ""

    def members_of(self, target: str) -> tuple[str, ...]:
        """Return the names of all whom a name in a step may ever mean. The reverse of `targets_of`."""
        if target in self.teams:
            return self.teams[target].people
        return tuple(self.rotations[target].members) if target in self.rotations else (target,)

    def targets_of(self, person: str) -> set[str]:
        """Return the names in a step that may mean this person: their own, and those of their teams and rotations."""
        teams = (team.name for team in self.teams.values() if person in team.people)
        rotations = (rotation.name for rotation in self.rotations.values() if person in rotation.members)
        return {person, *teams, *rotations}
