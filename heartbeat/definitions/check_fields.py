"""Fields of a check: its schedule, what it tolerates, and its former names. Pure."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from heartbeat import duration
from heartbeat.checks import schedule
from heartbeat.checks.check import Tolerance
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.schedule import Every, Schedule
from heartbeat.definitions import entry, schema
from heartbeat.definitions.document import Node

_SCHEDULES: Final[Mapping[str, Callable[..., Schedule]]] = {
    "schedule": lambda text, **how: schedule.parse(cron=text, **how),
    "every": lambda text, **how: schedule.parse(every=duration.parse(text), **how),
    "on_calendar": lambda text, **how: schedule.parse(on_calendar=text, **how),
}
_SOME_SCHEDULE = Every(timedelta(days=1))
"""It stands in where what is written is wrong, so that the rest can be judged. It never leaves this room."""


def planned(check: Node, timezone: str) -> Schedule:
    """Return the schedule of a check, in this zone. Problems are reported."""
    kinds = [kind for kind in _SCHEDULES if check.get(kind)]
    if len(kinds) != 1:
        if not isinstance(check.value, str | list):  # of which has been said already that it is no check
            check.report(f"needs exactly one of {', '.join(_SCHEDULES)}.")
        return _SOME_SCHEDULE
    (kind,) = kinds
    how = {"timezone": timezone, "semantics": check.read("semantics", entry.semantics, schedule.SEMANTICS[0])}
    return check.read(kind, lambda text: _SCHEDULES[kind](text, **how), _SOME_SCHEDULE)


def tolerance(node: Node | None, default: Tolerance) -> Tolerance:
    """Return what turns a check down. What is left out is that of the default."""
    if node is None or node.value is None:
        return default
    node.only(schema.ALERT_AFTER, "alert_after")
    count = entry.whole(entry.ALERT_AFTER)
    return Tolerance(
        failures=node.read("failures", count, default.failures),
        missed=node.read("missed", count, default.missed),
    )


def former_slugs(slug: str, node: Node | None) -> tuple[str, ...]:
    """Return the former names of a check. Problems are reported."""
    if node is None:
        return ()
    items = entry.some(node, entry.MAX_FORMERLY, "names", "old-name")
    names = tuple(item.as_(entry.slug, "") for item in items)
    if slug in names:
        node.report("names the check itself; leave that out.")
    if len(names) > len(set(names)):
        node.report("names a check twice.")
    return names


def report_taken(nodes: Mapping[str, Node], checks: Mapping[str, CheckDefinition]) -> None:
    """Report former names that another check has or claims. Checks may exchange names: each then has a former one."""
    claims: dict[str, str] = {}
    for slug, check in checks.items():
        for former in check.formerly:
            other = claims.setdefault(former, slug)
            if other != slug:
                sentence = f"{other} was {former} as well, by this file; only one check can have been."
                nodes[slug].fields()["formerly"].report(sentence)
            elif former != slug and former in checks and not checks[former].formerly:
                sentence = (
                    f"this file still has a check {former}, whose pings are its own; remove one of the two."
                )
                nodes[slug].fields()["formerly"].report(sentence)
