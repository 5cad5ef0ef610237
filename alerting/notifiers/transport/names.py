"""The addresses of a name: looked up in threads of its own, one look-up at a time for each name.

The system's look-up lasts for as long as the name servers are silent, and nothing ends it. So the caller waits for a
bounded time only, other names do not wait for it at all, and the end of the process does not either: its threads are
daemons. A look-up that outlasts its caller goes on, and the next caller has its answer. The last good answer of a name
is used while no new one comes (RFC 8767).
"""

import asyncio
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock, Thread

from alerting.network import Address, parse

LONGEST = 3.0
"""Seconds for which a caller waits for an answer."""
PATIENCE = 0.5
"""Seconds for which a caller waits if there is an earlier answer to use."""
KEPT = 3 * 86_400.0
"""Seconds for which the last good answer is used."""
AT_ONCE = 64
"""Look-ups at once. Names that could not be looked up the last time have half of them."""
REMEMBERED = 1_000
"""Names whose last answers are kept."""

LookUp = Callable[[str], list[Address]]
Outcome = list[Address] | socket.gaierror


@dataclass(slots=True)
class _Name:
    """What is known of a name. `outcome` is that of the look-up under way, if there is one. `began` is its time."""

    outcome: Future[Outcome] | None = None
    began: float = 0.0
    doubtful: bool = False
    addresses: list[Address] = field(default_factory=list)
    answered: float = 0.0


def ask_system(host: str) -> list[Address]:
    """Return the addresses of a name as the system knows them. Raises `socket.gaierror`."""
    return _addresses(host)


class Names:
    """The names that this process has looked up. One is enough for all of its loops and clients."""

    def __init__(self, look_up: LookUp = ask_system, at_once: int = AT_ONCE) -> None:
        self._look_up = look_up
        self._at_once = at_once
        self._lock = Lock()
        self._names: OrderedDict[str, _Name] = OrderedDict()
        self._new: deque[str] = deque()
        self._doubtful: deque[str] = deque()
        self._threads = self._doubtful_threads = 0

    async def addresses(self, host: str) -> list[Address]:
        """Return the addresses of a host. A number is an address already, in any way of writing it.

        Raises `socket.gaierror` if there is no such name, or if nothing is known of it in time.
        """
        if number := _number(host):
            return number
        outcome, waited, kept = self._asked(host.lower())
        try:
            async with asyncio.timeout(PATIENCE - waited if kept else LONGEST):
                answer = await asyncio.wrap_future(outcome)
        except TimeoutError:
            answer = socket.gaierror(socket.EAI_AGAIN, "the name servers do not answer")
        if not isinstance(answer, socket.gaierror):
            return answer
        if kept and answer.errno == socket.EAI_AGAIN:
            return kept
        raise socket.gaierror(*answer.args)

    def _asked(self, host: str) -> tuple[Future[Outcome], float, list[Address]]:
        """Return the outcome of the look-up, which is under way, the seconds since it began, and the last answer."""
        now = time.monotonic()
        with self._lock:
            name = self._names.setdefault(host, _Name())
            self._names.move_to_end(host)
            if name.outcome is None:
                name.outcome, name.began = Future(), now
                # A future that runs cannot be cancelled: one caller does not end it for the others.
                name.outcome.set_running_or_notify_cancel()
                (self._doubtful if name.doubtful else self._new).append(host)
            self._start()
            kept = name.addresses if now - name.answered < KEPT else []
            return name.outcome, now - name.began, kept

    def _start(self) -> None:
        """Begin as many look-ups as there are places for."""
        while self._threads < self._at_once and (waiting := self._next()):
            doubtful = waiting is self._doubtful
            thread = Thread(target=self._run, args=(waiting[0], doubtful), name="look-up", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # The system has no thread for us. The next caller, or the end of a look-up, tries again.
                return
            waiting.popleft()
            self._threads += 1
            self._doubtful_threads += doubtful

    def _next(self) -> deque[str] | None:
        """Return the line whose first name has a place now."""
        if self._new:
            return self._new
        has_place = self._doubtful_threads < self._at_once // 2
        return self._doubtful if self._doubtful and has_place else None

    def _run(self, host: str, doubtful: bool) -> None:
        outcome = self._looked_up(host)
        with self._lock:
            self._threads -= 1
            self._doubtful_threads -= doubtful
            name, now = self._names[host], time.monotonic()
            name.doubtful = isinstance(outcome, socket.gaierror) or now - name.began > LONGEST
            if not isinstance(outcome, socket.gaierror):
                name.addresses, name.answered = outcome, now
            elif outcome.errno != socket.EAI_AGAIN:
                name.addresses = []
            waiting, name.outcome = name.outcome, None
            self._forget()
            self._start()
        assert waiting is not None
        waiting.set_result(outcome)

    def _looked_up(self, host: str) -> Outcome:
        try:
            return self._look_up(host)
        except socket.gaierror as error:
            return error
        except (OSError, ValueError):
            return socket.gaierror(socket.EAI_NONAME, "this cannot be the name of a host")

    def _forget(self) -> None:
        """Forget the names that were asked for the longest time ago."""
        surplus = len(self._names) - REMEMBERED
        if surplus > 0:
            idle = [host for host, name in self._names.items() if name.outcome is None]
            for host in idle[:surplus]:
                del self._names[host]


def _number(host: str) -> list[Address]:
    """Return the address that a host is, if it is a number. The system reads it as it would in a look-up."""
    try:
        return _addresses(host, socket.AI_NUMERICHOST)
    except (OSError, ValueError):
        return []


def _addresses(host: str, flags: int = 0) -> list[Address]:
    answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(parse(str(answer[4][0])) for answer in answers))
