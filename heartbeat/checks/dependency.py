"""Dependencies: checks that run after others, their parents. Pure.

While a parent is down, a check that turns down waits for it: it is a consequence, and pages nobody. Wrong grouping is
worse than none, so a parent holds only what it can have caused, and never for ever.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, Protocol, TypeVar

from alerting.incident import Incident, RaisedSymptom, State, Symptom
from heartbeat.checks import schedule
from heartbeat.checks.cause import policy_of
from heartbeat.checks.schedule import Schedule

LONGEST: Final = timedelta(hours=24)
"""The longest time for which a check waits for its parents. After that it pages although they are down."""
CHANCE: Final = timedelta(hours=1)
"""Once its parent is well, a check is expected at its next due time, or after this if that is later."""


@dataclass(frozen=True, slots=True)
class After:
    """The parents of a check: those with certain names, and all that have certain labels. Any of them counts."""

    names: tuple[str, ...] = ()
    matches: tuple[Mapping[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.names or self.matches)

    def __len__(self) -> int:
        return len(self.names) + len(self.matches)


NO_PARENTS: Final = After()


class Node(Protocol):
    """What decides about dependencies: a check, or the definition of one."""

    @property
    def slug(self) -> str: ...
    @property
    def formerly(self) -> tuple[str, ...]: ...
    @property
    def labels(self) -> dict[str, str]: ...
    @property
    def after(self) -> After: ...


N = TypeVar("N", bound=Node)


def to_json(after: After) -> list[Any] | None:
    """Return parents as JSON for a row, None without any."""
    return [*after.names, *(dict(match) for match in after.matches)] or None


def from_json(stored: Sequence[Any] | None) -> After:
    """Return the parents of a row."""
    if not stored:
        return NO_PARENTS
    return After(
        tuple(one for one in stored if isinstance(one, str)),
        tuple(one for one in stored if not isinstance(one, str)),
    )


def in_words(after: After) -> list[str]:
    """Return parents as lines: a name, or labels as "job=import, region=us"."""
    labels = (", ".join(f"{name}={value}" for name, value in match.items()) for match in after.matches)
    return [*after.names, *labels]


def of_line(line: str) -> Any:
    """Return the parent in a line of `in_words`, as a file holds it. Raises ValueError with one sentence."""
    if "=" not in line:
        return line
    match: dict[str, str] = {}
    for part in line.split(","):
        name, is_pair, value = (text.strip() for text in part.partition("="))
        if not is_pair:
            raise ValueError(
                f"{line[:40]!r} is no parent; write its slug, or labels such as job=import, region=us."
            )
        match[name] = value
    return match


def is_parent(parent: Node, child: Node) -> bool:
    """Return whether a check runs after another one. No check runs after itself."""
    if parent.slug == child.slug:
        return False
    named = child.after.names
    return (
        parent.slug in named or any(name in named for name in parent.formerly) or _fits(parent, child.after)
    )


def _fits(node: Node, after: After) -> bool:
    return any(all(node.labels.get(name) == value for name, value in one.items()) for one in after.matches)


def parents_among(child: Node, nodes: "Nodes[Any]") -> list[str]:
    """Return the slugs of a check's parents among these."""
    named = [slug for name in child.after.names if (slug := nodes.by_name.get(name))]
    labelled = [slug for match in child.after.matches for slug in nodes.with_labels(match)]
    return [slug for slug in dict.fromkeys([*named, *labelled]) if slug != child.slug]


class Nodes(Generic[N]):
    """Checks by their names, former ones too, and by their labels. Each match is looked for once."""

    def __init__(self, nodes: Iterable[N]) -> None:
        self.by_slug = {node.slug: node for node in nodes}
        former = {name: node.slug for node in self.by_slug.values() for name in node.formerly}
        self.by_name = former | {slug: slug for slug in self.by_slug}
        self._matched: dict[tuple[tuple[str, str], ...], list[str]] = {}

    def with_labels(self, match: Mapping[str, str]) -> list[str]:
        """Return the slugs of the checks with all of these labels."""
        key = tuple(sorted(match.items()))
        if key not in self._matched:
            after = After(matches=(match,))
            self._matched[key] = [slug for slug, node in self.by_slug.items() if _fits(node, after)]
        return self._matched[key]


def cycles(nodes: Iterable[Node]) -> list[list[str]]:
    """Return the circles in which checks would wait for themselves, each as slugs, child before parent."""
    # Only checks that run after others can be in a circle.
    among = Nodes(node for node in nodes if node.after)
    done: set[str] = set()
    circles: list[list[str]] = []
    for start in among.by_slug:
        # The way from `start`, with the parents that are still to be looked at from each place on it.
        way: dict[str, Iterator[str]] = {}
        step: str | None = None if start in done else start
        while step is not None or way:
            if step is None:
                done.add(way.popitem()[0])
            elif step in way:
                slugs = list(way)
                circles.append(slugs[slugs.index(step) :])
            elif step not in done:
                way[step] = iter(parents_among(among.by_slug[step], among))
            step = next(way[next(reversed(way))], None) if way else None
    return circles


def circle_in_words(circle: Sequence[str]) -> str:
    """Return a circle as a sentence: "makes a circle: report runs after import, which runs after report."."""
    return f"makes a circle: {circle[0]} runs after {', which runs after '.join([*circle[1:], circle[0]])}."


def waves(nodes: Sequence[Node]) -> list[list[int]]:
    """Return the places of checks that turn down together in waves: parents before their children."""
    among = Nodes(nodes)
    place = {node.slug: number for number, node in enumerate(nodes)}
    waiting = {
        node.slug: set(parents_among(node, among)) if node.after else set[str]()
        for node in among.by_slug.values()
    }
    found: list[list[int]] = []
    while waiting:
        ready = [slug for slug, parents in waiting.items() if not parents & waiting.keys()]
        # A circle cannot be defined, but must not keep anybody from being paged.
        found.append([place[slug] for slug in ready or list(waiting)])
        for slug in ready or list(waiting):
            del waiting[slug]
    return found


def holds(parent: RaisedSymptom, incident: Incident, child: Symptom, now: datetime) -> bool:
    """Return whether a parent that is down has people who hear of it in place of those of the child.

    A parent under maintenance has none, and the people of another policy are others.
    """
    heard_of = not parent.held(now) or parent.waits_for is not None or parent.waited_for is not None
    same_people = policy_of(incident.cause_key) == policy_of(child.cause_key)
    return heard_of and same_people and incident.state is not State.RESOLVED


def outranks(child: Symptom, parent: RaisedSymptom) -> bool:
    """Return whether a check is more severe than its parent. It then joins its incident, and waits for nothing."""
    return child.severity.rank < parent.severity.rank


def chance_until(planned: Schedule, grace: timedelta, since: datetime, settling: timedelta) -> datetime:
    """Return until when a check may run whose parent is well `since` a time.

    It is expected at its next due time, or an hour later if that comes first, and its grace counts as ever.
    """
    due = next(iter(schedule.upcoming(planned, since, 1)), since + CHANCE)
    return max(min(min(due, since + CHANCE) + grace, since + LONGEST), since + settling)
