"""The amounts in the text of a rule: numbers, durations, factors, percentages, and what a wrong one was to be. Pure."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from heartbeat import duration
from heartbeat.checks.rule import RUNS

_NUMBER: Final = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_GROUPED: Final = re.compile(r"-?\d{1,3}(?:[,'_ ]\d{3})+(?:\.\d+)?(?![\w.])", re.ASCII)
_WITH_COMMA: Final = re.compile(r"-?\d+,\d+(?![\w.,])", re.ASCII)
_PART: Final = re.compile(r" *(\d+(?:\.\d+)?) *([A-Za-z]+|%)(?![\w.%])", re.ASCII)
_UNITS: Final[Mapping[str, str]] = {
    word: unit
    for unit, words in {
        "w": "w week weeks",
        "d": "d day days",
        "h": "h hr hrs hour hours",
        "m": "m min mins minute minutes",
        "s": "s sec secs second seconds",
        "x": "x times",
        "%": "% percent",
    }.items()
    for word in words.split()
}

Read = Callable[[str], object]


def limit(text: str) -> tuple[float, str] | None:
    """Return a number, a duration in seconds ("time"), or a factor ("x"). None if the text is none of them."""
    if (factor := suffixed("x")(text)) is not None:
        return factor, "x"
    if (value := _number(text)) is not None:
        return value, ""
    read = length(text)
    return None if read is None else (read.total_seconds(), "time")


def suffixed(suffix: str) -> Callable[[str], float | None]:
    """Return a reader of numbers above 0 that end so: "3x", "50%"."""

    def read(text: str) -> float | None:
        value = _number(text.removesuffix(suffix)) if text.endswith(suffix) else None
        return value if value is not None and value > 0 else None

    return read


def length(text: str) -> timedelta | None:
    """Return a duration."""
    try:
        return duration.parse(text)
    except (ValueError, OverflowError):
        return None


def runs(text: str) -> int | None:
    """Return a number of runs that a rule can look over."""
    low, high = RUNS
    return int(text) if re.fullmatch("[0-9]{1,3}", text) and low <= int(text) <= high else None


def meant(text: str, read: Read) -> tuple[str, str] | None:
    """Return how a text begins, and how a rule would say it: "15 min" and "15m", "1,000" and "1000".

    None if it begins with an amount that can be read, or with nothing that can be guessed.
    """
    if match := _GROUPED.match(text):
        found = match[0], re.sub("[,'_ ]", "", match[0])
    elif match := _WITH_COMMA.match(text):
        found = match[0], match[0].replace(",", ".")
    else:
        found = _with_units(text, read)
    began, said = found
    return None if began == said or read(said) is None else found


def _with_units(text: str, read: Read) -> tuple[str, str]:
    """Return the longest beginning whose numbers and units make an amount, and that amount. Both may be empty."""
    said, place, found = "", 0, ("", "")
    while match := _PART.match(text, place):
        unit = _UNITS.get(match[2]) or _UNITS.get(match[2].lower() if len(match[2]) > 1 else "")
        if unit is None:
            break
        said, place = said + match[1] + unit, match.end()
        if read(said) is not None:
            found = text[:place], said
    return found


def _number(text: str) -> float | None:
    value = float(text) if _NUMBER.fullmatch(text) else None
    return None if value is None or value in (float("inf"), float("-inf")) else value
