"""The loop that never dies: rounds of background work. A round may fail without ending the next ones."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from heartbeat.database import Unavailable

log = logging.getLogger(__name__)
Result = TypeVar("Result")


async def attempt(
    name: str, work: Callable[[], Awaitable[Result]], count_failure: Callable[[], object] = lambda: None
) -> Result | None:
    """Return the result of `work`, or None if it failed. A failure is logged and counted, never raised."""
    try:
        return await work()
    except Unavailable as error:
        log.warning("%s: the database is away: %s", name, error, extra={"stage": name})
    except Exception:
        # Whatever it was, the next round may succeed: a loop that ends would page nobody any more.
        log.exception("%s failed", name, extra={"stage": name})
    count_failure()
    return None


class Loop(Generic[Result]):
    """Repeats a round of `work` until it is stopped or cancelled.

    `pause` gets the result of a round, or None if the round failed, and returns the seconds until the next round.
    `wake` begins the next round at once, but not within `shortest` seconds.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[Result]],
        *,
        pause: Callable[[Result | None], float],
        count_failure: Callable[[], object] = lambda: None,
        shortest: float = 0.0,
    ) -> None:
        self._name = name
        self._work = work
        self._pause = pause
        self._count_failure = count_failure
        self._shortest = shortest
        self._woken = asyncio.Event()
        self._stopped = asyncio.Event()

    @property
    def stopped(self) -> bool:
        """True after `stop`. The running round still ends."""
        return self._stopped.is_set()

    def wake(self) -> None:
        """Begin the next round now."""
        self._woken.set()

    def stop(self) -> None:
        """Begin no other round."""
        self._stopped.set()
        self._woken.set()

    async def once(self) -> Result | None:
        """Run one round and return its result, or None if it failed."""
        return await attempt(self._name, self._work, self._count_failure)

    async def run(self) -> None:
        """Run rounds until stopped or cancelled."""
        while not self.stopped:
            self._woken.clear()
            pause = self._pause(await self.once())
            if self._shortest:
                await wait(self._stopped, self._shortest)
            await wait(self._woken, pause - self._shortest)


async def wait(event: asyncio.Event, seconds: float) -> None:
    """Wait at most `seconds` for an event: to work in good time, and at once at a stop."""
    # Not wait_for: before Python 3.12, it loses a cancellation that comes together with the event.
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
