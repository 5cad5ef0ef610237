"""An unknown field is reported with the known ones, whatever its value."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from heartbeat.definitions import single as single_definition
from heartbeat.definitions.single import Faulty, Scope
from tests.unit.conftest import NOW

AROUND = Scope(people=("anna",), policies=("ops",), policy="ops")
WAYS: Mapping[str, tuple[Callable[[Mapping[str, object]], object], Mapping[str, object]]] = {
    "a check": (lambda fields: single_definition.read_check("x", fields, AROUND), {"every": "5m"}),
    "a person": (lambda fields: single_definition.read_person("x", fields, AROUND), {}),
    "a policy": (
        lambda fields: single_definition.read_policy("x", fields, AROUND),
        {"steps": [{"page": "anna", "wait": "5m"}]},
    ),
    "a status page": (
        lambda fields: single_definition.read_status_page("x", fields),
        {"title": "X", "components": {}},
    ),
    "a maintenance window": (
        lambda fields: single_definition.read_window(fields, NOW),
        {"title": "X", "match": {"host": "a"}, "ends_at": "2126-05-02T08:30:00Z"},
    ),
}
VALUES: tuple[Any, ...] = ("text", 1, 1.5, True, None, [], [1], {}, {"a": 1})


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("noun", WAYS)
def test_an_unknown_field_is_named_with_the_known_ones(noun: str, value: object) -> None:
    read, fields = WAYS[noun]
    with pytest.raises(Faulty) as refused:
        read({**fields, "foo": value})
    (problem,) = [line for line in refused.value.problems if line.startswith("foo: ")]
    assert problem.startswith(f"foo: {noun} has no such field; there are ")


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_within_a_list_too(value: object) -> None:
    with pytest.raises(Faulty) as refused:
        WAYS["a policy"][0]({"steps": [{"page": "anna", "wait": "5m", "wiat": value}]})
    assert refused.value.problems == ["steps[0].wiat: a step has no such field; did you mean 'wait'?"]
