"""What walks do: which forms each of them sends, and all forms that there are.

A walk says by `does` to which routes it sends forms, and the fixture `place` of `office` holds it to that. Together
they must do everything that can be done by a form (`test_every_action`). So a new form needs a walk in a module that
is called `test_..._walk.py`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

T = TypeVar("T", bound=Callable[..., Any])
_DONE: dict[str, tuple[str, ...]] = {}


def does(*patterns: str) -> Callable[[T], T]:
    """Declare to which routes a walk sends forms."""

    def declare(walk: T) -> T:
        _DONE[walk.__name__] = patterns
        return walk

    return declare


def declared(walk: str) -> tuple[str, ...]:
    """What the walk of this name says that it does."""
    return _DONE.get(walk, ())


def done() -> set[str]:
    """What all walks together do that have been imported."""
    return {pattern for patterns in _DONE.values() for pattern in patterns}


def left_undone(walk: str, addresses: Iterable[str]) -> list[str]:
    """What this walk says that it does and has not done, after it has sent forms to these addresses."""
    sent = list(addresses)
    return [pattern for pattern in declared(walk) if not any(_fits(pattern, one) for one in sent)]


def forms(web: FastAPI) -> Iterator[str]:
    """The pattern of every address to which a page sends a form. Programs use /v1, and providers /callbacks."""
    for route in iter_route_contexts(web.routes):
        path = str(getattr(route, "path", ""))
        if "POST" in (getattr(route, "methods", None) or ()) and not path.startswith(("/v1", "/callbacks")):
            yield path


def _fits(pattern: str, address: str) -> bool:
    expression, *_ = compile_path(pattern)
    return re.fullmatch(expression, address) is not None
