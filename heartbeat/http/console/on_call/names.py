"""Names of people, rotations, teams and channels as a form has them: ticked, chosen or written. Pure."""

from collections.abc import Iterable

from starlette.datastructures import FormData

from heartbeat.definitions.rotations import OWN_NAME

_OF_A_NAME = ("cannot be a name", "of this name; choose", OWN_NAME)
"""Parts of the sentences that refuse a name."""


def typed(form: FormData, field: str) -> tuple[str, ...]:
    """Return the names in the fields of this name, in their order. A field can have several, with commas between."""
    return tuple(filter(None, written(form, field)))


def written(form: FormData, field: str) -> tuple[str, ...]:
    """Return the names in the fields of this name as `typed` does, with an empty one where nothing was chosen."""
    return tuple(part.strip() for text in form.getlist(field) for part in str(text).split(","))


def in_order(names: Iterable[str], orders: Iterable[tuple[str, ...]]) -> list[str]:
    """Return each name once. Those that stood together before keep the order that they had: ticks have none."""
    chosen = list(dict.fromkeys(names))
    return list(next((order for order in orders if set(order) == set(chosen)), chosen))


def of_slug(problem: str) -> tuple[str, str]:
    """Return a problem with the field that it is about: `slug` if it is about the name, else none."""
    field, _, rest = problem.partition(": ")
    if field == "slug" or any(words in rest for words in _OF_A_NAME):
        return "slug", f"Slug: {rest}"
    return "", problem
