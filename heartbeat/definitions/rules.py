"""The rules of a file, as they stand at a check or at its top. Pure. Problems are reported at their lines."""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from heartbeat.checks import rule, rule_grammar
from heartbeat.checks.rule import Body, Condition, LabelRule, Rule
from heartbeat.definitions import entry, schema
from heartbeat.definitions.document import Node

T = TypeVar("T")
D = TypeVar("D")

_NAME = entry.line(entry.MAX_NAME)
_RUNS: Final = re.compile(r"([0-9]{1,3})(?: runs?)?")
_EXAMPLE: Final = "remaining < 5000"
_SOME: Final = Body(" ")
"""It stands in for a condition that is wrong, so that the rest can be judged. It never leaves this room."""


def of_check(node: Node | None) -> tuple[Rule, ...]:
    """Return the rules of a check: each is a text, or a mapping that says more."""
    if node is None:
        return ()
    return tuple(single(item) for item in entry.some(node, entry.MAX_RULES, "rules", _EXAMPLE))


def single(node: Node) -> Rule:
    """Return one rule."""
    return _rule(node, schema.RULE, "a rule")


def of_labels(node: Node | None) -> tuple[LabelRule, ...]:
    """Return the rules for labels."""
    if node is None:
        return ()
    example = f"{{match: {{team: web}}, rule: {_EXAMPLE}}}"
    return tuple(_label_rule(item) for item in entry.some(node, entry.MAX_LABEL_RULES, "rules", example))


def _label_rule(node: Node) -> LabelRule:
    if not isinstance(node.value, dict):
        node.fields()  # It says what is wrong.
        return LabelRule({}, Rule(_SOME))
    read = _rule(node, schema.LABEL_RULE, "a rule for labels")
    match = node.need("match", "{team: web}")
    if isinstance(match.value, dict) and not match.value:
        match.report("needs at least one label, such as {team: web}.")
    return LabelRule(entry.labels(match), read)


def _rule(node: Node, fields: frozenset[str], noun: str) -> Rule:
    if isinstance(node.value, str) and "match" not in fields:
        return Rule(node.as_(condition, _SOME))
    node.only(fields, noun)
    return Rule(
        node.need("rule", _EXAMPLE).as_(condition, _SOME),
        name=node.read("name", _NAME, ""),
        severity=node.read("severity", entry.severity, None),
        runs=node.read("for", runs, 1),
    )


def of_line(line: str) -> Rule:
    """Return the rule in a line such as "rows > 0, for 2 runs, critical, named some rows".

    Raises ValueError with one sentence, which has the column of the fault.
    """
    parts = rule_grammar.parts(line)
    return Rule(
        condition(parts["rule"][0]),
        name=_beside(parts, "name", _NAME, "", "the name "),
        severity=_beside(parts, "severity", entry.severity, None),
        runs=_beside(parts, "for", runs, 1),
    )


def _beside(
    parts: Mapping[str, tuple[str, int]], field: str, read: Callable[[str], T], otherwise: D, noun: str = ""
) -> T | D:
    """Return what a line says beside its condition. The sentence of a fault gets its column, and begins with `noun`."""
    if field not in parts:
        return otherwise
    text, column = parts[field]
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"column {column}: {noun}{error}") from None


def condition(text: str) -> Condition:
    """Return the condition in a text."""
    try:
        return rule_grammar.parse(text)
    except rule_grammar.BadRule as error:
        raise ValueError(f"{entry.quoted(text)} is no rule; {error}") from None


def runs(text: str) -> int:
    """Return a number of runs in a row: "2 runs"."""
    low, high = rule.CONSECUTIVE
    match = _RUNS.fullmatch(text)
    if match is None or not low <= int(match[1]) <= high:
        raise ValueError(
            f"{entry.quoted(text)} is no number of runs; write for example 2 runs, at most {high}."
        )
    return int(match[1])
