"""The checks that others run after, as definitions name them. Pure. Problems are reported, and stand-ins take their
place."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final

from heartbeat.checks import dependency, schedule
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.dependency import NO_PARENTS, After
from heartbeat.checks.dependency import Node as Job
from heartbeat.checks.schedule import Every, Schedule
from heartbeat.definitions import entry
from heartbeat.definitions.document import Node

_EXAMPLE = "nightly-backup, or {job: import}"
_START: Final = datetime(2024, 1, 1, tzinfo=UTC)
_SLOTS: Final = 8
"""Runs of a parent that are looked at, from this day on: a week of a daily job."""


def after(slug: str, node: Node | None) -> After:
    """Return the parents of a check: names, labels, or a list of both."""
    if node is None:
        return NO_PARENTS
    items = [node] if isinstance(node.value, dict) else entry.some(node, entry.MAX_AFTER, "checks", _EXAMPLE)
    names = tuple(item.as_(entry.slug, "") for item in items if not isinstance(item.value, dict))
    matches = tuple(_labels(item) for item in items if isinstance(item.value, dict))
    if slug in names:
        node.report("names the check itself; leave that out.")
    if len(names) > len(set(names)):
        node.report("names a check twice.")
    return After(names, matches)


def report_circles(nodes: Mapping[str, Node], checks: Mapping[str, CheckDefinition]) -> None:
    """Report circles in which checks would wait for themselves."""
    for circle in dependency.cycles(checks.values()):
        if (node := nodes.get(circle[0])) is not None and "after" in node.fields():
            node.fields()["after"].report(dependency.circle_in_words(circle))


def faults(declared: Iterable[Job], others: Iterable[Job], names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the parents of the declared checks beside all others: a slug and a sentence.

    `names` are all names that checks have, or had before.
    """
    mine = {job.slug: job for job in declared}
    known = {*names, *mine}
    for job in mine.values():
        if unknown := [name for name in job.after.names if name not in known]:
            yield job.slug, f"there is no check {unknown[0]}; define it first, or correct the name."
    theirs = [job for job in others if job.slug not in mine]
    for circle in dependency.cycles([*mine.values(), *theirs]):
        if mine.keys() & set(circle):
            start = next(place for place, slug in enumerate(circle) if slug in mine)
            yield circle[start], dependency.circle_in_words([*circle[start:], *circle[:start]])


@dataclass(frozen=True, slots=True)
class Early:
    """A check whose deadline comes before that of a parent, by how much at most, and the grace that mends it."""

    slug: str
    parent: str
    lead: timedelta
    grace: timedelta


def early(checks: Mapping[str, CheckDefinition]) -> Iterator[Early]:
    """Yield the checks that page before their parents do, if both fall silent in one run. Each names one parent.

    A schedule and an interval have no common time, and are not compared.
    """
    among = dependency.Nodes(checks.values())
    for child in among.by_slug.values():
        parents = [among.by_slug[slug] for slug in dependency.parents_among(child, among)]
        leads = [(_lead(_deadlines(child), _deadlines(parent)), parent.slug) for parent in parents]
        lead, parent = max(leads, default=(timedelta(), ""))
        if lead:
            yield Early(child.slug, parent, lead, child.grace + lead)


_Deadlines = tuple[Schedule, timedelta, int]
"""What makes the deadlines of a check: its schedule, its grace, and the missed runs that turn it down."""


def _deadlines(check: CheckDefinition) -> _Deadlines:
    return check.schedule, check.grace, check.alert_after.missed


@lru_cache(maxsize=4096)
def _lead(child: _Deadlines, parent: _Deadlines) -> timedelta:
    """Return by how much the deadline of a child comes before that of its parent, at most; nothing if it never does."""
    if isinstance(child[0], Every) and isinstance(parent[0], Every):
        # A child that runs more often than its parent is not meant to wait for each run of it.
        follows = child[0].period >= parent[0].period
        return max(_past(parent, _START) - _past(child, _START), timedelta()) if follows else timedelta()
    longest = timedelta()
    if isinstance(child[0], Every) or isinstance(parent[0], Every):
        return longest
    slots = schedule.upcoming(parent[0], _START, _SLOTS + 1)
    for slot, following in pairwise(slots):
        own = schedule.next_slot(child[0], slot - timedelta(seconds=1))
        if own is not None and own < following:
            longest = max(longest, _past(parent, slot) - _past(child, own))
    return longest


def _past(deadlines: _Deadlines, due: datetime) -> datetime:
    """Return when a check turns down that is not heard from a due time on."""
    planned, grace, missed = deadlines
    return schedule.nth_due(planned, due, missed) + grace


def _labels(node: Node) -> dict[str, str]:
    if not node.value:
        node.report("needs at least one label, such as {job: import}.")
    return entry.labels(node)
