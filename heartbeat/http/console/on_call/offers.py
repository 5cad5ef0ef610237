"""Those whom a form offers: each can be ticked or, if there are many, written by name. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from alerting.crew import Crew
from alerting.person import Person
from heartbeat.http.console.on_call import view

TICKED = 12
"""People, rotations, teams and channels that can be ticked. If there are more, their names are written."""
SUGGESTED = 200
"""Names that are suggested while one writes."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Somebody who can be chosen by `id`, with a note, such as "by ntfy"."""

    id: str
    name: str
    note: str


@dataclass(frozen=True, slots=True)
class Offers:
    """All that can be chosen, in groups by their noun, such as "People"."""

    groups: Mapping[str, Sequence[Offer]]

    @property
    def all(self) -> list[Offer]:
        """The offers of all groups."""
        return [offer for group in self.groups.values() for offer in group]

    @property
    def suggested(self) -> list[Offer]:
        """Those that are suggested while one writes."""
        return self.all[:SUGGESTED]

    @property
    def ticked(self) -> bool:
        """True if there are so few that each can be ticked."""
        return len(self.all) <= TICKED

    def strangers(self, chosen: Collection[str]) -> list[str]:
        """Return the chosen names that nothing has any more."""
        known = {offer.id for offer in self.all}
        return [name for name in chosen if name not in known]


def people(crew: Crew) -> Offers:
    """Return the people of a crew."""
    return Offers(_filled({"People": _of(person for person in crew.people.values() if not person.channel)}))


def targets(crew: Crew) -> Offers:
    """Return all that a step can name."""
    groups = {
        "People": people(crew).all,
        "Rotations": [_whole(name, rotation.people, crew) for name, rotation in crew.rotations.items()],
        "Teams": [_whole(name, team.people, crew) for name, team in crew.teams.items()],
        "Channels": _of(person for person in crew.people.values() if person.channel),
    }
    return Offers(_filled(groups))


def _of(people: Iterable[Person]) -> list[Offer]:
    by_name = sorted(people, key=lambda person: person.name.lower())
    notes = [f"by {person.by()}" if person.contacts else "no contact" for person in by_name]
    return [Offer(person.id, person.name, note) for person, note in zip(by_name, notes, strict=True)]


def _whole(name: str, members: Sequence[str], crew: Crew) -> Offer:
    """Return a rotation or a team, with the names of the people in it."""
    return Offer(name, name, ", ".join(view.names_of(members, crew)))


def _filled(groups: Mapping[str, Sequence[Offer]]) -> dict[str, Sequence[Offer]]:
    return {noun: group for noun, group in groups.items() if group}
