"""A program of the tests in a process of its own, beside the service: a provider, a proxy."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.e2e.patience import eventually
from tests.e2e.service import bare_environment, free_port

START_BOUND = 30.0
STOP_BOUND = 10.0


class Beside:
    """`python -m MODULE PORT …`, which listens on a port that stays the same when it is started again."""

    def __init__(self, log: Path, module: str, *arguments: str) -> None:
        self.port = free_port()
        self._command = [sys.executable, "-m", module, str(self.port), *arguments]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Begin, and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=bare_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        eventually(self._listens, within=START_BOUND, what=f"{self._command[2]} to listen")
        return self

    def freeze(self) -> None:
        """Let it take connections and say nothing more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Make sure that nothing of it is left."""
        if self._process is None or self._process.poll() is not None:
            return
        self.thaw()
        self._process.terminate()
        try:
            self._process.wait(STOP_BOUND)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_BOUND)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"it ended:\n{self._log.read_text(errors='replace')}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
