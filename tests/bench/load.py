"""Load from a process of its own: wrk at full speed where it is installed, else the client of this package.

A client in Python takes as long for a request as the bare route takes to answer it, and so would flatter
the ratio of the two; the table therefore says which one drove.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import ROOT

CONNECTIONS = 128
WRK = shutil.which("wrk")
NAME = "wrk" if WRK else "tests.bench.client"


@dataclass(frozen=True, slots=True)
class Driven:
    """What came of some seconds of load."""

    requests: int
    seconds: float
    failed: int
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def full(port: int, paths: Path, seconds: float, connections: int = CONNECTIONS) -> Driven:
    """As many requests as the server answers; each connection asks again once it has its answer."""
    if WRK is None:
        return _driven(_own(port, paths, seconds, connections))
    script = str(Path(__file__).with_name("paths.lua"))
    limits = ["-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "5s", "--latency"]
    return _driven([WRK, *limits, "-s", script, f"http://127.0.0.1:{port}", "--", str(paths)])


def paced(port: int, paths: Path, seconds: float, rate: float, connections: int = CONNECTIONS) -> Driven:
    """`rate` requests a second, however long the answers take; an answer's time counts from when it was due."""
    return _driven([*_own(port, paths, seconds, connections), "--rate", f"{rate:.0f}"])


def _own(port: int, paths: Path, seconds: float, connections: int) -> list[str]:
    asked = [str(port), str(paths), "--connections", str(connections), "--seconds", f"{seconds:.0f}"]
    return [sys.executable, "-m", "tests.bench.client", *asked]


def _driven(command: Sequence[str]) -> Driven:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=120, check=True)
    said = Driven(**json.loads(done.stdout.strip().splitlines()[-1]))
    if said.failed:
        raise RuntimeError(f"{said.failed} of {said.requests} requests failed: the figure would mean nothing")
    return said
