"""Round robin: the turns of those whom a step pages one after the other, instead of all at once. Pure.

The entries of such a step are its people and channels, the people of its teams, and its rotations, each of which is
whoever is on call. An entry is known by its name. Each incident that comes to the step begins with the entry whose turn
is the longest ago. From then on the incident goes its own way: a repetition pages the entry after the last one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alerting.crew import Crew


@dataclass(frozen=True, slots=True)
class Turn:
    """The entry that an incident has paged last by the step of this number, from 1 on.

    `count` is the place in the incident's count of steps. It is None once the occurrence is over: the next one begins
    with the same entry.
    """

    step: int
    entry: str
    count: int | None


def entries(targets: Iterable[str], crew: Crew) -> list[str]:
    """Return the entries of a step with these targets, in their order, each once."""
    return list(
        dict.fromkeys(
            name
            for target in targets
            for name in (crew.teams[target].people if target in crew.teams else (target,))
        )
    )


def of_step(turns: Iterable[Turn], step: int) -> Turn | None:
    """Return the turn of the step of this number, None if the incident has not come to it."""
    return next((turn for turn in turns if turn.step == step), None)


def taken(turns: Sequence[Turn], turn: Turn) -> tuple[Turn, ...]:
    """Return the turns of an incident with a new one, in place of an earlier one of its step."""
    return (*(one for one in turns if one.step != turn.step), turn)


def rested(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Return the turns of an incident once an occurrence is over."""
    return tuple(turn if turn.count is None else replace(turn, count=None) for turn in turns)


def order(of: Sequence[str], turn: Turn, count: int) -> list[str]:
    """Return entries in the order in which an incident tries them at `count`: from its turn on, or after it.

    It is empty if the entry of the turn is no longer one of them.
    """
    if turn.entry not in of:
        return []
    place = of.index(turn.entry)
    if turn.count is not None and turn.count < count:
        place += 1
    return [*of[place:], *of[:place]]


def deal(last: Mapping[str, int], candidates: Sequence[str], hands: int) -> tuple[list[str], dict[str, int]]:
    """Return the entries whose turns come next, one for each of `hands` incidents, and the numbers of all last turns.

    Whoever had no turn yet comes first, in the order of `candidates`, of which there is at least one.
    """
    in_turn = sorted(candidates, key=lambda entry: last.get(entry, 0))
    dealt = [in_turn[hand % len(in_turn)] for hand in range(hands)]
    begin = max(last.values(), default=0) + 1
    return dealt, {**last, **{entry: number for number, entry in enumerate(dealt, begin)}}


def to_json(turns: Sequence[Turn] | None) -> list[dict[str, Any]] | None:
    """Return the turns of an incident as JSON for its row, None if there are none."""
    return [{"step": turn.step, "entry": turn.entry, "count": turn.count} for turn in turns or ()] or None


def from_json(stored: Sequence[Mapping[str, Any]] | None) -> tuple[Turn, ...]:
    """Return the turns of a row. The reverse of `to_json`."""
    return tuple(Turn(row["step"], row["entry"], row["count"]) for row in stored or ())
