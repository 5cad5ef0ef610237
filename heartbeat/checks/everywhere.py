"""All groups of checks, in numbers.

A page tells how many groups are fine beside its own, and names some that are not.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import islice

from alerting.incident import Incident
from alerting.surroundings import Elsewhere, GroupState
from heartbeat.checks import cause, level
from heartbeat.checks.groups import AllGroups, CheckGroup, Tally
from heartbeat.checks.incident_groups import About

NAMED = 3
"""Other incidents, and other groups that are not fine, that are named."""


@dataclass(frozen=True, slots=True)
class OfGroup:
    """The incidents of a group, by their numbers. `recovering`: there is one, and nothing in it is down any more."""

    numbers: Sequence[int]
    recovering: bool = False

    @property
    def names(self) -> str:
        """The incidents in words: "incident 12", "incidents 12, 14"."""
        noun = "incident" if len(self.numbers) == 1 else "incidents"
        return f"{noun} {', '.join(map(str, self.numbers[:NAMED]))}"

    @property
    def words(self) -> str:
        """The incidents with what becomes of them: "incident 12, recovering"."""
        return f"{self.names}, recovering" if self.recovering else self.names


@dataclass(frozen=True, slots=True)
class Everywhere:
    """The groups that are looked at, and all groups in numbers if there are not too many to count."""

    states: Mapping[str, CheckGroup]
    groups: AllGroups | None
    incidents: Mapping[str, OfGroup]
    """The incidents of each group that has any."""
    within: Mapping[str, Sequence[Tally]]
    """The groups within each level that an incident is about."""

    def state(self, key: str) -> GroupState:
        """Return a group with its incidents in words."""
        group = self.states[key]
        own = self.incidents.get(key)
        return GroupState(cause.key_title(key), group.total, group.up, own.words if own else "")

    def above(self, key: str, levels: Sequence[str]) -> GroupState | None:
        """Return the first of these levels above a group, if it has more than the group."""
        whole = self.states.get(levels[0]) if levels else None
        own = self.states.get(key)
        return self.state(levels[0]) if whole and whole.total > (own.total if own else 0) else None

    def besides(self, about: About, told: Collection[str]) -> Elsewhere | None:
        """Return all groups but those that an incident is about.

        It names some that are not fine, but none that is `told` apart.
        """
        if about.key == cause.OF_SERVICE or self.groups is None:
            # Checks have nothing to do with the service itself.
            return None
        kinds = [tally for tally in map(self._without(about), self.groups.tallies) if tally.total]
        numbers = {other: of_group for other, of_group in self.incidents.items() if not about.covers(other)}
        # A group whose incident is recovering is not counted as fine, though all of its checks are up.
        up = sum(self._groups(other) for other in numbers if self.states[other].fine)
        named = {other: own for other, own in numbers.items() if other not in told}
        settling = [other for other, own in named.items() if own.recovering and self.states[other].fine]
        down = [other for other in named if other not in settling][:NAMED]
        uneasy = (
            f"{cause.key_title(other)} ({'late' if late else 'tolerated fault'})"
            for other, late in self.groups.uneasy.items()
            if other not in (*told, *numbers) and not about.covers(other)
        )
        late = list(islice(uneasy, NAMED - len(down)))
        covered = sum(map(self._faulty, _widest(down))) + len(late)
        return Elsewhere(
            noun=cause.plural_of([tally.sample for tally in kinds]),
            total=sum(tally.total for tally in kinds),
            alive=sum(tally.fine for tally in kinds) - up,
            not_fine=(*(f"{cause.place_title(other)} ({named[other].words})" for other in down), *late),
            covered=covered if covered != len(down) + len(late) else None,
            recovering=tuple(f"{cause.place_title(other)} ({named[other].names})" for other in settling),
            settling=sum(map(self._groups, _widest(settling))),
        )

    def _groups(self, key: str) -> int:
        """Return the number of groups that a group or level is."""
        return sum(tally.total for tally in self.within[key]) if key in self.within else 1

    def _faulty(self, key: str) -> int:
        """Return the number of groups in a group or level that are not fine, at least one."""
        return max(sum(tally.total - tally.fine for tally in self.within.get(key, ())), 1)

    def _without(self, about: About) -> Callable[[Tally], Tally]:
        """Return what takes the groups of an incident out of a tally."""
        own = [
            key
            for key in about.keys
            if not any(level.within(key, other) for other in about.keys if other != key)
        ]
        inside = [
            tally
            for key in own
            if key in self.within or key in self.states
            for tally in self.within.get(key) or [_alone(self.states[key])]
        ]
        return lambda tally: reduce(_without, inside, tally)


def _alone(group: CheckGroup) -> Tally:
    """Return the tally of one group."""
    return Tally(group.key, int(group.total > 0), int(group.fine))


def _widest(keys: Sequence[str]) -> list[str]:
    """Return those of these groups and levels that lie in no other of them."""
    return [key for key in keys if not any(level.within(key, other) for other in keys if other != key)]


def _kind(key: str) -> tuple[bool, bool]:
    """Return which groups a group is counted with: see `Tally`."""
    return cause.slug_of(key) is None, level.lacks(key)


def _without(tally: Tally, inside: Tally) -> Tally:
    """Return a tally without the groups of another."""
    if _kind(inside.sample) != _kind(tally.sample):
        return tally
    return replace(tally, total=tally.total - inside.total, fine=tally.fine - inside.fine)


def incidents_by_group(
    urgent: Sequence[Incident], abouts: Mapping[int, About], states: Mapping[str, CheckGroup]
) -> dict[str, OfGroup]:
    """Return the incidents of each group that has any."""
    by_group: dict[str, list[Incident]] = {}
    for incident in urgent:
        for key in abouts[incident.id].keys:
            if key in states and states[key].total:
                by_group.setdefault(key, []).append(incident)
    return {
        key: OfGroup([one.id for one in found], len(found) == 1 and found[0].recovering)
        for key, found in by_group.items()
    }
