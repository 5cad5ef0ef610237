"""A single definition given apart from the file, read by the rules of the file. Pure.

Its fields are those behind a name in the file, as JSON: the same fields, the same values (a grace is "15m"), the same
limits. It may name existing definitions, as a line of the file may name others in the file.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from alerting.crew import CatchAll, Team
from alerting.escalation import Policy
from alerting.notifiers.contract import Notifier
from alerting.origin import Origin
from alerting.person import Person
from alerting.rotation import Rotation
from heartbeat import duration
from heartbeat.checks import maintenance, recurrence, recurrence_rule
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.rule import Rule
from heartbeat.definitions import check_schema, entry, rules, schema
from heartbeat.definitions.document import MAX_DEPTH, SHOWN, Node, Problems, TooMany
from heartbeat.definitions.file import Reading
from heartbeat.definitions.schema_values import Schema
from heartbeat.definitions.status_page import StatusPage

SHAPES: Final[Mapping[str, Schema]] = {
    "check": schema.part("check"),
    "person": schema.with_kept(
        schema.with_kept(schema.part("person"), "contacts", "items"), "warnings", "items"
    ),
    "channel": schema.with_kept(schema.part("channel"), "contacts", "items"),
    "rotation": schema.with_kept_calendar(schema.part("rotation")),
    "team": {"type": "object", "properties": {"people": schema.part("team")}, "required": ["people"]},
    "policy": schema.part("policy")["oneOf"][1],
    "catch_all": schema.CATCH_ALL,
    "status_page": schema.part("status_page"),
    "notifier": schema.with_kept({"type": "object", "additionalProperties": {"type": "string"}}),
    "maintenance": schema.MAINTENANCE,
    "rule": check_schema.RULE_OBJECT,
}
"""What a definition may hold, as JSON Schema (draft 2020-12)."""

T = TypeVar("T")


class Faulty(ValueError):
    """All problems of a definition, each in one sentence that names the field."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Scope:
    """The existing names that a definition may use.

    `policy` is the policy of checks that name none. `kinds` are the installed notifiers, `settings` those of the file.
    """

    policies: Collection[str] = ()
    people: Collection[str] = ()
    others: Collection[str] = ()
    """The names of rotations, teams and channels, which a step can name besides people."""
    policy: str | None = None
    kinds: Mapping[str, type[Notifier]] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def reading(self) -> Reading:
        """Return a reading of a file that declares the existing names."""
        declared: dict[str, Any] = {
            "policies": dict.fromkeys(self.policies, ""),
            "people": dict.fromkeys(self.people, ""),
            "teams": dict.fromkeys(self.others, ""),
            "notifiers": self.settings,
        }
        if self.policy in self.policies:
            declared["policy"] = self.policy
        # What is wrong with what there is, is not the fault of what is defined now.
        root = _node(declared, {}, Problems())
        reading = Reading(root, self.kinds, _no_reference, in_clear=True, origin=Origin.API)
        reading.notifiers()
        return reading


def read_check(slug: str, fields: Mapping[str, object], scope: Scope) -> CheckDefinition:
    """Return the check. Without a policy it follows the default one, whichever that will be. Raises `Faulty`."""
    check = _read("check", slug, fields, SHAPES["check"], scope.reading().check)
    return check if fields.get("policy") is not None else replace(check, policy=None)


def read_person(name: str, fields: Mapping[str, object], scope: Scope) -> Person:
    """Return the person, with secret addresses in clear. Raises `Faulty`."""
    return _read("person", name, fields, SHAPES["person"], scope.reading().person)


def read_channel(name: str, fields: Mapping[str, object], scope: Scope) -> Person:
    """Return the channel, with secret addresses in clear. Raises `Faulty`."""
    return _read("channel", name, fields, SHAPES["channel"], scope.reading().channel)


def read_rotation(name: str, fields: Mapping[str, object], scope: Scope) -> Rotation:
    """Return the rotation. Raises `Faulty`."""
    return _read("rotation", name, fields, SHAPES["rotation"], scope.reading().rotation)


def read_team(name: str, fields: Mapping[str, object], scope: Scope) -> Team:
    """Return the team from its `people`. Raises `Faulty`."""
    reading = scope.reading()

    def read(name: str, node: Node) -> Team:
        node.only(("people",), "a team")
        return reading.team(name, node.need("people", "[anna, ben]"))

    return _read("team", name, fields, SHAPES["team"], read)


def read_policy(name: str, fields: Mapping[str, object], scope: Scope) -> Policy:
    """Return the policy from its fields. Raises `Faulty`."""
    return _read("policy", name, fields, SHAPES["policy"], scope.reading().policy)


def read_catch_all(fields: Mapping[str, object], scope: Scope) -> CatchAll:
    """Return the catch-all from its `page`. Raises `Faulty`."""
    reading = scope.reading()

    def read(_name: str, node: Node) -> CatchAll:
        node.only(SHAPES["catch_all"]["properties"], "the catch-all")
        return reading.catch_all(node.need("page", "[anna, ops-room]"))

    return _read("catch_all", "", fields, SHAPES["catch_all"], read)


def read_notifier(kind: str, fields: Mapping[str, object], scope: Scope) -> dict[str, str]:
    """Return the settings of a notifier, with secrets in clear. Raises `Faulty`."""
    return _read("notifier", kind, fields, SHAPES["notifier"], scope.reading().notifier)


def read_status_page(slug: str, fields: Mapping[str, object]) -> StatusPage:
    """Return the status page. Raises `Faulty`."""
    return _read("status page", slug, fields, SHAPES["status_page"], Scope().reading().status_page)


def read_rule(fields: Mapping[str, object]) -> Rule:
    """Return the rule. Raises `Faulty`, with the column of the fault."""
    return _read("rule", "rule", fields, SHAPES["rule"], lambda _, node: rules.single(node))


def read_window(fields: Mapping[str, object], now: datetime) -> maintenance.WindowDefinition:
    """Return the maintenance window. It begins `now` unless it says otherwise. Raises `Faulty`.

    One that recurs has the times of its occurrence at `now`.
    """

    def read(_name: str, node: Node) -> maintenance.WindowDefinition:
        node.only(SHAPES["maintenance"]["properties"], "a maintenance window")
        match = node.need("match", '{"host": "vault-1"}')
        if not match.value:
            match.report("needs at least one label, such as {host: vault-1}.")
        repeats = node.get("repeats")
        if repeats is not None:
            for field in ("starts_at", "ends_at"):
                if (own := node.get(field)) is not None:
                    own.report("leave it out: `repeats` has the times.")
        ends_at = now if repeats else node.need("ends_at", "2026-05-02T08:30:00Z").as_(entry.instant, now)
        return maintenance.WindowDefinition(
            title=node.need("title", "Database move").as_(entry.line(entry.MAX_NAME), ""),
            description=node.read("description", entry.paragraphs(entry.MAX_DESCRIPTION), ""),
            match=entry.labels(match),
            starts_at=node.read("starts_at", entry.instant, now),
            ends_at=ends_at,
            kind=node.read("kind", _kind, maintenance.Kind.MAINTENANCE),
            recurrence=None if repeats is None else _recurrence(repeats),
        )

    window = _read("maintenance", "window", fields, SHAPES["maintenance"], read)
    if fault := maintenance.fault(window, now):
        raise Faulty([fault])
    return maintenance.at(window, now)


def _kind(text: str) -> maintenance.Kind:
    try:
        return maintenance.Kind(text)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(maintenance.Kind)}.") from None


_SOME_DAY: Final = datetime.fromisoformat("2026-05-03")
"""Stands in for a time that has a problem."""


def _recurrence(node: Node) -> recurrence.Recurrence:
    node.only(SHAPES["maintenance"]["properties"]["repeats"]["properties"], "repeats")
    return recurrence.Recurrence(
        rule=node.need("rrule", "FREQ=WEEKLY;BYDAY=SU").as_(recurrence_rule.checked, "FREQ=DAILY"),
        starts=node.need("starts", "2026-05-03T01:00").as_(entry.on_the_wall, _SOME_DAY),
        timezone=node.need("timezone", "Europe/London").as_(entry.zone, "UTC"),
        duration=node.need("duration", "4h").as_(duration.parse, timedelta(hours=1)),
    )


def _no_reference(text: str) -> str:
    """Return the text. A client of the API cannot read this machine's environment and files."""
    if "${" in text:
        raise ValueError("'${' stands for a secret only in the configuration file; write the value itself.")
    return text


def _read(noun: str, name: str, fields: object, shape: Schema, read: Callable[[str, Node], T]) -> T:
    """Return what `read` makes of the fields. There is one alone of a noun without a `name`. Raises `Faulty`."""
    problems = Problems()
    with suppress(TooMany):
        root = _node(fields, shape, problems)
        readable = not problems
        if name:
            entry.right(root, name, entry.slug)
        # A wrong name hides no other problem.
        if readable:
            definition = read(name, root)
    if problems:
        raise Faulty(problems.sentences(f"{noun} {name[:SHOWN]}".rstrip()))
    return definition


def _node(
    value: object, shape: Schema, problems: Problems, name: str | int = "", parent: Node | None = None
) -> Node:
    """Return the value as a node, as the reader of the file has it. A null field counts as missing.

    In the file every value is text. Here only text can stand for text, so that nothing is guessed.
    """
    node = Node(problems, 1, name, parent)
    if node.depth > MAX_DEPTH:
        raise Faulty([f"{node.path}: is nested more than {MAX_DEPTH} levels deep."])
    match value:
        case dict():
            # A field that there is not is told as such by whoever reads the whole, whatever its value is.
            fields = {k: "" if _is_unknown(shape, k) else item for k, item in value.items()}
            node.value = {
                k: _node(item, _field(shape, k), problems, k, node)
                for k, item in fields.items()
                if item is not None
            }
        case list():
            items = shape.get("items", {})
            node.value = [_node(item, items, problems, place, node) for place, item in enumerate(value)]
        case _:
            node.value = _text(value, shape, node)
    return node


def _is_unknown(shape: Schema, name: str) -> bool:
    fields = shape.get("properties", {})
    return bool(fields) and name not in fields and not shape.get("additionalProperties")


def _field(shape: Schema, name: str) -> Schema:
    others = shape.get("additionalProperties") or {}
    field: Schema = shape.get("properties", {}).get(name, others)
    return field


def _text(value: object, shape: Schema, node: Node) -> str | None:
    if shape.get("type") == "boolean":
        if isinstance(value, bool):
            return str(value).lower()
        node.report("must be true or false.")
    elif shape.get("type") == "integer":
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        node.report("must be a whole number.")
    elif isinstance(value, str):
        return value
    elif isinstance(value, int) and not isinstance(value, bool) and "integer" in shape.get("type", ()):
        return str(value)
    elif shape.get("type") == "object":
        node.report("must be an object with named fields.")
    else:
        node.report("must be text.")
    return None
