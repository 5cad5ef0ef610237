"""How often a proof repeats what it does: as often as planned, or as often as its time allows (`--minutes`)."""

import time
from collections.abc import Iterator

_until = float("inf")


def allow(seconds: float) -> None:
    """Let the rounds of the subject that begins now take so many seconds."""
    global _until
    _until = time.monotonic() + seconds


def rounds(planned: int) -> Iterator[int]:
    """Count to `planned` from 0 on; stop earlier when the time is over, but never before the first round."""
    for number in range(planned):
        if number and time.monotonic() > _until:
            return
        yield number
