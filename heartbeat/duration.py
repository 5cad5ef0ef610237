"""Durations in the notation of the configuration: 30s, 15m, 2h, 1d, 1w, combined 1h30m. Pure and exact."""

import re
from datetime import timedelta

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WORDS = {"d": "day", "h": "h", "m": "min", "s": "s"}

PATTERN = r"(?=\d)(?:\d{1,6}w)?(?:\d{1,6}d)?(?:\d{1,6}h)?(?:\d{1,6}m)?(?:\d{1,6}s)?"
"""A duration as a regular expression, also for JSON Schema."""

_DURATION = re.compile(PATTERN, re.ASCII)
_PART = re.compile(r"(\d+)([wdhms])", re.ASCII)


def parse(text: str) -> timedelta:
    """Return the duration in this text. Raises ValueError with one sentence."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a duration; write for example 15m, 2h or 1d.")
    return timedelta(seconds=sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(text)))


def written(length: timedelta) -> str:
    """Return the shortest text for this duration that `parse` reads, in whole seconds: "1h30m"."""
    return "".join(f"{count}{unit}" for count, unit in _parts(length)) or "0s"


def in_words(length: timedelta) -> str:
    """Return a duration for people, exact to the second: "15 min", "1 h 30 min", "2 days"."""
    return " ".join(_counted(count, _WORDS[unit]) for count, unit in _parts(length)) or "0 s"


def _parts(length: timedelta) -> list[tuple[int, str]]:
    left = round(length.total_seconds())
    parts = []
    for unit in _WORDS:
        count, left = divmod(left, _UNITS[unit])
        if count:
            parts.append((count, unit))
    return parts


def _counted(count: int, word: str) -> str:
    return f"{count} days" if word == "day" and count > 1 else f"{count} {word}"
