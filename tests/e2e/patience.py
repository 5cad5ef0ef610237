"""Waiting: ask again and again until it is so, or until patience ends."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

STEP = 0.03


def eventually(ask: Callable[[], T], *, within: float, what: str) -> T:
    """The first answer that is something. Raises `AssertionError` naming `what` was waited for in vain."""
    until = time.monotonic() + within
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"waited {within:g} s in vain for {what}; it stands at {answer!r}")
        time.sleep(STEP)


def pass_time(seconds: float) -> None:
    """Let time pass, where a test needs that something goes on for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(STEP)
