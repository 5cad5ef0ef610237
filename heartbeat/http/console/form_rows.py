"""Adding, removing and moving rows of a form without a script: each button sends the form. Pure."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
ADD, UP, DROP = "add", "up", "drop"


def pressed(button: str) -> bool:
    """Return True if the button changes the rows, so that nothing is to be saved."""
    return button.partition(":")[0] in (ADD, UP, DROP)


def apply(rows: Sequence[T], button: str, blank: T) -> tuple[T, ...]:
    """Return the rows after a button: `add`, `up:2` or `drop:2`, counted from 0. At least one row remains."""
    verb, _, number = button.partition(":")
    index = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else len(rows)
    changed = list(rows)
    if verb == ADD:
        changed.append(blank)
    elif verb == DROP and index < len(changed):
        del changed[index]
    elif verb == UP and 0 < index < len(changed):
        changed[index - 1], changed[index] = changed[index], changed[index - 1]
    return tuple(changed) or (blank,)
