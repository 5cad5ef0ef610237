"""Numbers that a ping carries: in its address, in a JSON body, or in lines of its body. Pure.

A ping always counts. Of what was not understood, `misread` says one sentence.
"""

import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from heartbeat import safe_text
from heartbeat.checks.finished_run import BODY_SIZE, DURATION, EXIT_STATUS

MOST: Final = 50
"""Numbers of one ping, at most."""
LONGEST_NAME: Final = 63
"""Characters of a name, at most. Names within names are joined by dots and count as one."""
_QUOTED: Final = 40
"""Characters of a stranger's text that a sentence quotes."""
_EXACT: Final = 15
"""Digits of a whole number that is kept as one."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*\Z")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\Z", re.ASCII | re.IGNORECASE)
_NO_NUMBER = re.compile(r"[+-]?(?:nan|inf(?:inity)?)\Z", re.ASCII | re.IGNORECASE)
_LINE = re.compile(rb"^[ \t]*([^\s=]{1,200})[ \t]*=[ \t]*(\S{1,400})[ \t\r]*$", re.MULTILINE)
_MARK: Final = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""
_BEFORE: Final = b" \t\r\n\0" + _MARK + b"\xff\xfe"
"""What can stand before the brace: spaces, and the byte order marks of UTF-8 and UTF-16, whose spaces and braces have a
zero beside them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The numbers of a ping by name, and a sentence on what was not understood. Both are None if it carries none."""

    values: Mapping[str, float] | None = None
    misread: str | None = None


NOTHING: Final = Reading()


def is_json(body: bytes | None) -> bool:
    """Return True if a body is to be read as JSON: it begins with a brace, also behind a byte order mark."""
    return body is not None and body[:64].lstrip(_BEFORE)[:1] == b"{"


def of_request(parameters: Iterable[tuple[str, str]], body: bytes | None, *, cut: bool = False) -> Reading:
    """Return the numbers of an address and of a JSON body. Of equal names, the last one counts, the body last.

    `cut` says that the end of the body is missing.
    """
    reader = _Reader()
    for name, value in parameters:
        if reader.is_full:
            break
        if name == "metric":
            reader.text(*_pair(value))
        elif name.startswith("m."):
            reader.text(name[2:], value)
    if body is not None and is_json(body):
        reader.document(body, cut)
    elif body is not None and _may_be_array(body):
        reader.array(body)
    return reader.reading


def with_lines(reading: Reading, body: bytes | None) -> Reading:
    """Return the numbers with those of lines such as `rows=12`. A JSON body has none, and other lines say nothing."""
    if body is None or is_json(body):
        return reading
    reader = _Reader(dict(reading.values or {}), [reading.misread] if reading.misread else [])
    lines = {match[1]: match[2] for match in _LINE.finditer(body.removeprefix(_MARK))}
    for name, value in lines.items():
        reader.text(name.decode(errors="replace"), value.decode(errors="replace"))
        if reader.is_full:
            break
    return reader.reading


def where_measured(reading: Reading, seconds: float) -> Reading:
    """Return the numbers of a run that took so long, by its start, without the duration that it reports itself."""
    if not reading.values or DURATION not in reading.values:
        return reading
    values = {name: value for name, value in reading.values.items() if name != DURATION}
    fault = f'"{DURATION}" was left out: the run began with a ping, so heartbeat measured {seconds:,.6g} s itself.'
    return Reading(values or None, " ".join(filter(None, (fault, reading.misread))))


def _may_be_array(body: bytes) -> bool:
    """Return whether a body has the ends of a JSON array. Most that do are lines of a log."""
    return body[:64].lstrip(_BEFORE)[:1] == b"[" and body[-64:].rstrip(_BEFORE)[-1:] == b"]"


def _pair(metric: str) -> tuple[str, str]:
    """Split `name:value` or `name=value`."""
    name, _, value = metric.replace("=", ":", 1).partition(":")
    return name, value


@dataclass(slots=True)
class _Reader:
    """Collects numbers, and sentences on what is none."""

    values: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    more: int = 0
    is_full: bool = False
    """There is no room for another number. What follows is not looked at."""

    @property
    def reading(self) -> Reading:
        if not self.faults:
            return Reading(self.values) if self.values else NOTHING
        more = f" {self.more} more {'was' if self.more == 1 else 'were'} left out." if self.more else ""
        return Reading(self.values or None, self.faults[0] + more)

    def text(self, name: str, value: str) -> None:
        """Take a number that is written as text."""
        value = value.strip(" ")
        if _NUMBER.match(value):
            self.number(name, float(value) if len(value) > _EXACT or not value.isdigit() else int(value))
        elif _NO_NUMBER.match(value):
            self.number(name, math.nan)
        else:
            self.fault(f"{_quoted(name)} was left out: {_quoted(value)} is not a number.")

    def number(self, name: str, value: float) -> None:
        """Take a number, if its name is one and there is room for it."""
        if not _NAME.match(name):
            self.fault(f"{_quoted(name)} was left out: {_NAMES}")
        elif len(name) > LONGEST_NAME:
            self.fault(f"{_quoted(name)} was left out: a name has at most {LONGEST_NAME} characters.")
        elif name in (EXIT_STATUS, BODY_SIZE):
            self.fault(f"{_quoted(name)} was left out: heartbeat measures it itself.")
        elif not _is_finite(value):
            self.fault(f"{_quoted(name)} was left out: it is not a finite number.")
        elif len(self.values) >= MOST and name not in self.values:
            self.is_full = True
            self.fault(f"{_quoted(name)} and what follows was left out: a ping has at most {MOST} numbers.")
        else:
            self.values[name] = value

    def document(self, body: bytes, cut: bool) -> None:
        """Take every number of a JSON document, in its order."""
        try:
            document = json.loads(body)
        except RecursionError:
            self.fault("The JSON in the body was left out: it is nested too deeply.")
        except UnicodeDecodeError:
            why = "its end was cut off" if cut else "it is not UTF-8"
            self.fault(f"The JSON in the body was left out: {why}.")
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            why = "its end was cut off" if cut else f"it is not valid at {place}"
            self.fault(f"The JSON in the body was left out: {why}.")
        except ValueError:
            self.fault("The JSON in the body was left out: it has a number of thousands of digits.")
        else:
            self._walk(document)

    def array(self, body: bytes) -> None:
        """Say of a JSON array that its numbers have no names. Other text is none of ours."""
        with suppress(ValueError, RecursionError):
            json.loads(body)
            self.fault(
                'The JSON in the body was left out: it is a list; send an object, such as {"rows": 12}.'
            )

    def _walk(self, document: object) -> None:
        """Visit the numbers without recursion: a document may be as deep as the parser allows."""
        stack = [_members("", document)]
        while stack and not self.is_full:
            for name, value in stack[-1]:
                if isinstance(value, dict | list):
                    stack.append(_members(name, value))
                    break
                if isinstance(value, int | float) and not isinstance(value, bool):
                    self.number(name, value)
                    if self.is_full:
                        break
            else:
                stack.pop()

    def fault(self, sentence: str) -> None:
        """Keep the first sentence, and count the others."""
        if self.faults:
            self.more += 1
            self.is_full |= self.more > MOST
        else:
            self.faults.append(sentence)


_NAMES: Final = 'a name has letters, digits, "_", "-" and ".", and begins with a letter or "_".'


def _members(outer: str, value: Any) -> Iterator[tuple[str, object]]:
    """Yield what is in an object or an array, with its whole name. No name grows with the depth: too long is enough."""
    within = f"{outer[: 2 * LONGEST_NAME]}." if outer else ""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    return ((f"{within}{key}", inner) for key, inner in members)


def _is_finite(value: float) -> bool:
    """Return False also for whole numbers that are too large for a float."""
    return abs(value) <= sys.float_info.max


def _quoted(text: str) -> str:
    line = safe_text.as_line(text[: _QUOTED + 1])
    return f'"{line[:_QUOTED]}…"' if len(line) > _QUOTED else f'"{line}"'
