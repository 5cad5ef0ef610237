"""The operator's command that takes the published files to another host. Never two at once, and bounded in time."""

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Event, Timer

BOUND = 50.0
"""Seconds that the command has."""
SAID = 500
"""Characters of what it said that are logged where it failed."""

log = logging.getLogger(__name__)


class Hook:
    """Runs the command after a change. A change while it runs makes it run once more afterwards."""

    def __init__(self, command: str, folder: Path, observe: Callable[[str], None]) -> None:
        self._command = command
        self._folder = folder
        self._observe = observe
        self._process: Popen[bytes] | None = None
        self._stopping = False
        self._again = False
        self.running: asyncio.Task[None] | None = None

    def pull(self) -> None:
        """The files have changed."""
        if not self._command:
            return
        if self.running is not None and not self.running.done():
            self._again = True
        else:
            self.running = asyncio.create_task(self._run())

    async def rest(self) -> None:
        """End what runs."""
        self._stopping = True
        if self.running is not None and not self.running.done():
            if self._process is not None:
                _end(self._process)
            await asyncio.wait([self.running])

    async def _run(self) -> None:
        while not self._stopping:
            self._again = False
            self._observe(await asyncio.to_thread(self._once))
            if not self._again:
                return

    def _once(self) -> str:
        """Run it to its end: "done", "failed" or "slow"."""
        command = ("/bin/sh", "-c", self._command, "status-hook", str(self._folder.resolve()))
        try:
            self._process = Popen(  # noqa: S603  # the operator wrote the command
                command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, start_new_session=True
            )
        except OSError as error:
            log.warning("the status hook could not be started: %s", error.strerror)
            return "failed"
        with self._process as process:
            if self._stopping:
                _end(process)
            late, said = _heard(process)
        if late:
            log.warning("the status hook took longer than %g s and was ended", BOUND)
            return "slow"
        if process.returncode and not self._stopping:
            log.warning("the status hook ended with %d: %s", process.returncode, said or "it said nothing")
        return "failed" if process.returncode else "done"


def _heard(process: "subprocess.Popen[bytes]") -> tuple[bool, str]:
    """Wait for the end: whether it took too long, and the beginning of what it said on standard error."""
    late = Event()

    def end() -> None:
        late.set()
        _end(process)

    timer = Timer(BOUND, end)
    timer.start()
    kept = b""
    assert process.stderr is not None
    # All of it is read, so that the command never waits for us.
    while part := process.stderr.read1(65_536):  # type: ignore[attr-defined]  # a pipe's reader is buffered
        kept = (kept + part)[:SAID]
    process.wait()
    timer.cancel()
    return late.is_set(), " ".join(kept.decode("utf-8", "replace").split())


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Whatever it has begun ends with it: it leads a group of processes of its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
