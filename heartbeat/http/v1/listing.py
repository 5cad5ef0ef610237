"""One page of what is listed by name, and where to go on."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def slice_after(every: Mapping[str, T], after: str, limit: int) -> tuple[list[T], str | None]:
    """The first `limit` after the name `after`, by name, and the name to go on from where there are more."""
    names = [name for name in sorted(every) if name > after]
    following = names[limit - 1] if len(names) > limit else None
    return [every[name] for name in names[:limit]], following
