"""Rows of a form that can be added, taken away and moved without a script: each press sends the form. Pure."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
ADD, UP, DROP = "add", "up", "drop"


def pressed(do: str) -> bool:
    """Whether the button was about rows, and nothing is to be saved."""
    return do.partition(":")[0] in (ADD, UP, DROP)


def after(rows: Sequence[T], do: str, blank: T) -> tuple[T, ...]:
    """The rows once the button is pressed: `add`, `up:2` or `drop:2`, counted from 0."""
    deed, _, number = do.partition(":")
    place = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else len(rows)
    some = list(rows)
    if deed == ADD:
        some.append(blank)
    elif deed == DROP and place < len(some):
        del some[place]
    elif deed == UP and 0 < place < len(some):
        some[place - 1], some[place] = some[place], some[place - 1]
    return tuple(some) or (blank,)
