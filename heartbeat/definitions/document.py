"""YAML with places: every value knows its line and its path, and reports its own problems.

Scalars are read as text. No type is guessed, so `no` is not false and 1.10 is not 1.1; the reader of a value says what
its text must be. Only the parser's events are used, so no tag makes an object.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from heartbeat.safe_text import told

MAX_CHARACTERS = 50_000_000
"""Characters of a document: 500 for each of the checks that a file can have."""
MAX_DEPTH = 20
MAX_COMPARED = 2_000
MAX_PROBLEMS = 1_000
MAX_NODES = 3_000_000
"""Values in a document. What an alias stands for counts each time: no small file becomes a huge one."""

T = TypeVar("T")
D = TypeVar("D")

# libyaml reads 160 kB in the time in which the parser in Python reads 5; it is in every wheel of PyYAML.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_STRANGE = re.compile(r"[^\t\n\r\x20-\x7E\x85\xA0-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
_NOTHING = ("", "~", "null")
_MERGE = "does not merge here: write these fields out. Defaults for all checks belong at the top of the file."
SHOWN = 100
"""Characters of a name that a problem shows, at most."""


class TooMany(Exception):
    """More problems than anybody wants to read."""


class Unjudged(ValueError):
    """A value cannot be judged here, which is no problem of it, but a warning: its one sentence."""


@dataclass(frozen=True, slots=True, order=True)
class DocumentProblem:
    """A problem and its place. `path` is empty if it concerns the whole document."""

    line: int
    path: str
    sentence: str


class Problems:
    """The problems of one document, each once. `warnings` takes what could not be judged."""

    def __init__(self, warnings: "Problems | None" = None) -> None:
        self._problems: set[DocumentProblem] = set()
        self._warnings = warnings

    def __bool__(self) -> bool:
        return bool(self._problems)

    def add(self, line: int, path: str, sentence: str) -> None:
        """Add a problem. Raises `TooMany` beyond the limit."""
        if len(self._problems) >= MAX_PROBLEMS:
            raise TooMany
        self._problems.add(DocumentProblem(line, path, sentence))

    def warn(self, line: int, path: str, sentence: str) -> None:
        """Add a warning, if somebody takes them."""
        if self._warnings is not None:
            self._warnings.add(line, path, sentence)

    def sentences(self, whole: str) -> list[str]:
        """Return the problems without lines: "grace: '15x' is not …". `whole` names the whole definition."""
        return [f"{problem.path or whole}: {problem.sentence}" for problem in sorted(self._problems)]

    def lines(self, filename: str) -> list[str]:
        """Return the problems in the order of the document: "heartbeat.yaml:12: checks.daily.grace: '15x' is not …"."""
        lines = [
            f"{filename}:{problem.line}: {problem.path + ': ' if problem.path else ''}{problem.sentence}"
            for problem in sorted(self._problems)
        ]
        if len(lines) < MAX_PROBLEMS:
            return lines
        return [*lines, f"{filename}: there may be more; correct these {MAX_PROBLEMS:,} first."]


class Node:
    """A value: text, a mapping, a list, or None for a key with nothing behind it.

    Its line is that of its key, also where an alias stands for the value. What is inside of the value has the place
    where it is written.
    """

    __slots__ = ("_name", "_parent", "_problems", "line", "value")

    def __init__(
        self, problems: Problems, line: int = 1, name: str | int = "", parent: "Node | None" = None
    ) -> None:
        self.value: str | dict[str, Node] | list[Node] | None = None
        self.line = line
        self._problems = problems
        self._name = name
        self._parent = parent

    @property
    def path(self) -> str:
        """The path from the top: "checks.daily.grace", "policies.ops[0].page"."""
        if self._parent is None:
            return ""
        above = self._parent.path
        if isinstance(self._name, int):
            return f"{above}[{self._name}]"
        name = told(self._name[:SHOWN])
        return f"{above}.{name}" if above else name

    @property
    def depth(self) -> int:
        """The number of mappings and lists around the value."""
        return 0 if self._parent is None else self._parent.depth + 1

    def report(self, sentence: str) -> None:
        """Report a problem of this value, in one sentence."""
        self._problems.add(self.line, self.path, sentence)

    def fields(self) -> "dict[str, Node]":
        """Return the mapping, empty if nothing is written. Anything else is a problem."""
        if isinstance(self.value, dict):
            return self.value
        if self.value is not None:
            self.report("must be a mapping, with a line `name: value` for each field.")
        return {}

    def get(self, field: str) -> "Node | None":
        """Return one field of the mapping, or None."""
        return self.value.get(field) if isinstance(self.value, dict) else None

    def entries(self, field: str) -> "dict[str, Node]":
        """Return the mapping in a field, empty if the field is missing."""
        node = self.get(field)
        return {} if node is None else node.fields()

    def items(self) -> "list[Node]":
        """Return the list, empty if nothing is written. One text counts as a list of one; a mapping is a problem."""
        if isinstance(self.value, list):
            return self.value
        if isinstance(self.value, dict):
            self.report("must be a list, with a line `- …` for each item.")
        return [self] if isinstance(self.value, str) else []

    def need(self, field: str, example: str) -> "Node":
        """Return a required field. A missing field is reported, and an empty node stands in."""
        node = self.get(field)
        if node is not None:
            return node
        self.report(f"has no {field}; write for example `{field}: {example}`.")
        return Node(Problems())

    def text(self) -> str | None:
        """Return the text. A missing text is reported, and is None."""
        if isinstance(self.value, str):
            return self.value
        self.report("has no value; write one." if self.value is None else "must be one value.")
        return None

    def as_(self, convert: Callable[[str], T], otherwise: D) -> T | D:
        """Return the text, converted. A ValueError is reported, `Unjudged` as a warning, and `otherwise` stands in."""
        text = self.text()
        if text is None:
            return otherwise
        try:
            return convert(text)
        except Unjudged as unjudged:
            self._problems.warn(self.line, self.path, str(unjudged))
            return otherwise
        except ValueError as error:
            self.report(str(error))
            return otherwise

    def read(self, field: str, convert: Callable[[str], T], otherwise: D) -> T | D:
        """Return a field of the mapping, converted; `otherwise` if it is missing or has a problem."""
        node = self.get(field)
        return otherwise if node is None else node.as_(convert, otherwise)

    def only(self, fields: Iterable[str], noun: str) -> None:
        """Report every field that is not one of `fields`."""
        fields = list(fields)
        for name, node in self.fields().items():
            if name not in fields:
                node.report(f"{noun} has no such field; {suggestion(name, fields)}")


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return the likely name, or else the names there are, as the end of a sentence: "did you mean 'grace'?"."""
    names = sorted(names)
    # Likeness is costly to compute: among very many names nobody is helped before the night is over.
    close = get_close_matches(name[:SHOWN], names, n=2, cutoff=0.7) if len(names) <= MAX_COMPARED else []
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    more = f" and {len(names) - 10:,} more" if len(names) > 10 else ""
    return f"there are {', '.join(names[:10])}{more}." if names else "there are none."


def read(text: str, problems: Problems) -> Node:
    """Return the document of a text. Problems are collected, and the rest is read all the same.

    Raises `TooMany` beyond a limit of problems.
    """
    nothing = Node(problems)
    if len(text) > MAX_CHARACTERS:
        nothing.report(
            f"the file has more than {MAX_CHARACTERS:,} characters; split it between installations."
        )
        return nothing
    if strange := _STRANGE.search(text):
        problems.add(text.count("\n", 0, strange.start()) + 1, "", "there is a control character; remove it.")
        return nothing
    try:
        root = _Composer(text, problems).document()
        if root is not None and root.value is not None:
            return root
        # A file that was cut off must not end every watch in silence.
        nothing.report("there is nothing in this file; write at least `checks: {}`.")
    except yaml.MarkedYAMLError as error:
        line, sentence = _syntax(error, text)
        problems.add(line, "", sentence)
    except _GivenUp as given_up:
        given_up.node.report(given_up.sentence)
    return nothing


class _GivenUp(Exception):
    """Reading cannot go on."""

    def __init__(self, node: Node, sentence: str) -> None:
        super().__init__(sentence)
        self.node = node
        self.sentence = sentence


class _Composer:
    """Makes nodes of the parser's events."""

    def __init__(self, text: str, problems: Problems) -> None:
        self._events: Iterator[Event] = yaml.parse(text, Loader=_LOADER)
        self._problems = problems
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._count = 0

    def document(self) -> Node | None:
        """Return the only document, or None if the text is empty."""
        root = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    self._problems.add(_line(event), "", "a second document begins here; write only one.")
                    break
                root = self._filled(Node(self._problems), next(self._events), 0)
        return root

    def _filled(self, node: Node, event: Event, depth: int) -> Node:
        """Return the node, filled from the event or with the value that an alias stands for."""
        self._count += 1
        first = self._count
        if isinstance(event, AliasEvent):
            node.value = self._meant(node, event).value
        elif isinstance(event, ScalarEvent):
            node.value = None if not event.style and event.value in _NOTHING else event.value
        elif depth >= MAX_DEPTH:
            raise _GivenUp(node, f"is nested more than {MAX_DEPTH} levels deep.")
        elif isinstance(event, MappingStartEvent):
            self._mapping(node, depth)
        else:
            self._list(node, depth)
        if self._count > MAX_NODES:
            raise _GivenUp(node, f"the file has more than {MAX_NODES:,} values, counted through its aliases.")
        if isinstance(event, ScalarEvent | CollectionStartEvent):
            self._note(node, event, self._count - first)
        return node

    def _note(self, node: Node, event: ScalarEvent | CollectionStartEvent, count: int) -> None:
        if event.tag not in (None, "!"):
            node.report("has a tag; remove what begins with '!'.")
        if event.anchor:
            self._anchors[event.anchor] = node, count

    def _mapping(self, node: Node, depth: int) -> None:
        fields: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        node.value = fields
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                # The rest is judged as its author meant it, so that there is one problem and not two.
                node.value = merged | fields
                return
            if not isinstance(event, ScalarEvent):
                raise _GivenUp(node, "has a key that is not plain text.")
            line = _line(event)
            field = self._filled(Node(self._problems, line, event.value, node), next(self._events), depth + 1)
            if event.value == "<<" and not event.style:
                field.report(_MERGE)
                merged |= field.value if isinstance(field.value, dict) else {}
                continue
            existing = fields.setdefault(event.value, field)
            if existing is not field:
                self._problems.add(
                    line, existing.path, f"is written twice; the first is on line {existing.line}."
                )

    def _list(self, node: Node, depth: int) -> None:
        items: list[Node] = []
        node.value = items
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                return
            item = Node(self._problems, _line(event), len(items), node)
            items.append(self._filled(item, event, depth + 1))

    def _meant(self, node: Node, event: AliasEvent) -> Node:
        if event.anchor not in self._anchors:
            raise _GivenUp(node, f"there is no anchor &{event.anchor} before this alias of it.")
        meant, count = self._anchors[event.anchor]
        self._count += count
        return meant


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _syntax(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """Return the line and the sentence for a text that is not YAML."""
    lines = text.splitlines() or [""]
    line = min(error.problem_mark.line + 1 if error.problem_mark else 1, len(lines))
    began = error.context_mark.line + 1 if error.context_mark else line
    where = f" {error.context} that begins on line {began}" if began < line else ""
    return line, f"this is not YAML: {error.problem}{where}{_hint(lines[line - 1])}."


def _hint(line: str) -> str:
    """Return the usual cause of a line that is not YAML."""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "; indent with spaces, not with tabs"
    if "${" in line:
        return '; within { } and [ ] a reference needs quotes, as in "${NAME}"'
    if "*" in line:
        return '; a text that begins with * needs quotes, as in "*/5 * * * *"'
    if "@" in line:
        return '; a text that begins with @ needs quotes, as in "@daily"'
    return ""
