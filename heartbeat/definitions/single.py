"""One definition that is given apart from the file, judged by the very rules of the file. Pure.

What is given is what stands in the file behind a name, as JSON: the same fields, the same words (a grace is
"15m"), the same limits. It may name what there is, as a line of the file may name what stands in the file.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from alerting.escalation import Policy
from alerting.notifiers.contract import Notifier
from alerting.origin import Origin
from alerting.person import Person
from heartbeat.checks import maintenance
from heartbeat.checks.definition import CheckDefinition
from heartbeat.definitions import entry, schema
from heartbeat.definitions.document import MAX_DEPTH, SHOWN, Node, Problems, TooMany
from heartbeat.definitions.file import Reading
from heartbeat.definitions.schema import Schema
from heartbeat.definitions.status_page import StatusPage

SHAPES: Final[Mapping[str, Schema]] = {
    "check": schema.part("check"),
    "person": schema.with_kept(schema.part("person"), "contacts", "items"),
    "policy": {"type": "object", "properties": {"steps": schema.part("policy")}, "required": ["steps"]},
    "status_page": schema.part("status_page"),
    "notifier": schema.with_kept({"type": "object", "additionalProperties": {"type": "string"}}),
    "maintenance": schema.MAINTENANCE,
}
"""What a definition may hold, as JSON Schema (draft 2020-12)."""

T = TypeVar("T")


class Faulty(ValueError):
    """All that is wrong with a definition, each in one sentence that names the field."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Around:
    """What there is, which a definition may name.

    `policy` is the policy of checks that name none. `kinds` are the notifiers on the shelf, `settings` what the
    file gives them.
    """

    policies: Collection[str] = ()
    people: Collection[str] = ()
    policy: str | None = None
    kinds: Mapping[str, type[Notifier]] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def reading(self) -> Reading:
        """A reading of a file that declares what there is."""
        there: dict[str, Any] = {
            "policies": dict.fromkeys(self.policies, ""),
            "people": dict.fromkeys(self.people, ""),
            "notifiers": self.settings,
        }
        if self.policy in self.policies:
            there["policy"] = self.policy
        # What is wrong with what there is, is not the fault of what is defined now.
        root = _node(there, {}, Problems())
        found = Reading(root, self.kinds, _no_reference, in_clear=True, origin=Origin.API)
        found.notifiers()
        return found


def read_check(slug: str, given: Mapping[str, object], around: Around) -> CheckDefinition:
    """The check that is meant. Where it names no policy, it follows the one at the top, whichever that will be.

    Raises `Faulty`.
    """
    found = _read("check", slug, given, SHAPES["check"], around.reading().check)
    return found if given.get("policy") is not None else replace(found, policy=None)


def read_person(name: str, given: Mapping[str, object], around: Around) -> Person:
    """The person that is meant. Secret addresses stand in it in clear. Raises `Faulty`."""
    return _read("person", name, given, SHAPES["person"], around.reading().person)


def read_policy(name: str, given: Mapping[str, object], around: Around) -> Policy:
    """The policy that is meant, whose steps are in `steps`. Raises `Faulty`."""
    reading = around.reading()

    def read(name: str, node: Node) -> Policy:
        node.only(("steps",), "a policy")
        return reading.policy(name, node.need("steps", "[{page: anna, wait: 5m}]"))

    return _read("policy", name, given, SHAPES["policy"], read)


def read_notifier(kind: str, given: Mapping[str, object], around: Around) -> dict[str, str]:
    """The settings of a notifier that are meant. Secrets stand in them in clear. Raises `Faulty`."""
    return _read("notifier", kind, given, SHAPES["notifier"], around.reading().notifier)


def read_status_page(slug: str, given: Mapping[str, object]) -> StatusPage:
    """The status page that is meant. Raises `Faulty`."""
    return _read("status page", slug, given, SHAPES["status_page"], Around().reading().status_page)


def read_window(given: Mapping[str, object], now: datetime) -> maintenance.WindowDefinition:
    """The maintenance window that is meant; it begins `now` where it does not say. Raises `Faulty`."""

    def read(_name: str, node: Node) -> maintenance.WindowDefinition:
        node.only(SHAPES["maintenance"]["properties"], "a maintenance window")
        match = node.need("match", '{"host": "vault-1"}')
        if not match.value:
            match.wrong("needs at least one label, such as {host: vault-1}.")
        return maintenance.WindowDefinition(
            title=node.need("title", "Database move").as_(entry.line(entry.MAX_NAME), ""),
            description=node.read("description", entry.paragraphs(entry.MAX_DESCRIPTION), ""),
            match=entry.labels(match),
            starts_at=node.read("starts_at", entry.instant, now),
            ends_at=node.need("ends_at", "2026-05-02T08:30:00Z").as_(entry.instant, now),
        )

    wanted = _read("maintenance", "window", given, SHAPES["maintenance"], read)
    if wrong := maintenance.fault(wanted, now):
        raise Faulty([wrong])
    return wanted


def _no_reference(text: str) -> str:
    """Whoever defines things from afar does not read this machine's environment and files."""
    if "${" in text:
        raise ValueError("'${' stands for a secret only in the configuration file; write the value itself.")
    return text


def _read(what: str, name: str, given: object, shape: Schema, read: Callable[[str, Node], T]) -> T:
    """What `read` makes of it. Raises `Faulty`."""
    problems = Problems()
    with suppress(TooMany):
        root = _node(given, shape, problems)
        entry.right(root, name, entry.slug)
        if not problems:
            found = read(name, root)
    if problems:
        raise Faulty(problems.sentences(f"{what} {name[:SHOWN]}"))
    return found


def _node(
    value: object, shape: Schema, problems: Problems, name: str | int = "", parent: Node | None = None
) -> Node:
    """What is given, as the file's reader would have it. Nothing (null) counts as if it were not there.

    In the file every value is text. Here only what is text can stand for text, so that nothing is guessed.
    """
    node = Node(problems, 1, name, parent)
    if node.depth > MAX_DEPTH:
        raise Faulty([f"{node.path}: is nested more than {MAX_DEPTH} levels deep."])
    match value:
        case dict():
            # A field that there is not is told as such by whoever reads the whole, whatever its value is.
            given = {k: "" if _is_unknown(shape, k) else one for k, one in value.items()}
            node.value = {
                k: _node(one, _field(shape, k), problems, k, node)
                for k, one in given.items()
                if one is not None
            }
        case list():
            items = shape.get("items", {})
            node.value = [_node(one, items, problems, place, node) for place, one in enumerate(value)]
        case _:
            node.value = _text(value, shape, node)
    return node


def _is_unknown(shape: Schema, name: str) -> bool:
    known = shape.get("properties", {})
    return bool(known) and name not in known and not shape.get("additionalProperties")


def _field(shape: Schema, name: str) -> Schema:
    others = shape.get("additionalProperties") or {}
    found: Schema = shape.get("properties", {}).get(name, others)
    return found


def _text(value: object, shape: Schema, node: Node) -> str | None:
    if shape.get("type") == "boolean":
        if isinstance(value, bool):
            return str(value).lower()
        node.wrong("must be true or false.")
    elif shape.get("type") == "integer":
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        node.wrong("must be a whole number.")
    elif isinstance(value, str):
        return value
    else:
        node.wrong("must be text.")
    return None
