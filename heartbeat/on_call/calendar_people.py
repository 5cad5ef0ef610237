"""The people whom the events of a calendar name, and the shifts that these events are. Pure.

Attendees count first, by their address or their name. Without one who is known, the title does: it may be a name,
several names, or words around one, such as "On call: Anna Berg". A name that two people have names nobody.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from alerting.calendar_layer import Booking
from heartbeat.on_call.event import Event

MOST_STRANGERS = 20
"""Names that nobody has, of which a calendar keeps the first ones."""
_WORD = re.compile(r"\w+")
_BETWEEN = re.compile(r"\s*(?:[,;&/+]|\band\b)\s*")


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person as events may name them: by name, by their name in the configuration, or by a mail address."""

    id: str
    name: str
    addresses: tuple[str, ...] = ()


class Directory:
    """The people who are known, to be found by what an event says."""

    def __init__(self, people: Iterable[Somebody]) -> None:
        self._ids: dict[str, set[str]] = defaultdict(set)
        self._names: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for person in people:
            self._names[_words(person.name)].add(person.id)
            for word in (person.id, person.name, *person.addresses):
                self._ids[_plain(word)].add(person.id)
        # A name of several words counts before one that is a part of it.
        self._lengths = sorted({len(words) for words in self._names if words}, reverse=True)

    def of(self, event: Event) -> tuple[list[str], list[str]]:
        """Return the people whom an event names, and the names in it that nobody has."""
        found, strangers = list[str](), list[str]()
        for address, name in event.attendees:
            person = self._one(address) or self._one(name)
            (found if person else strangers).append(person or name or address)
        if found:
            return list(dict.fromkeys(found)), strangers
        found = self._in_title(event.title)
        return found, [] if found else strangers or [event.title]

    def _in_title(self, title: str) -> list[str]:
        if whole := self._one(title):
            return [whole]
        parts = [self._one(part) for part in _BETWEEN.split(title)]
        if all(parts):
            return list(dict.fromkeys(parts))
        return list(dict.fromkeys(self._within(_words(title))))

    def _within(self, words: Sequence[str]) -> Iterator[str]:
        """Yield the people whose whole names stand among these words."""
        place = 0
        while place < len(words):
            length = next((n for n in self._lengths if tuple(words[place : place + n]) in self._names), 0)
            people = self._names[tuple(words[place : place + length])] if length else set()
            if len(people) == 1:
                yield next(iter(people))
            place += length or 1

    def _one(self, word: str) -> str:
        """Return the one person of this name or address, empty if there are none or several."""
        people = self._ids.get(_plain(word), set())
        return next(iter(people)) if len(people) == 1 else ""


def bookings(
    events: Sequence[Event], directory: Directory, now: datetime
) -> tuple[tuple[Booking, ...], tuple[str, ...]]:
    """Return the shifts of events, without overlaps, and the names in coming events that nobody has."""
    named = [(event, *directory.of(event)) for event in events]
    strangers = dict.fromkeys(
        name for event, _, unknown in named if event.end > now for name in unknown if name
    )
    spans = [(event.start, event.end, people) for event, people, _ in named if people]
    return tuple(_joined(_parts(spans))), tuple(strangers)[:MOST_STRANGERS]


def _parts(spans: Sequence[tuple[datetime, datetime, list[str]]]) -> Iterator[Booking]:
    """Yield the spans between all edges in which somebody is on call."""
    begins: Mapping[datetime, list[tuple[datetime, list[str]]]] = defaultdict(list)
    for start, end, people in spans:
        begins[start].append((end, people))
    edges = sorted({edge for start, end, _ in spans for edge in (start, end)})
    under_way: list[tuple[datetime, list[str]]] = []
    for edge, following in pairwise(edges):
        under_way = [(end, people) for end, people in under_way if end > edge] + begins.get(edge, [])
        on_call = dict.fromkeys(name for _, people in under_way for name in people)
        if on_call:
            yield Booking(edge, following, tuple(on_call))


def _joined(parts: Iterable[Booking]) -> list[Booking]:
    """Return bookings in which neighbours with the same people are one."""
    whole: list[Booking] = []
    for part in parts:
        if whole and whole[-1].end == part.start and whole[-1].people == part.people:
            part = Booking(whole.pop().start, part.end, part.people)
        whole.append(part)
    return whole


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
