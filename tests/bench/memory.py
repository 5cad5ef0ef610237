"""Memory of `heartbeat serve` with 100,000 checks, after each of them has been pinged."""

import math
from collections.abc import Iterator

import psutil

from tests.bench import databases, load, serving
from tests.bench.databases import Bench
from tests.bench.figures import Figure

CHECKS = 100_000
MOST_MB = 200.0
LONGEST = 60.0


def measure(bench: Bench, kind: str) -> Iterator[Figure]:
    """The resident set of the serving process."""
    url = bench.fresh(kind)
    paths = databases.filled(bench, url, CHECKS)
    with serving.heartbeat(bench, url) as served:
        rate = load.full(served.port, paths, 2).rate
        load.full(served.port, paths, min(math.ceil(1.2 * CHECKS / rate), LONGEST))
        rss = psutil.Process(served.pid).memory_info().rss
    yield Figure(f"rss_100k_mb_{kind}", rss / 1e6, "MB", most=MOST_MB)
