"""The operator's command that copies the published files to another host: one at a time, and bounded in time."""

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
"""The longest run of the command, in seconds."""
LOGGED_CHARACTERS = 500
"""Characters of its error output that are logged when it fails."""

PASSED = frozenset({"HOME", "LANG", "LOGNAME", "PATH", "SHELL", "SSH_AUTH_SOCK", "TMPDIR", "TZ", "USER"})
PASSED_PREFIXES = ("LC_", "SSL_CERT_", "STATUS_HOOK_")
"""The variables that the command gets. All others may be secrets of heartbeat."""

log = logging.getLogger(__name__)


class Hook:
    """Run the command after a change. A change during a run causes one more run."""

    def __init__(self, command: str, folder: Path, observe: Callable[[str], None]) -> None:
        self._command = command
        self._folder = folder
        self._observe = observe
        self._process: Popen[bytes] | None = None
        self._stopping = False
        self._run_once_more = False
        self.running: asyncio.Task[None] | None = None

    def pull(self) -> None:
        """Run the command, since the files have changed."""
        if not self._command:
            return
        if self.running is not None and not self.running.done():
            self._run_once_more = True
        else:
            self.running = asyncio.create_task(self._run())

    async def rest(self) -> None:
        """End a running command."""
        self._stopping = True
        if self.running is not None and not self.running.done():
            if self._process is not None:
                _end(self._process)
            await asyncio.wait([self.running])

    async def _run(self) -> None:
        while not self._stopping:
            self._run_once_more = False
            self._observe(await asyncio.to_thread(self._once))
            if not self._run_once_more:
                return

    def _once(self) -> str:
        """Run the command to its end. Return "done", "failed" or "slow"."""
        command = ("/bin/sh", "-c", self._command, "status-hook", str(self._folder.resolve()))
        try:
            self._process = Popen(  # noqa: S603  # the operator wrote the command
                command,
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=PIPE,
                start_new_session=True,
                env=_environment(),
            )
        except OSError as error:
            log.warning("the status hook could not be started: %s", error.strerror)
            return "failed"
        with self._process as process:
            if self._stopping:
                _end(process)
            late, error_output = _wait(process)
        if late:
            log.warning("the status hook took longer than %g s and was ended", BOUND)
            return "slow"
        if process.returncode and not self._stopping:
            log.warning(
                "the status hook ended with %d: %s", process.returncode, error_output or "no error output"
            )
        return "failed" if process.returncode else "done"


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in PASSED or name.startswith(PASSED_PREFIXES)
    }


def _wait(process: "subprocess.Popen[bytes]") -> tuple[bool, str]:
    """Wait for the end. Return True if it took too long, and the start of its standard error."""
    late = Event()

    def end() -> None:
        late.set()
        _end(process)

    timer = Timer(BOUND, end)
    timer.start()
    output = b""
    assert process.stderr is not None
    # Read everything, so that the command never waits for us.
    while part := process.stderr.read1(65_536):  # type: ignore[attr-defined]  # a pipe's reader is buffered
        output = (output + part)[:LOGGED_CHARACTERS]
    process.wait()
    timer.cancel()
    return late.is_set(), " ".join(output.decode("utf-8", "replace").split())


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the command and every process that it has started: they are one process group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
