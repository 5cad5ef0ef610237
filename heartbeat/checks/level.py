"""Levels of groups: labels that nest, such as region, host, scheduler. Pure.

An incident is raised at the highest level at which everything that was expected is silent. Wrong grouping is worse than
none: a level is one trouble only if all of it can have fallen silent at one moment, and if it has more than the level
below it.

The key of a group of levels is "region=us>host=db-1". A check that names no host is in the group "region=us>host=".
The key of a whole level ends with a sign that no label has: "region=us>=" is everything in us.
"""

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_AREAS: Final = frozenset(
    {
        "area",
        "cluster",
        "country",
        "datacenter",
        "dc",
        "env",
        "environment",
        "location",
        "namespace",
        "region",
    }
    | {"site", "zone"}
)
"""The labels of places in which something is, rather than on which."""
SIGN: Final = ">"
"""The sign between levels, in the file and in keys."""
_ALL: Final = ">="
_SEPARATOR: Final = re.compile(r">(?=[^=,>]*=)")
"""A value of other groups may have the sign too, but no "=" follows there: it is quoted."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Labels that nest, the widest first."""

    labels: tuple[str, ...]

    def __str__(self) -> str:
        return f" {SIGN} ".join(self.labels)


GroupBy = Sequence[str] | Levels
"""The labels that make a group: all of them one key, or levels."""


def to_json(group_by: tuple[str, ...] | Levels) -> list[str]:
    """Return the labels as they are stored. Levels are one text, "region > host", which is no label."""
    return [str(group_by)] if isinstance(group_by, Levels) else list(group_by)


def from_json(stored: Sequence[str]) -> tuple[str, ...] | Levels:
    """Return stored labels."""
    if len(stored) == 1 and SIGN in stored[0]:
        return Levels(tuple(stored[0].split(f" {SIGN} ")))
    return tuple(stored)


def key(labels: Mapping[str, str], levels: Levels) -> str:
    """Return the key of a check's group: the levels that it names, down to the first that it does not.

    Empty if it does not name the first one.
    """
    parts: list[str] = []
    for name in levels.labels:
        if name not in labels:
            return SIGN.join([*parts, f"{name}="]) if parts else ""
        parts.append(f"{name}={quoted(labels[name], SIGN)}")
    return SIGN.join(parts)


def parts(key: str) -> list[str]:
    """Return a key's levels, the widest first: "region=us", "host=db-1". The key of other groups is one part."""
    return _SEPARATOR.split(key.removesuffix(_ALL))


def is_nested(key: str) -> bool:
    """Return whether a key is that of a level, or of a group within one."""
    return _SEPARATOR.search(key) is not None


def is_level(key: str) -> bool:
    """Return whether a key is that of a whole level, with all groups in it."""
    return key.endswith(_ALL)


def above(key: str) -> list[str]:
    """Return the keys of the levels above a group or a level, the widest first."""
    names = parts(key)
    return [SIGN.join(names[:count]) + _ALL for count in range(1, len(names))]


def within(key: str, place: str) -> bool:
    """Return whether a group or level is that place, or lies in it."""
    return key == place or (is_level(place) and key.startswith(inside(place)))


def inside(place: str) -> str:
    """Return the beginning of the keys of everything in a level."""
    return place.removesuffix("=")


def preposition(key: str) -> str:
    """Return how something is there: "in" a region, "on" a host."""
    return "in" if parts(key)[-1].partition("=")[0] in _AREAS else "on"


def differing(key: str, other: str) -> tuple[str, str] | None:
    """Return where each of two groups is, in words, by the widest level in which they differ: "in us", "in eu".

    None if they are not groups of the same labels.
    """
    mine, theirs = parts(key), parts(other)
    for one, another in zip(mine, theirs, strict=False):
        names = one.partition("=")[0], another.partition("=")[0]
        if names[0] != names[1] or "," in one + another:
            return None
        if one != another:
            return f"{preposition(one)} {title(one)}", f"{preposition(another)} {title(another)}"
    return None


def title(key: str) -> str:
    """Return the title of a group of levels: "us db-1", or "us-db-1" alone, which says us already."""
    lacking = next((part.removesuffix("=") for part in parts(key) if part.endswith("=")), "")
    return f"{place_title(key)} without {lacking}" if lacking else place_title(key)


def place_title(key: str) -> str:
    """Return the title of a group of levels without the level that it lacks: that of the place where its jobs are."""
    values = [part.partition("=")[::2] for part in parts(key)]
    named = [unquoted(value) for _, value in values if value]
    short = [
        value
        for place, value in enumerate(named)
        if not any(re.search(rf"(?<!\w){re.escape(value)}(?!\w)", other) for other in named[place + 1 :])
    ]
    return " ".join(short)


def lacks(key: str) -> bool:
    """Return whether the checks of a group do not name all levels."""
    return key.endswith("=") and not is_level(key)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a level is silent.

    `together` are silent, and can have fallen silent at one moment: none of them was heard after another had fallen
    silent. `others` are expected and not silent. What has been silent for longer than that counts as neither.
    `heard_at` is the last time that one of those together was heard, None if none ever was.
    """

    together: int
    others: int
    heard_at: datetime | None = None

    @property
    def whole(self) -> bool:
        """True if all that was expected is silent."""
        return self.together > 0 and not self.others


NOTHING: Final = Extent(0, 0)


def highest(extents: Sequence[Extent]) -> int:
    """Return the place of the level at which an incident is raised, from the extents of the levels, the lowest first.

    It is the highest of which all is silent. A level that has no more than the one below says nothing by itself: a
    region of one host is that host. The lowest one stands where not even that is silent as a whole.
    """
    chosen = 0
    for place, extent in enumerate(extents):
        if not extent.whole:
            break
        if extent.together > extents[chosen].together:
            chosen = place
    return chosen


def chosen(group: str, extents: Mapping[str, Extent]) -> str:
    """Return the group or level at which an incident about a silent check of this group is raised."""
    path = [group, *reversed(above(group))]
    return path[highest([extents.get(key, NOTHING) for key in path])]


@dataclass(frozen=True, slots=True)
class Place:
    """The group or level whose incident a symptom joins, and the incident of a place that grows to another first.

    That one takes in the incidents of the places in `takes`.
    """

    key: str
    grows: tuple[str, str] | None = None
    takes: tuple[str, ...] = ()


def place(
    group: str,
    chosen: str,
    opened: Container[str],
    same: Sequence[str],
    untold: Container[str],
    shared: str | None,
) -> Place:
    """Return where a silent check of a group belongs, all of whose `chosen` level is silent.

    `opened` are the places with an open incident. The `same` are those within the chosen level that opened since the
    moment at which it can have fallen silent, oldest first: one trouble. So the first of them grows, and nobody is
    paged for the level once more. It takes in the `untold` ones, so that they page nobody either. An older incident
    of the level is another trouble, and the check stays in its own group. What is `shared` is the place of the
    incident in which other checks of the group stand.
    """
    own = group in opened
    if chosen == group or (chosen in opened and chosen not in same):
        return Place(group if own else shared or group)
    grows = (same[0], chosen) if same and chosen not in same else None
    takes = tuple(key for key in same[1:] if key in untold) if grows else ()
    stays = own and not (grows and group in (grows[0], *takes))
    return Place(group if stays else chosen, grows, takes)


def quoted(value: str, *signs: str) -> str:
    """Return a label's value as a part of a key."""
    for sign in ("%", ",", "=", *signs):
        value = value.replace(sign, f"%{ord(sign):02X}")
    return value


def unquoted(value: str) -> str:
    """Return the value of a part of a key."""
    return value.replace("%3E", ">").replace("%3D", "=").replace("%2C", ",").replace("%25", "%")
