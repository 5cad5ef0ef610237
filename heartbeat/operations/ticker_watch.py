"""The watch over the ticker: a thread of its own that ends the process once nothing moves, so that it starts again.

The thread counts looks at which nothing had moved, not time. A process that was stopped, a machine that was suspended
and a clock that was set cost it one look at most. Each finished batch of a tick counts as a move: a long storm is none.
"""

import faulthandler
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

LOOK_EVERY = 1.0
"""Seconds between two looks."""
MISSED_AFTER = 15
"""Looks without a move after which a tick is missed. There is a tick each second."""
MISSED = 3
"""Ticks in a row that are missed when the process ends. A transaction that hangs is cut long before, and is a move."""
HELD_BOUND = 60.0
"""Seconds of processor time after which the process ends if this thread gets no turn in them.

Other code then holds Python's lock for itself, such as a regular expression that never ends.
"""
LAST_WORDS_BOUND = 2.0
"""Seconds for the last log line. Whoever reads the log may be what the process waits for."""

log = logging.getLogger(__name__)


class TickerWatch:
    """Ends the process by `end` if `moved` is not called for a long time.

    `look_every` is the time between looks, and `looks` the number of looks that nothing may move.
    """

    def __init__(
        self,
        end: Callable[[], object] = lambda: os._exit(1),
        *,
        look_every: float = LOOK_EVERY,
        looks: int = MISSED * MISSED_AFTER,
        held_bound: float = HELD_BOUND,
    ) -> None:
        self._end = end
        self._look_every = look_every
        self._looks = looks
        self._held_bound = held_bound
        self._moves = self._seen = 0
        self._unmoved = 0
        self._stopped = threading.Event()

    def moved(self) -> None:
        """Note that a part of a tick has ended, clean or not."""
        self._moves += 1

    def stuck(self) -> bool:
        """Look once. Return True if nothing has moved for as many looks as it takes."""
        moves = self._moves
        self._unmoved = 0 if moves != self._seen else self._unmoved + 1
        self._seen = moves
        return self._unmoved >= self._looks

    def begin(self) -> None:
        """Watch from now on."""
        # Without Python's lock: first the stack of every thread, then the end, as of every process with this signal.
        faulthandler.register(signal.SIGPROF, chain=True)
        self._let_others_run()
        threading.Thread(target=self._watch, name="ticker-watch", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _watch(self) -> None:
        while not self._stopped.wait(self._look_every):
            self._let_others_run()
            if self.stuck():
                self._give_up()
                return
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _let_others_run(self) -> None:
        """Give all other threads the processor time until this one must have had a turn."""
        signal.setitimer(signal.ITIMER_PROF, self._held_bound)

    def _give_up(self) -> None:
        # Not in this thread: whoever holds the lock of the log may be what is stuck.
        words = threading.Thread(target=self._last_words, daemon=True)
        words.start()
        words.join(LAST_WORDS_BOUND)
        self._end()

    def _last_words(self) -> None:
        frames = sys._current_frames()
        main = frames.get(threading.main_thread().ident or 0)
        log.critical(
            "the ticker has not moved for %g s: the process ends, so that it is started again. Its main thread was at"
            " %s",
            self._looks * self._look_every,
            _place(traceback.extract_stack(main)) if main else "no place",
            extra={"event": "ticker stuck"},
        )


def _place(stack: traceback.StackSummary) -> str:
    """Return the innermost calls of a stack in one line."""
    return " < ".join(f"{call.name} ({Path(call.filename).name}:{call.lineno})" for call in stack[:-9:-1])
