"""Two workers on one port against one process: pings a second, and the processor time of a ping.

The servers take turns on databases of their own, so that what else the machine does weighs on both. Two cores with the
load on them as well cannot show how workers scale: the figures show that they cost nothing.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from tests.bench import databases, load, serving
from tests.bench.databases import Bench
from tests.bench.figures import Figure

CHECKS = 5_000
ROUNDS = 5
SECONDS = 3.0
CONNECTIONS = 512
OVER_ONE = 1.0
CPU_RATIO = 1.1


@dataclass(frozen=True, slots=True)
class _Round:
    """Pings a second, and the seconds of processor time that each cost the server and the database."""

    rate: float
    cost: float
    database: float


def measure(bench: Bench, kind: str) -> Iterator[Figure]:
    """The ratios of rounds, and the processor time of a ping of both."""
    with contextlib.ExitStack() as stack:
        (one, one_pings), (two, two_pings) = (_served(stack, bench, kind, count) for count in (1, 2))
        for port, pings in ((one.port, one_pings), (two.port, two_pings)):
            load.full(port, pings, 1)
        database = int((bench.home / "postgres/postmaster.pid").read_text().split()[0])
        rounds = [
            (_driven(one, one_pings, database), _driven(two, two_pings, database)) for _ in range(ROUNDS)
        ]
    rates = [two.rate / one.rate for one, two in rounds]
    costs = [two.cost / one.cost for one, two in rounds]
    yield Figure("workers_2_over_1", median(rates), "ratio", least=OVER_ONE, spread=(min(rates), max(rates)))
    yield Figure("workers_cpu_ratio", median(costs), "ratio", most=CPU_RATIO, spread=(min(costs), max(costs)))
    yield Figure("worker_ping_cpu_us", median(two.cost for _, two in rounds) * 1e6, "µs")
    yield Figure("database_ping_cpu_us", median(two.database for _, two in rounds) * 1e6, "µs")


def _served(
    stack: contextlib.ExitStack, bench: Bench, kind: str, workers: int
) -> tuple[serving.Served, Path]:
    url = bench.fresh(kind)
    pings = databases.filled(bench, url, CHECKS)
    return stack.enter_context(serving.heartbeat(bench, url, workers=workers)), pings


def _driven(served: serving.Served, pings: Path, database: int) -> _Round:
    """Load on a server, with its database in this process."""
    before = _used(served.pid), _used(database)
    driven = load.full(served.port, pings, SECONDS, CONNECTIONS)
    after = _used(served.pid), _used(database)
    cost, of_database = ((end - start) / driven.requests for start, end in zip(before, after, strict=True))
    return _Round(driven.rate, cost, of_database)


def _used(pid: int) -> float:
    """The seconds of processor time that a process and those below it have used."""
    parent = psutil.Process(pid)
    times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
    return sum(spent.user + spent.system for spent in times)
