"""Adding, removing and moving rows of a form without a script: each button sends the form. Pure."""

from collections.abc import Sequence
from typing import TypeVar

from starlette.datastructures import FormData

T = TypeVar("T")
ADD, UP, DROP = "add", "up", "drop"
_LAST = 10_000


def count(form: FormData, field: str, most: int) -> int:
    """Return the number of rows that a field of the form tells: 1 at least, `most` at most."""
    text = str(form.get(field, "")).strip()
    return max(min(int(text), most), 1) if text.isascii() and text.isdigit() and len(text) < 5 else 1


def pressed(button: str) -> bool:
    """Return True if the button changes the rows, so that nothing is to be saved."""
    return button.partition(":")[0] in (ADD, UP, DROP)


def focused(button: str) -> int | None:
    """Return the place of the row to go on with after a button, None if it is about no rows.

    It may lie behind the last row, and then means that one.
    """
    if (inner := within(button)) is not None:
        return inner[1]
    verb, _, number = button.partition(":")
    index = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else _LAST
    return {ADD: _LAST, UP: max(index - 1, 0), DROP: index}.get(verb)


def within(button: str) -> tuple[str, int, str] | None:
    """Return the rows inside of a row that a button is about, the place of that row, and the button of those rows.

    For "up:turn:0:2" these are "turn", 0 and "up:2". A button about the rows themselves is about no others: None.
    """
    verb, *rest = button.split(":")
    if len(rest) < 2 or not rest[1].isascii() or not rest[1].isdigit() or len(rest[1]) > 3:
        return None
    return rest[0], int(rest[1]), ":".join([verb, *rest[2:]])


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
