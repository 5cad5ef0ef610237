"""The written form of definitions, as a file holds them: fields with their default are left out. Pure."""

from collections.abc import Mapping
from typing import Any


class Inline(dict[str, Any]):
    """A mapping to write on one line: {host: us-housekeeping, region: us}."""


def filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def one_or_more(names: tuple[str, ...]) -> str | list[str]:
    """Return one name as text, several as a list."""
    return names[0] if len(names) == 1 else list(names)


def unless(value: Any, default: Any) -> Any:
    """Return the value, or None if it is the default."""
    return None if value == default else value
