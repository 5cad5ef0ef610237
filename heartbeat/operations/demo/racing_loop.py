"""Time for a replay: an event loop that jumps to whatever comes next, and stands still while somebody reads."""

import asyncio
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from heartbeat.clock_reading import Reading


class RacingSelector(selectors.DefaultSelector):
    """Jumps over each wait, once everything that was shown has had the time to be read."""

    def __init__(self) -> None:
        super().__init__()
        self.virtual = 0.0
        self._read_at = 0.0

    def show(self, seconds: float) -> None:
        """Wait as long before time goes on: there is more to read. Work meanwhile takes no further time."""
        self._read_at = max(self._read_at, time.monotonic()) + seconds

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        time.sleep(max(self._read_at - time.monotonic(), 0.0))
        # Whole microseconds, as `datetime` keeps them.
        self.virtual = round(self.virtual + timeout, 6)
        return super().select(0)


class RacingLoop(asyncio.SelectorEventLoop):
    """An event loop on the time of its selector. Work for threads is done at once: each replay is like the last."""

    def __init__(self) -> None:
        self.racing = RacingSelector()
        super().__init__(self.racing)

    def time(self) -> float:
        return self.racing.virtual

    def run_in_executor(  # type: ignore[override]  # without the type variables of the original
        self,
        executor: Any,  # noqa: ARG002  # no thread is needed
        func: Callable[..., Any],
        *args: Any,
    ) -> asyncio.Future[Any]:
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to who waits
            done.set_exception(error)
        return done


@dataclass(frozen=True, slots=True)
class RacingClock:
    """The time of the replay: its start plus the time of the loop."""

    start: datetime
    loop: asyncio.AbstractEventLoop
    boot: str = "demo"

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.loop.time())

    def elapsed(self) -> float:
        return self.loop.time()

    def agree(self, reading: Reading) -> timedelta:  # noqa: ARG002  # there is no other clock
        return timedelta()
