"""Processes that the benchmark starts: each in a group of its own, and each stopped, whatever happens."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

START_BOUND = 60.0
STOP_BOUND = 5.0
ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def running(module: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """`python -m` with these arguments as a process group of its own; its number. Killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process.pid
    finally:
        _stop(process)


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def await_answer(url: str) -> None:
    """Wait until the address answers."""
    until = time.monotonic() + START_BOUND
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            if time.monotonic() > until:
                raise TimeoutError(f"{url} did not answer within {START_BOUND:.0f} s") from None
            time.sleep(0.05)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_BOUND)
            return
