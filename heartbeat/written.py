"""Definitions as a file holds them: a field that has its default is left out. Pure."""

from collections.abc import Mapping
from typing import Any


class Inline(dict[str, Any]):
    """A mapping that is written on one line: {host: us-housekeeping, region: us}."""


def filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def one_or_more(names: tuple[str, ...]) -> str | list[str]:
    """One name as text, several as a list."""
    return names[0] if len(names) == 1 else list(names)


def unless(value: Any, default: Any) -> Any:
    """The value; None where it is the default."""
    return None if value == default else value
