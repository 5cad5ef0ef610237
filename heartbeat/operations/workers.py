"""`heartbeat serve --workers N`: several serving processes on one port, and the parent that keeps them alive.

Each worker has a listening socket of its own (SO_REUSEPORT), and the kernel spreads the connections over them. The
parent holds all of these sockets open: what has connected waits there while a worker is replaced, and is not refused.
Worker 0 is like a process that serves alone. The others only have the role `api`, and neither migrate, apply nor
publish.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

from heartbeat import shared_metrics
from heartbeat.http import server
from heartbeat.operations.systemd import Supervisor
from heartbeat.settings import BadSetting, Settings

LOOK_EVERY = 1.0
"""Seconds between two looks at the workers."""
HANG_BOUND = 60.0
"""Seconds without a tick after which a worker is killed. It ticks at least once a second."""
STOP_BOUND = 5.0
"""Seconds that a worker has to end. It needs two."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds until a worker that died is started again. They double each time it dies before it was ready."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a worker: its number, and what it inherits."""

    number: int
    listener: int
    """The file descriptor of its listening socket."""
    lifeline: int
    """The file descriptor of a pipe that is closed when the parent has ended."""

    @classmethod
    def parsed(cls, text: str) -> "Place":
        """Return the place that a command line names. Raises ValueError."""
        number, listener, lifeline = map(int, text.split(","))
        return cls(number, listener, lifeline)

    @property
    def leads(self) -> bool:
        """True for the one worker that also judges, pages and publishes."""
        return self.number == 0

    def inherited(self) -> socket.socket:
        """Return the listening socket. Its programs do not get it in turn."""
        os.set_inheritable(self.lifeline, False)
        listener = socket.socket(fileno=self.listener)
        listener.set_inheritable(False)
        return listener

    def __str__(self) -> str:
        return f"{self.number},{self.listener},{self.lifeline}"


class Worker:
    """One serving process, as its parent sees it: it reports each tick, as it would to systemd."""

    def __init__(self, process: asyncio.subprocess.Process, reports: socket.socket) -> None:
        self.process = process
        self.ready = asyncio.Event()
        self._reports = reports
        self._loop = asyncio.get_running_loop()
        self._reported_at = self._loop.time()
        self._loop.add_reader(reports, self._read)

    async def served(self) -> bool:
        """Return True when it is ready, or False when it has ended before."""
        waits = [asyncio.create_task(self.ready.wait()), asyncio.create_task(self.process.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return self.ready.is_set()

    def hangs(self) -> bool:
        """Return True if it was ready, and has not ticked for `HANG_BOUND`."""
        return self.ready.is_set() and self._loop.time() - self._reported_at > HANG_BOUND

    def tell(self, sent: signal.Signals) -> None:
        """Send it a signal if it lives."""
        with suppress(ProcessLookupError):
            self.process.send_signal(sent)

    async def end(self) -> None:
        """Stop it, and wait until it has ended."""
        self.tell(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_BOUND):
                await self.process.wait()
        except TimeoutError:
            self.tell(signal.SIGKILL)
            await self.process.wait()

    def close(self) -> None:
        """Hear no more reports."""
        self._loop.remove_reader(self._reports)
        self._reports.close()

    def _read(self) -> None:
        with suppress(BlockingIOError):
            while fields := self._reports.recv(4_096).split(b"\n"):
                self._reported_at = self._loop.time()
                if b"READY=1" in fields:
                    self.ready.set()


class Parent:
    """Keeps one worker for each listener until it is told to stop. A reload replaces one after another."""

    def __init__(
        self, command: Sequence[str], listeners: Sequence[socket.socket], home: Path, systemd: str
    ) -> None:
        self._command = command
        self._listeners = listeners
        self._home = home
        self._supervisor = Supervisor(systemd)
        self._lifeline, self._held = os.pipe()
        self._workers: dict[int, Worker] = {}
        self._begun = 0
        self._stopping = asyncio.Event()
        self._reload = asyncio.Event()

    async def run(self) -> int:
        """Serve until a signal to stop, and return the exit status."""
        loop = asyncio.get_running_loop()
        for sent in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sent, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        stopped = asyncio.create_task(self._stopping.wait())
        work = [asyncio.create_task(self._start())]
        await asyncio.wait([stopped, *work], return_when=asyncio.FIRST_COMPLETED)
        if work[0].done() and (status := work[0].result()) is not None:
            stopped.cancel()
            return status
        if not self._stopping.is_set():
            work += [asyncio.create_task(self._keep(number)) for number in range(len(self._listeners))]
            work += [asyncio.create_task(self._watch()), asyncio.create_task(self._reloads())]
            # None of them ends by itself: a parent that has lost one must not look alive.
            done, _ = await asyncio.wait([stopped, *work[1:]], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                log.error("the parent of the workers has failed", exc_info=task.exception())
        self._supervisor.stopping()
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self._workers.values()))
        return 0 if self._stopping.is_set() else 1

    async def _start(self) -> int | None:
        """Start the first worker alone: it migrates and applies the configuration.

        Return None once it serves, or its exit status if it has ended before.
        """
        first = self._workers[0] = await self._begin(0)
        return None if await first.served() else await first.process.wait()

    async def _begin(self, number: int) -> Worker:
        """Start the worker of this number."""
        self._begun += 1
        address = self._home / f"reports-{self._begun}"
        reports = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        reports.bind(str(address))
        reports.setblocking(False)
        listener = self._listeners[number].fileno()
        process = await asyncio.create_subprocess_exec(
            *self._command,
            f"--place={Place(number, listener, self._lifeline)}",
            env={**os.environ, shared_metrics.FOLDER: str(self._home), "NOTIFY_SOCKET": str(address)},
            pass_fds=(listener, self._lifeline),
        )
        return Worker(process, reports)

    async def _keep(self, number: int) -> None:
        """Start a worker whenever the one of this number has ended."""
        pause = FIRST_PAUSE
        if number not in self._workers:
            self._workers[number] = await self._begin(number)
        while True:
            worker = self._workers[number]
            status = await worker.process.wait()
            if self._stopping.is_set():
                return
            if worker is not self._workers[number]:
                continue
            self._bury(worker)
            pause = FIRST_PAUSE if worker.ready.is_set() else min(pause * 2, LONGEST_PAUSE)
            log.error("worker %d ended %s: it is started again in %g s", number, _how(status), pause)
            await asyncio.sleep(pause)
            if worker is self._workers[number]:
                self._workers[number] = await self._begin(number)

    async def _watch(self) -> None:
        """Kill workers that hang. Tell systemd that they serve, once all were ready."""
        served = False
        while True:
            await asyncio.sleep(LOOK_EVERY)
            workers = list(self._workers.values())
            for worker in workers:
                if worker.hangs():
                    log.error("the worker with process %d hangs: it is killed", worker.process.pid)
                    worker.tell(signal.SIGKILL)
            served = served or (
                len(workers) == len(self._listeners) and all(worker.ready.is_set() for worker in workers)
            )
            if served:
                self._supervisor.ticked(True)

    async def _reloads(self) -> None:
        """Replace one worker after another whenever somebody asks for it."""
        while True:
            await self._reload.wait()
            self._reload.clear()
            log.info("reloading: one worker after another is replaced")
            for number in range(len(self._listeners)):
                if not await self._replace(number):
                    log.error(
                        "reloading has ended: the new worker %d did not start, the old ones go on", number
                    )
                    break

    async def _replace(self, number: int) -> bool:
        """Start a new worker of this number, and end the old one once the new one serves. Return True if it does."""
        new, old = await self._begin(number), self._workers[number]
        if not await new.served():
            self._bury(new)
            return False
        self._workers[number] = new
        await old.end()
        self._bury(old)
        return True

    def _bury(self, worker: Worker) -> None:
        worker.close()
        shared_metrics.forget(worker.process.pid, self._home)


def run(settings: Settings, count: int) -> int:
    """Serve with this number of workers until SIGTERM or SIGINT, and return the exit status.

    SIGHUP replaces one worker after another: the new ones read the configuration file, and run the code that is
    installed then. Raises `BadSetting`.
    """
    if settings.database_url.startswith("sqlite"):
        raise BadSetting(
            f"serve --workers {count} needs PostgreSQL, since one process writes a SQLite file. Leave --workers out, "
            "or set HEARTBEAT_DATABASE_URL to a database of PostgreSQL."
        )
    if "api" not in settings.roles:
        raise BadSetting(
            f"serve --workers {count} spreads the role api, which this process does not have. Leave --workers out, or "
            "add api to HEARTBEAT_ROLES."
        )
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heartbeat-")))
        listeners = [
            stack.enter_context(closing(listener))
            for listener in server.listening_together(settings.host, settings.port, count)
        ]
        # The same program with the same options.
        command = [sys.executable, *sys.orig_argv[1:]]
        return asyncio.run(_parent(command, listeners, home, settings.notify_socket))


def _how(status: int) -> str:
    return f"with status {status}" if status >= 0 else f"by {signal.Signals(-status).name}"


async def _parent(
    command: Sequence[str], listeners: Sequence[socket.socket], home: Path, systemd: str
) -> int:
    return await Parent(command, listeners, home, systemd).run()
