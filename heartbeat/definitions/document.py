"""YAML with places: every value knows its line and its path, and takes note of what is wrong with it.

Scalars are taken as the text that stands there. No type is guessed, so `no` is not false and 1.10 is not 1.1;
what reads a value says what its text must be. Only the events of the parser are used: no tag makes an object.
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

MAX_CHARACTERS = 5_000_000
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
SHOWN = 100
"""Characters of a name that a problem shows, at most."""


class TooMany(Exception):
    """So much is wrong that looking for more would help nobody."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, where it stands. `path` is empty where it concerns the whole document."""

    line: int
    path: str
    sentence: str


class Problems:
    """What was found wrong in one document, each thing once."""

    def __init__(self) -> None:
        self._found: set[Problem] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, line: int, path: str, sentence: str) -> None:
        """Raises `TooMany` where enough is known already."""
        if len(self._found) >= MAX_PROBLEMS:
            raise TooMany
        self._found.add(Problem(line, path, sentence))

    def sentences(self, whole: str) -> list[str]:
        """As `lines`, of what has no lines: "grace: '15x' is not …". `whole` is what all of it is called."""
        return [f"{one.path or whole}: {one.sentence}" for one in sorted(self._found)]

    def lines(self, filename: str) -> list[str]:
        """In the order of the document: "heartbeat.yaml:12: checks.daily.grace: '15x' is not …"."""
        lines = [
            f"{filename}:{one.line}: {one.path + ': ' if one.path else ''}{one.sentence}"
            for one in sorted(self._found)
        ]
        if len(lines) < MAX_PROBLEMS:
            return lines
        return [*lines, f"{filename}: there may be more; correct these {MAX_PROBLEMS:,} first."]


class Node:
    """One value: text, a mapping, a list, or None where a key has nothing behind it.

    Its line is that of its key. What is read through an alias has the place where it was written.
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
        """The way here from the top: "checks.daily.grace", "policies.ops[0].page"."""
        if self._parent is None:
            return ""
        above = self._parent.path
        if isinstance(self._name, int):
            return f"{above}[{self._name}]"
        name = self._name[:SHOWN] if self._name.isprintable() else repr(self._name[:SHOWN])
        return f"{above}.{name}" if above else name

    @property
    def depth(self) -> int:
        """How many mappings and lists it is within."""
        return 0 if self._parent is None else self._parent.depth + 1

    def wrong(self, sentence: str) -> None:
        """Take note of what is wrong here, in one sentence."""
        self._problems.add(self.line, self.path, sentence)

    def fields(self) -> "dict[str, Node]":
        """The mapping, empty where nothing is written; anything else is wrong."""
        if isinstance(self.value, dict):
            return self.value
        if self.value is not None:
            self.wrong("must be a mapping, with a line `name: value` for each field.")
        return {}

    def get(self, field: str) -> "Node | None":
        """One field of the mapping, None where it is not there."""
        return self.value.get(field) if isinstance(self.value, dict) else None

    def entries(self, field: str) -> "dict[str, Node]":
        """The mapping in a field, empty where there is none."""
        node = self.get(field)
        return {} if node is None else node.fields()

    def items(self) -> "list[Node]":
        """The list, empty where nothing is written. One text counts as a list of one, a mapping is wrong."""
        if isinstance(self.value, list):
            return self.value
        if isinstance(self.value, dict):
            self.wrong("must be a list, with a line `- …` for each item.")
        return [self] if isinstance(self.value, str) else []

    def need(self, field: str, example: str) -> "Node":
        """A field that must be there. Where it is not, that is noted, and an empty node stands in."""
        node = self.get(field)
        if node is not None:
            return node
        self.wrong(f"has no {field}; write for example `{field}: {example}`.")
        return Node(Problems())

    def text(self) -> str | None:
        """The text, None where there is none, which is wrong."""
        if isinstance(self.value, str):
            return self.value
        self.wrong("has no value; write one." if self.value is None else "must be one value.")
        return None

    def as_(self, convert: Callable[[str], T], otherwise: D) -> T | D:
        """The text, converted. A ValueError's sentence is noted, and `otherwise` stands in."""
        text = self.text()
        if text is None:
            return otherwise
        try:
            return convert(text)
        except ValueError as error:
            self.wrong(str(error))
            return otherwise

    def read(self, field: str, convert: Callable[[str], T], otherwise: D) -> T | D:
        """A field of the mapping, converted; `otherwise` where it is not there or wrong."""
        node = self.get(field)
        return otherwise if node is None else node.as_(convert, otherwise)

    def only(self, known: Iterable[str], what: str) -> None:
        """Every field must be one of the `known`."""
        known = list(known)
        for name, node in self.fields().items():
            if name not in known:
                node.wrong(f"{what} has no such field; {suggestion(name, known)}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """What was probably meant, else what there is, as the end of a sentence: "did you mean 'grace'?"."""
    known = sorted(known)
    # Likeness is costly to compute: among very many names nobody is helped before the night is over.
    close = get_close_matches(name[:SHOWN], known, n=2, cutoff=0.7) if len(known) <= MAX_COMPARED else []
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    more = f" and {len(known) - 10:,} more" if len(known) > 10 else ""
    return f"there are {', '.join(known[:10])}{more}." if known else "there are none."


def read(text: str, problems: Problems) -> Node:
    """The document that this text is. `problems` takes what is wrong; the rest is read nevertheless.

    Raises `TooMany` where there are more problems than anybody wants to read.
    """
    nothing = Node(problems)
    if len(text) > MAX_CHARACTERS:
        nothing.wrong(
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
        nothing.wrong("there is nothing in this file; write at least `checks: {}`.")
    except yaml.MarkedYAMLError as error:
        line, sentence = _syntax(error, text)
        problems.add(line, "", sentence)
    except _GivenUp as given_up:
        given_up.node.wrong(given_up.sentence)
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
        """The only document, None where the text has nothing in it."""
        root = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    self._problems.add(_line(event), "", "a second document begins here; write only one.")
                    break
                root = self._filled(Node(self._problems), next(self._events), 0)
        return root

    def _filled(self, node: Node, event: Event, depth: int) -> Node:
        """The node with what the event begins; or the node that an alias stands for."""
        self._count += 1
        before = self._count
        if isinstance(event, AliasEvent):
            node = self._meant(node, event)
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
            self._note(node, event, self._count - before)
        return node

    def _note(self, node: Node, event: ScalarEvent | CollectionStartEvent, count: int) -> None:
        if event.tag not in (None, "!"):
            node.wrong("has a tag; remove what begins with '!'.")
        if event.anchor:
            self._anchors[event.anchor] = node, count

    def _mapping(self, node: Node, depth: int) -> None:
        fields: dict[str, Node] = {}
        node.value = fields
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                return
            if not isinstance(event, ScalarEvent):
                raise _GivenUp(node, "has a key that is not plain text.")
            line = _line(event)
            field = self._filled(Node(self._problems, line, event.value, node), next(self._events), depth + 1)
            known = fields.setdefault(event.value, field)
            if known is not field:
                self._problems.add(line, known.path, f"is written twice; the first is on line {known.line}.")

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
    """The line and the sentence for a text that is not YAML."""
    lines = text.splitlines() or [""]
    line = min(error.problem_mark.line + 1 if error.problem_mark else 1, len(lines))
    began = error.context_mark.line + 1 if error.context_mark else line
    where = f" {error.context} that begins on line {began}" if began < line else ""
    return line, f"this is not YAML: {error.problem}{where}{_hint(lines[line - 1])}."


def _hint(line: str) -> str:
    """What is mostly behind a line that is not YAML."""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "; indent with spaces, not with tabs"
    if "${" in line:
        return '; within { } and [ ] a reference needs quotes, as in "${NAME}"'
    if "*" in line:
        return '; a text that begins with * needs quotes, as in "*/5 * * * *"'
    return ""
