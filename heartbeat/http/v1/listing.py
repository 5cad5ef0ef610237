"""Slices of lists that are sorted by name."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def slice_after(by_name: Mapping[str, T], start: str, limit: int) -> tuple[list[T], str | None]:
    """Return up to `limit` values whose names come after `start`, and the last name if there are more."""
    names = [name for name in sorted(by_name) if name > start]
    following = names[limit - 1] if len(names) > limit else None
    return [by_name[name] for name in names[:limit]], following
