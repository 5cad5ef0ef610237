"""A line of the audit log in words."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from heartbeat import audit
from heartbeat.http.console.audit import line as audit_line
from heartbeat.http.console.audit.line import Difference
from tests.unit.conftest import NOW


def written(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> audit.AuditEntry:
    return audit.AuditEntry(
        1, NOW, "anna", "session", "192.0.2.1", "check.change", "check job", before, after
    )


def actions() -> Iterator[str]:
    """Every action that some room writes down, as far as it stands there in full."""
    for path in Path("heartbeat").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "record"
            ):
                said = call.args[2:3]
                yield from (
                    one.value for one in said if isinstance(one, ast.Constant) and isinstance(one.value, str)
                )


def test_every_action_has_a_word_of_its_own() -> None:
    found = set(actions())
    assert len(found) > 20
    assert {one for one in found if audit_line.in_words(one) == one} == set()


def test_an_action_that_nobody_knows_is_told_as_it_is_kept() -> None:
    assert audit_line.in_words("moon.shine") == "moon.shine"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
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
def test_only_what_has_changed_is_told(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, expected: list[Difference]
) -> None:
    assert audit_line.differences(written(before, after)) == expected
