"""How a room says what it is doing, to whoever wants to see where the time goes. By default nobody does.

The rooms know only this contract. What becomes of it is decided where the system is put together.
"""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

Attribute = str | int | float | bool


class Span(Protocol):
    """A piece of work while it is being done."""

    def record(self, **facts: Attribute) -> None:
        """Something that is known of it now."""

    def discard(self) -> None:
        """It was nothing that anybody need hear of."""


class Spans(Protocol):
    """Begins a piece of work: `with spans("send", notifier="ntfy") as span`."""

    def __call__(self, name: str, /, **facts: Attribute) -> AbstractContextManager[Span]:
        """The work, which ends with the block."""


class _Nobody:
    """Listens to nothing, at next to no cost: one object serves all."""

    def record(self, **facts: Attribute) -> None:
        """Not heard."""

    def discard(self) -> None:
        """Nothing was known."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing was begun."""


_NOBODY = _Nobody()


def no_spans(_name: str, /, **_facts: Attribute) -> AbstractContextManager[Span]:
    """Nobody is told of the work."""
    return _NOBODY
