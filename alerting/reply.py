"""A person's reply in words, such as that to a text message: what it asks for. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from alerting import times

NAMED = 5
"""Incidents that a question back names, at most."""
LONGEST = 40
"""Characters of a reply that is asked about, at most. Anything longer is from a machine, or for somebody else."""

_WORDS = r"(?:ok|okay|ack|acknowledge|acknowledged|(?:i )?got it)"
_ANSWER = re.compile(rf"{_WORDS}(?: (?P<all>all)| (?P<numbers>\d{{1,9}}(?: \d{{1,9}})*))?")


@dataclass(frozen=True, slots=True)
class Told:
    """An incident that somebody was paged for: the occurrence, and whether it still waits for an answer."""

    incident: int
    occurrence: int
    waits: bool


@dataclass(frozen=True, slots=True)
class Acknowledges:
    """The reply acknowledges these."""

    told: Sequence[Told]


@dataclass(frozen=True, slots=True)
class AsksBack:
    """The reply acknowledges nothing. `sentence` says why, empty if it is better not to reply at all."""

    sentence: str


def is_answer(words: str) -> bool:
    """Return whether the first line is an answer, and nothing else."""
    return _read(words) is not None


def meant(words: str, told: Sequence[Told]) -> Acknowledges | AsksBack:
    """Return what a reply asks for. `told` has what its author was lately paged for, and all that still waits.

    A bare "ok" counts if there is one thing that it can mean. It may come late, when something else is waiting.
    """
    waiting = [each for each in told if each.waits]
    answer = _read(words)
    if answer is None:
        too_long = len(words.strip()) > LONGEST
        return AsksBack("" if too_long or not waiting else f"Not understood. {_how(waiting)}")
    if answer["all"]:
        return Acknowledges(waiting) if waiting else AsksBack(_NOTHING)
    if answer["numbers"]:
        numbers = set(map(int, answer["numbers"].split()))
        named = [each for each in waiting if each.incident in numbers]
        return Acknowledges(named) if named else AsksBack(f"No such incident waits. {_how(waiting)}")
    if not waiting or len(told) > 1:
        return AsksBack(_how(waiting))
    return Acknowledges(waiting)


_NOTHING = "Nothing waits for your answer."


def _how(waiting: Sequence[Told]) -> str:
    """Return how to answer what waits."""
    numbers = sorted({each.incident for each in waiting})
    if not numbers:
        return _NOTHING
    if len(numbers) == 1:
        return f"To acknowledge, reply OK {numbers[0]}."
    more = [f"{len(numbers) - NAMED:,} more"] if len(numbers) > NAMED else []
    listed = times.names([*map(str, numbers[:NAMED]), *more])
    return f"Incidents {listed} wait. Reply OK and a number, or OK ALL."


def _read(words: str) -> re.Match[str] | None:
    line = next((line for line in words.splitlines() if line.strip()), "")
    plain = " ".join(re.sub(r"[.,;:!#\"'()]|\band\b", " ", line.casefold()).split())
    return _ANSWER.fullmatch(plain)
