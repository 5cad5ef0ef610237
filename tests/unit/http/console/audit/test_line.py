"""How the audit log words an action and its changes."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from heartbeat import audit
from heartbeat.http.console.audit import line as audit_line
from heartbeat.http.console.audit.line import Difference
from tests.unit.conftest import NOW


def deed(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> audit.AuditEntry:
    return audit.AuditEntry(1, NOW, "anna", "session", "192.0.2.1", "check.change", "check job", old, new)


def actions() -> Iterator[str]:
    """Return the actions that the rooms record, if they stand there as a literal."""
    for path in Path("heartbeat").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "record"
            ):
                for action in call.args[2:3]:
                    if isinstance(action, ast.Constant) and isinstance(action.value, str):
                        yield action.value


def test_every_action_has_a_verb() -> None:
    recorded = set(actions())
    assert len(recorded) > 20
    assert {action for action in recorded if audit_line.in_words(action) == action} == set()


def test_an_unknown_action_is_shown_unchanged() -> None:
    assert audit_line.in_words("moon.shine") == "moon.shine"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, None, []),
        ({"state": "up"}, {"state": "up"}, []),
        (
            {"state": "up", "name": "a"},
            {"state": "paused", "name": "a"},
            [Difference("state", "up", "paused")],
        ),
        (None, {"by": "anna"}, [Difference("by", "", "anna")]),
        ({"policy": "ops"}, None, [Difference("policy", "ops", "")]),
        ({"enabled": True}, {"enabled": False}, [Difference("enabled", "yes", "no")]),
        (None, {"until": "2026-05-03T14:22:07+02:00"}, [Difference("until", "", "03 May 2026 12:22:07 UTC")]),
        ({"a": None, "b": [], "c": ""}, {}, []),
        (
            {"labels": {"region": "us"}, "steps": [{"page": ["anna"]}]},
            {"labels": {"region": "eu"}, "steps": [{"page": ["anna", "bob"]}], "max_runtime": 0},
            [
                Difference("labels region", "us", "eu"),
                Difference("max runtime", "", "0"),
                Difference("steps 1 page 2", "", "bob"),
            ],
        ),
    ],
)
def test_only_changed_fields_are_shown(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, expected: list[Difference]
) -> None:
    assert audit_line.differences(deed(old, new)) == expected
