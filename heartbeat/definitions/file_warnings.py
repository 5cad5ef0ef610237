"""Warnings about a configuration file: entries that are right, but perhaps not meant. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import SequenceMatcher
from typing import Final

from alerting import times
from heartbeat import duration
from heartbeat.checks import level, schedule, schedule_words, time_of_day, time_zone
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.schedule import Every, OnCalendar
from heartbeat.definitions import dependencies, entry
from heartbeat.definitions import status_page as definition_status_page
from heartbeat.definitions.document import Node, Problems
from heartbeat.definitions.model import Configuration

_START: Final = datetime(2024, 1, 1, tzinfo=UTC)
_SLOTS: Final = 8
_PARTS: Final = 12
"""Runs of a check that are looked at beside its window, from that day on, and parts of its grace."""
MANY: Final = 3
"""Checks that have a label, from which on a similar name on a single check looks like a typing error."""
LIKENESS: Final = 0.7
"""The likeness of two names, of 1, from which on one may be the other mistyped."""


def add(root: Node, configuration: Configuration, warnings: Problems, *, whole: bool = True) -> None:
    """Add the warnings about a file and the configuration that it declares. Raises `TooMany` beyond a limit.

    Without `whole`, the file has problems: only entries that are right by themselves are judged.
    """
    for slug, node in root.entries("checks").items():
        for sentence in schedule.warnings(configuration.checks[slug].schedule):
            warnings.add(node.line, node.path, sentence)
    _zones(root, configuration, warnings)
    if whole:
        _references(root, configuration, warnings)


def _references(root: Node, configuration: Configuration, warnings: Problems) -> None:
    """Add the warnings about entries that miss or resemble others."""
    if configuration.checks and not configuration.policies:
        caught = "the catch-all" if configuration.catch_all else "this service's own terminal"
        warnings.add(1, "policies", f"there are none, so pages reach only {caught}.")
    _labels(root, configuration.checks, warnings)
    _early(root, configuration.checks, warnings)
    _windows(root, configuration.checks, warnings)
    having = _by_label(configuration.checks.values())
    for page in root.entries("status_pages").values():
        for component in definition_status_page.components(page):
            match = component.need("match", "")
            if not set.intersection(*(having.get(label, set()) for label in entry.labels(match).items())):
                warnings.add(match.line, match.path, "fits no check, so this row never shows a fault.")
            shown = component.get("progress")
            if shown is not None and shown.value not in configuration.checks:
                warnings.add(
                    shown.line, shown.path, "is no check of this file, so this row shows no progress."
                )
    for written in _matches(root):
        if not set.intersection(*(having.get(label, set()) for label in entry.labels(written).items())):
            warnings.add(written.line, written.path, "fits no check of this file.")
    names = {name for name, _ in having}
    groupings = [root.get(name) for name in ("group_by", "group_failures_by")] if configuration.checks else []
    for label_node in (label for node in groupings if node for label in node.items()):
        for name in map(str.strip, str(label_node.value).split(level.SIGN)):
            if name not in names:
                warnings.add(label_node.line, label_node.path, f"no check has the label {name}.")


def _matches(root: Node) -> Iterator[Node]:
    """Yield the labels that name checks: those of rules, and of what a check runs after."""
    rules = root.get("rules")
    for rule in rules.items() if rules is not None else ():
        yield rule.need("match", "")
    for check in root.entries("checks").values():
        after = check.get("after")
        if after is not None:
            yield from (parent for parent in _listed(after) if isinstance(parent.value, dict))


def _listed(node: Node) -> Sequence[Node]:
    return node.items() if isinstance(node.value, list) else [node]


def add_unknown_parents(root: Node, configuration: Configuration, warnings: Problems) -> None:
    """Add a warning for each name in `after` that no check of the file has: only a database knows the others."""
    known = {*configuration.checks, *(name for one in configuration.checks.values() for name in one.formerly)}
    for check in root.entries("checks").values():
        after = check.get("after")
        for parent in _listed(after) if after is not None else ():
            if isinstance(parent.value, str) and parent.value not in known:
                sentence = (
                    f"there is no check {parent.value} in this file, and without --offline it must exist."
                )
                warnings.add(parent.line, parent.path, sentence)


def _windows(root: Node, checks: Mapping[str, CheckDefinition], warnings: Problems) -> None:
    """Add a warning for each window in which no run of the check is due."""
    for slug, node in root.entries("checks").items():
        check, written = checks[slug], node.get("window")
        window = check.expectation.window
        if written is None or window is None or isinstance(check.schedule, Every):
            continue
        zone = times.zone(check.expectation.timezone)
        slots = schedule.upcoming(check.schedule, _START, _SLOTS)
        moments = [slot + check.grace * part / _PARTS for slot in slots for part in range(_PARTS + 1)]
        if moments and not any(time_of_day.is_within(window, at, zone) for at in moments):
            due = schedule_words.in_words(check.schedule)
            warnings.add(written.line, written.path, f"no run of this check is due in it, but {due}.")


def _by_label(checks: Iterable[CheckDefinition]) -> dict[tuple[str, str], set[str]]:
    """Return the slugs of the checks with each label."""
    having: dict[tuple[str, str], set[str]] = {}
    for check in checks:
        for label in check.labels.items():
            having.setdefault(label, set()).add(check.slug)
    return having


def _zones(root: Node, configuration: Configuration, warnings: Problems) -> None:
    """Add a warning for each zone that never changes its clocks, or is the opposite of what it seems."""
    nodes = [
        root,
        *(node for name in ("checks", "people", "status_pages") for node in root.entries(name).values()),
    ]
    for written in filter(None, (node.get("timezone") for node in nodes)):
        if isinstance(written.value, str) and (sentence := time_zone.warning(written.value)):
            warnings.add(written.line, written.path, sentence)
    for slug, node in root.entries("checks").items():
        planned, event = configuration.checks[slug].schedule, node.get("on_calendar")
        if event is None or not isinstance(planned, OnCalendar) or planned.expression == event.value:
            continue  # The zone is not in the event itself.
        if sentence := time_zone.warning(planned.timezone):
            warnings.add(event.line, event.path, sentence)


def _labels(root: Node, checks: Mapping[str, CheckDefinition], warnings: Problems) -> None:
    """Add a warning for each name of a label that only one check has, beside a similar one that many have."""
    uses = Counter(name for check in checks.values() for name in check.labels)
    common = [name for name, count in uses.items() if count >= MANY]
    for slug, node in root.entries("checks").items():
        for name, label in node.entries("labels").items():
            if uses[name] != 1:
                continue
            similar = (other for other in common if other not in checks[slug].labels and _alike(name, other))
            for meant in similar:
                sentence = (
                    f"no other check has this label, and {uses[meant]:,} have {meant}; did you mean that?"
                )
                warnings.add(label.line, label.path, sentence)


def _early(root: Node, checks: Mapping[str, CheckDefinition], warnings: Problems) -> None:
    """Add a warning for each check that pages before the one that it runs after."""
    nodes = root.entries("checks")
    for early in dependencies.early(checks):
        if early.slug in nodes and (after := nodes[early.slug].get("after")) is not None:
            sentence = (
                f"its deadline comes {duration.in_words(early.lead)} before that of {early.parent}, so it pages first; "
                f"a grace of {duration.written(early.grace)} mends that."
            )
            warnings.add(after.line, after.path, sentence)


def _alike(name: str, other: str) -> bool:
    digits = str.maketrans("", "", "0123456789")
    if name.translate(digits) == other.translate(digits):  # disk1 and disk2 are meant
        return False
    return SequenceMatcher(None, name.lower(), other.lower()).ratio() >= LIKENESS
