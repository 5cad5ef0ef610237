"""The checks that others run after, as definitions name them. Pure. Problems are reported, and stand-ins take their
place."""

from collections.abc import Iterable, Iterator, Mapping

from heartbeat.checks import dependency
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.dependency import NO_PARENTS, After
from heartbeat.checks.dependency import Node as Job
from heartbeat.definitions import entry
from heartbeat.definitions.document import Node

_EXAMPLE = "nightly-backup, or {job: import}"


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


def _labels(node: Node) -> dict[str, str]:
    if not node.value:
        node.report("needs at least one label, such as {job: import}.")
    return entry.labels(node)
