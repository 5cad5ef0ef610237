"""A field that there is not is named as such, with those that there are, whatever its value is."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from heartbeat.definitions import single as single_definition
from heartbeat.definitions.single import Around, Faulty
from tests.unit.conftest import NOW

AROUND = Around(people=("anna",), policies=("ops",), policy="ops")
WAYS: Mapping[str, tuple[Callable[[Mapping[str, object]], object], Mapping[str, object]]] = {
    "a check": (lambda given: single_definition.read_check("x", given, AROUND), {"every": "5m"}),
    "a person": (lambda given: single_definition.read_person("x", given, AROUND), {}),
    "a policy": (
        lambda given: single_definition.read_policy("x", given, AROUND),
        {"steps": [{"page": "anna", "wait": "5m"}]},
    ),
    "a status page": (
        lambda given: single_definition.read_status_page("x", given),
        {"title": "X", "components": {}},
    ),
    "a maintenance window": (
        lambda given: single_definition.read_window(given, NOW),
        {"title": "X", "match": {"host": "a"}, "ends_at": "2126-05-02T08:30:00Z"},
    ),
}
VALUES: tuple[Any, ...] = ("text", 1, 1.5, True, None, [], [1], {}, {"a": 1})


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("what", WAYS)
def test_a_field_that_there_is_not_is_named_with_those_that_there_are(what: str, value: object) -> None:
    read, given = WAYS[what]
    with pytest.raises(Faulty) as refused:
        read({**given, "foo": value})
    (problem,) = [one for one in refused.value.problems if one.startswith("foo: ")]
    assert problem.startswith(f"foo: {what} has no such field; there are ")


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_within_a_list_too(value: object) -> None:
    with pytest.raises(Faulty) as refused:
        WAYS["a policy"][0]({"steps": [{"page": "anna", "wait": "5m", "wiat": value}]})
    assert refused.value.problems == ["steps[0].wiat: a step has no such field; did you mean 'wait'?"]
