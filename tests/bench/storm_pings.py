"""100,000 hosts that fall silent at once, in a serving process that is pinged 500 times a second meanwhile.

- `storm_100k_s`: from the time at which they are due until all are judged, and each incident has its page written.
- `storm_ping_p99_ms`: the 99th percentile of the answers to pings meanwhile.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, make_url

from heartbeat import installation
from heartbeat.database import engine
from tests.bench import databases, load, serving, storm
from tests.bench.databases import Bench
from tests.bench.figures import Figure

HOSTS = 100_000
PINGED = 1_000
RATE = 500
SECONDS = 20
START = timedelta(seconds=15)
"""Time for the process to start before the storm."""
LONGEST = 90.0
STORM_S = 20.0
P99_MS = 250.0


def measure(bench: Bench, kind: str) -> Iterator[Figure]:
    """The figures of one kind of database."""
    url = bench.fresh(kind)
    paths = databases.filled(bench, url, HOSTS + PINGED)
    pinged = bench.home / "pinged"
    pinged.write_text("".join(paths.read_text().splitlines(keepends=True)[-PINGED:]))
    at = databases.now() + START
    writer = engine(make_url(url), writing=True)
    with writer.begin() as db:
        storm.silence_hosts(db, HOSTS, databases.now(), at)
        installation.remember(db, "gathering", 0)
    writer.dispose()
    reader = engine(make_url(url), writing=False)
    with serving.heartbeat(bench, url) as served, ThreadPoolExecutor(1) as meanwhile:
        time.sleep(max((at - databases.now()).total_seconds(), 0))
        driven = meanwhile.submit(load.paced, served.port, pinged, SECONDS, RATE)
        took = (_over(reader) - at).total_seconds()
        p99 = driven.result().p99_ms
    reader.dispose()
    yield Figure(f"storm_100k_s_{kind}", took, "s", most=STORM_S)
    yield Figure(f"storm_ping_p99_ms_{kind}", p99, "ms", most=P99_MS)


def _over(reader: Engine) -> datetime:
    """Return the time at which all was judged and written."""
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        with reader.connect() as db:
            if storm.outcome(db) == (HOSTS, 0):
                return datetime.now(UTC)
        time.sleep(0.5)
    raise TimeoutError(f"the storm was not over within {LONGEST:.0f} s")
