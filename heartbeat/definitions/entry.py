"""The text of one entry. Each function returns its value, or raises ValueError with one sentence.

The limits stand here. The JSON Schema (`schema`) shows the same ones to editors.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from alerting.escalation import MAX_WAIT, MIN_WAIT
from alerting.severity import Severity
from heartbeat import duration
from heartbeat.checks import level, progress, schedule, time_zone
from heartbeat.checks.check import Measure
from heartbeat.checks.definition import LEARNT, UNTIL_DONE, UNTIL_DONE_LIMIT
from heartbeat.checks.level import Levels
from heartbeat.definitions.document import SHOWN, Node, suggestion
from heartbeat.safe_text import is_harmless, is_line

SLUG = r"[a-z0-9][a-z0-9_-]{0,99}"
"""What names a check, a person, a rotation, a policy, a ping key or a status page, as a regular expression."""
LABEL = r"[A-Za-z_][A-Za-z0-9_./-]{0,99}"
"""What names a label: neither a comma nor an equals sign, which separate labels in the key of a group."""

CONCEALED = "(secret)"
"""Stands in the place of a secret."""
MAX_CHECKS = 100_000
MAX_PEOPLE = 10_000
MAX_POLICIES = 1_000
MAX_PING_KEYS = 1_000
MAX_PEERS = 20
MAX_PAGES = 100
MAX_COMPONENTS = 1_000
MAX_GROUPS = 100
MAX_REGIONS = 20
MAX_FORMERLY = 20
MAX_AFTER = 20
MAX_RULES = 20
MAX_LABEL_RULES = 200
MAX_LABELS = 32
MAX_CONTACTS = 20
MAX_ROTATIONS = 1_000
MAX_TEAMS = 1_000
MAX_CHANNELS = 1_000
MAX_LAYERS = 20
MAX_TURNS = 100
MAX_WINDOWS = 20
MAX_STEPS = 100
MAX_PAGED = 100
MAX_GROUP_BY = 10
MAX_LABEL_VALUE = 200
MAX_NAME = 200
MAX_DESCRIPTION = 2_000
MAX_RUNBOOK = 500
MAX_ADDRESS = 2_000

Range = tuple[timedelta, timedelta]
GRACE: Range = (timedelta(seconds=1), timedelta(days=30))
MAX_RUNTIME: Range = (timedelta(seconds=1), timedelta(days=30))
STUCK_AFTER: Range = (timedelta(minutes=1), timedelta(days=7))
MIN_RUNTIME: Range = (timedelta(seconds=1), timedelta(days=30))
WAIT: Range = (MIN_WAIT, MAX_WAIT)
AFTER: Range = (timedelta(), MAX_WAIT)
ALERT_AFTER = (1, 100)
GATHERING: Range = (timedelta(), timedelta(hours=1))
SETTLING: Range = (timedelta(), timedelta(hours=1))
ACKNOWLEDGE_FOR: Range = (timedelta(minutes=1), timedelta(days=7))

_SLUG = re.compile(SLUG)
_LABEL = re.compile(LABEL)
_OFFSET = re.compile(r"(UTC|GMT)?[+-]\d{1,2}(:?\d\d)?", re.IGNORECASE)
_UNTIL_DONE = re.compile(rf"{UNTIL_DONE}(?:, at most ({duration.PATTERN}))?")
_DIGITS = re.compile(r"[0-9]{1,9}")
_TRUTHS = {"true": True, "false": False}


def slug(text: str) -> str:
    """Return a name that fits into an address."""
    if not _SLUG.fullmatch(text):
        raise ValueError(
            f"{quoted(text)} cannot be a name; write a-z, 0-9, _ and -, at most 100, none of _ and - first."
        )
    return text


def label(text: str) -> str:
    """Return the name of a label."""
    if not _LABEL.fullmatch(text):
        raise ValueError(
            f"{quoted(text)} cannot be a label; write letters, digits, _ . / -, at most 100, a letter first."
        )
    return text


def levels(text: str) -> Levels:
    """Return labels that nest, as "region > host"."""
    names = tuple(label(name.strip()) for name in text.split(level.SIGN))
    if len(names) > MAX_GROUP_BY:
        raise ValueError(f"has {len(names):,} levels; there can be at most {MAX_GROUP_BY:,}.")
    if len(set(names)) < len(names):
        raise ValueError("names a label twice; each level needs a label of its own.")
    return Levels(names)


def line(limit: int) -> Callable[[str], str]:
    """Return a converter for one line of text that is not empty."""

    def convert(text: str) -> str:
        if not is_line(text):
            raise ValueError("must be one line of text.")
        return _within(limit, text)

    return convert


def paragraphs(limit: int) -> Callable[[str], str]:
    """Return a converter for any text, also of several lines."""

    def convert(text: str) -> str:
        if not is_harmless(text):
            raise ValueError("must be text without control characters.")
        return _within(limit, text)

    return convert


def between(limits: Range) -> Callable[[str], timedelta]:
    """Return a converter for a duration within limits, both included."""
    low, high = limits

    def convert(text: str) -> timedelta:
        length = duration.parse(text)
        if not low <= length <= high:
            range_ = f"{duration.written(low)} to {duration.written(high)}"
            raise ValueError(f"{text!r} is out of range; write {range_}.")
        return length

    return convert


def max_runtime(text: str) -> tuple[timedelta, bool]:
    """Return a maximum run time, and whether a run may take it by its estimate: "2h", "until done, at most 20h"."""
    match = _UNTIL_DONE.fullmatch(text)
    if match is None:
        try:
            return between(MAX_RUNTIME)(text), False
        except ValueError as error:
            if not text.startswith(UNTIL_DONE):
                raise
            raise ValueError(f"write `{UNTIL_DONE}` or `{UNTIL_DONE}, at most 20h`.") from error
    return between(MAX_RUNTIME)(match[1]) if match[1] else UNTIL_DONE_LIMIT, True


def stuck_after(text: str) -> timedelta:
    """Return a time without progress after which a run is stuck, or `LEARNT`."""
    return progress.LEARNT if text == LEARNT else between(STUCK_AFTER)(text)


def whole(limits: tuple[int, int]) -> Callable[[str], int]:
    """Return a converter for a whole number within limits, both included."""
    low, high = limits

    def convert(text: str) -> int:
        if not _DIGITS.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError(f"{quoted(text)} is out of range; write a whole number from {low} to {high}.")
        return int(text)

    return convert


@lru_cache(maxsize=1024)
def zone(text: str) -> str:
    """Return the name of a time zone."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones, such as "Europe".
        if abbreviated := time_zone.of_abbreviation(text):
            hint = f"did you mean {abbreviated!r}?"
        elif _OFFSET.fullmatch(text):
            hint = "an offset does not follow summer time; write a place, such as Europe/London."
        else:
            near = suggestion(text, available_timezones())
            hint = near if near.startswith("did") else "write for example Europe/London."
        raise ValueError(f"{quoted(text)} is no time zone; {hint}") from None
    return text


def instant(text: str) -> datetime:
    """Return an instant given with its zone (RFC 3339), in UTC."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError(text)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be an instant with its zone, such as 2026-05-02T08:30:00Z.") from None


def on_the_wall(text: str) -> datetime:
    """Return a time on the clock of a zone that stands beside it, to the minute, without that zone."""
    try:
        wall = datetime.fromisoformat(text)
        if wall.tzinfo is not None or not 2000 <= wall.year < 2200:
            raise ValueError(text)
        return wall.replace(second=0, microsecond=0)
    except ValueError:
        raise ValueError("must be a local time without a zone, such as 2026-05-03T01:00.") from None


def severity(text: str) -> Severity:
    if text not in list(Severity):
        raise ValueError(f"{quoted(text)} is not one of {', '.join(Severity)}.")
    return Severity(text)


def measure(text: str) -> Measure:
    if text not in list(Measure):
        raise ValueError(f"{quoted(text)} is not one of {', '.join(Measure)}.")
    return Measure(text)


def semantics(text: str) -> str:
    """Return whose rules a cron line follows."""
    if text not in schedule.SEMANTICS:
        raise ValueError(f"{quoted(text)} is not one of {', '.join(schedule.SEMANTICS)}.")
    return text


def truth(text: str) -> bool:
    if text not in _TRUTHS:
        raise ValueError(f"{quoted(text)} is neither true nor false.")
    return _TRUTHS[text]


def named(names: Iterable[str], noun: str) -> Callable[[str], str]:
    """Return a converter for the name of another definition in the file."""

    def convert(text: str) -> str:
        if text not in names:
            raise ValueError(f"there is no {noun} {quoted(text)}; {suggestion(text, names)}")
        return text

    return convert


def labels(node: Node | None) -> dict[str, str]:
    """Return the labels in a mapping. Problems are reported."""
    if node is None:
        return {}
    value = line(MAX_LABEL_VALUE)
    at_most(node, MAX_LABELS, "labels")
    return {name: field.as_(value, "") for name, field in node.fields().items() if right(field, name, label)}


def some(node: Node, limit: int, plural: str, example: str) -> list[Node]:
    """Return a list with at least one item and at most `limit`. Problems are reported."""
    if not node.value:
        node.report(f"needs at least one, such as {example}.")
    at_most(node, limit, plural)
    return node.items()


def right(node: Node, name: str, convert: Callable[[str], object]) -> bool:
    """Return whether a name in a mapping converts. A problem is reported."""
    try:
        convert(name)
    except ValueError as error:
        node.report(str(error))
        return False
    return True


def at_most(node: Node, limit: int, plural: str) -> None:
    """Report a mapping or a list with more than `limit` entries."""
    if isinstance(node.value, dict | list) and len(node.value) > limit:
        node.report(f"has {len(node.value):,} {plural}; there can be at most {limit:,}.")


def _within(limit: int, text: str) -> str:
    if len(text) > limit:
        raise ValueError(f"has {len(text):,} characters; there can be at most {limit:,}.")
    return text


def quoted(text: str) -> str:
    """Return what was written, for a sentence about it."""
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
