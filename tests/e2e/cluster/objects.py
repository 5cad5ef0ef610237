"""The cluster's objects, as its API server would keep them."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]


class NotThere(AssertionError):
    """Something refers to an object, or to a key of one, that does not exist."""


class Objects:
    """Objects of one namespace by kind and name."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._kept: dict[tuple[str, str], Object] = {}
        self.put({"kind": "ServiceAccount", "metadata": {"name": "default"}})

    def put(self, one: Object) -> None:
        self._kept[one["kind"], one["metadata"]["name"]] = one

    def drop(self, one: Object) -> None:
        self._kept.pop((one["kind"], one["metadata"]["name"]), None)

    def of(self, kind: str) -> list[Object]:
        return [one for (its, _), one in self._kept.items() if its == kind]

    def get(self, kind: str, name: str) -> Object:
        """Raises `NotThere`."""
        if (kind, name) not in self._kept:
            raise NotThere(f'{kind.lower()} "{name}" not found')
        return self._kept[kind, name]

    def contents(self, kind: str, name: str) -> dict[str, str]:
        """The keys of a Secret or a ConfigMap. Raises `NotThere`."""
        one = self.get(kind, name)
        if kind == "ConfigMap":
            return {**one.get("data", {})}
        decoded: dict[str, str] = {
            key: base64.b64decode(value).decode() for key, value in one.get("data", {}).items()
        }
        return {**decoded, **one.get("stringData", {})}


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector means these labels."""
    assert set(selector) <= {"matchLabels"}, f"no other selectors are played: {selector}"
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def played(one: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    """Raises `AssertionError` where an object says something that is not played here."""
    beyond = set(one) - set(known)
    assert not beyond, f"{what}: {sorted(beyond)} would have no effect here; play it in tests/e2e/cluster"
