"""How long an operator waits for a command: the version, a usage error, and the plan of a small file.

The fastest of a few runs, in processor time: what others do on the machine does not count.
"""

import resource
import subprocess
import sys
from collections.abc import Iterator

from tests.bench.databases import Bench
from tests.bench.figures import Figure
from tests.bench.processes import ROOT

TIMES = 5
SMALL = "checks: {nightly: {every: 1d}}\n"
COMMANDS = (
    ("cli_version_ms", ("--version",), 300),
    ("cli_usage_ms", ("sevre",), 300),
    ("cli_plan_ms", ("plan",), 1_000),
)


def measure(bench: Bench, kind: str) -> Iterator[Figure]:
    """The processor time of each command."""
    file = bench.home / "small.yaml"
    file.write_text(SMALL)
    environment = {"HEARTBEAT_CONFIG": str(file), "HEARTBEAT_DATABASE_URL": bench.fresh(kind)}
    for name, arguments, most in COMMANDS:
        took = [1000 * _spent(arguments, environment) for _ in range(TIMES)]
        yield Figure(f"{name}_{kind}", min(took), "ms", most=most, spread=(min(took), max(took)))


def _spent(arguments: tuple[str, ...], environment: dict[str, str]) -> float:
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "heartbeat", *arguments], cwd=ROOT, env=environment, capture_output=True
    )
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
