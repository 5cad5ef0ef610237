"""Durable pings a second of one serving process, against its own bare route and against the naive way.

The rounds take turns (bare, ping, naive, bare, …) and the ratios are those within a round, so that what else
the machine is doing weighs on both sides; the figure is the median of the rounds. The slowest hundredth is measured at
half of what was reached, again in turns: the bare route gets as many requests a second as the pings do.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench import databases, load, serving
from tests.bench.databases import Bench
from tests.bench.figures import Figure
from tests.bench.load import Driven

CHECKS = 5_000
ROUNDS = 5
SECONDS = 2.0
PACED_ROUNDS = 3
PACED_SECONDS = 4.0
OVER_BARE = {"postgres": 0.5, "sqlite": 0.4}
OVER_NAIVE = {"postgres": 15.0, "sqlite": 10.0}
P99_MS = 6.0
"""On a quiet machine."""
P99_OVER_BARE = 4.0


def measure(bench: Bench, kind: str) -> Iterator[Figure]:
    """The figures of one kind of database."""
    with contextlib.ExitStack() as stack:
        ours, naive = _filled(bench, kind), _filled(bench, kind)
        port = stack.enter_context(serving.heartbeat(bench, ours.url)).port
        other = stack.enter_context(serving.naive(naive.url))
        rounds = _rounds(port, other, bench, ours.pings, naive.pings)
        rate = median(ping.rate for _, ping, _ in rounds)
        yield Figure(f"pings_{kind}", rate, "1/s", spread=_spread([ping.rate for _, ping, _ in rounds]))
        yield _ratio(f"ping_over_bare_{kind}", [p.rate / b.rate for b, p, _ in rounds], OVER_BARE[kind])
        yield _ratio(f"ping_over_naive_{kind}", [p.rate / n.rate for _, p, n in rounds], OVER_NAIVE[kind])
        yield from _at_half_load(port, bench.home / "bare", ours.pings, rate / 2, kind)


def _at_half_load(port: int, bare: Path, pings: Path, rate: float, kind: str) -> Iterator[Figure]:
    took = [
        [load.paced(port, paths, PACED_SECONDS, rate).p99_ms for paths in (bare, pings)]
        for _ in range(PACED_ROUNDS)
    ]
    ours, over_bare = [ping for _, ping in took], [ping / bare for bare, ping in took]
    yield Figure(f"ping_p99_half_ms_{kind}", median(ours), "ms", most=P99_MS, spread=_spread(ours))
    name = f"ping_p99_half_over_bare_{kind}"
    yield Figure(name, median(over_bare), "ratio", most=P99_OVER_BARE, spread=_spread(over_bare))


class _Filled:
    """A database with healthy checks, and the file of their addresses."""

    def __init__(self, url: str, pings: Path) -> None:
        self.url = url
        self.pings = pings


def _filled(bench: Bench, kind: str) -> _Filled:
    url = bench.fresh(kind)
    return _Filled(url, databases.filled(bench, url, CHECKS))


def _rounds(
    ours: int, naive: int, bench: Bench, pings: Path, naive_pings: Path
) -> list[tuple[Driven, Driven, Driven]]:
    bare = bench.home / "bare"
    bare.write_text("/livez\n")
    for port, paths in ((ours, bare), (ours, pings), (naive, naive_pings)):
        load.full(port, paths, 1)
    return [
        (
            load.full(ours, bare, SECONDS),
            load.full(ours, pings, SECONDS),
            load.full(naive, naive_pings, SECONDS),
        )
        for _ in range(ROUNDS)
    ]


def _ratio(name: str, ratios: list[float], least: float) -> Figure:
    return Figure(name, median(ratios), "ratio", least=least, spread=_spread(ratios))


def _spread(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)
