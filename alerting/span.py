"""Spans: how a room names its pieces of work for tracing. By default nothing is traced.

The rooms know only this contract. The composition root decides what it is connected to.
"""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

Attribute = str | int | float | bool


class Span(Protocol):
    """A piece of work that is under way."""

    def record(self, **attributes: Attribute) -> None:
        """Add attributes."""

    def discard(self) -> None:
        """Drop the span: nothing was done."""


class Spans(Protocol):
    """Begins spans: `with spans("send", notifier="ntfy") as span`."""

    def __call__(self, name: str, /, **attributes: Attribute) -> AbstractContextManager[Span]:
        """Return a span that ends with the block."""


class _NoSpan:
    """A span that records nothing; one object serves all."""

    def record(self, **attributes: Attribute) -> None:
        """Do nothing."""

    def discard(self) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""


_NO_SPAN = _NoSpan()


def no_spans(_name: str, /, **_attributes: Attribute) -> AbstractContextManager[Span]:
    """Return the span that records nothing."""
    return _NO_SPAN
