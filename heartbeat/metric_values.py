"""Metrics one by one: gauges of several workers, counters that begin at 0, and the values of their labels.

Series whose labels are known in advance start at 0. A counter that first appears with its first event has not grown
for Prometheus, and the alert on that event would stay silent.
"""

from collections.abc import Collection
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge

SEND_RESULTS = ("accepted", "refused", "unreachable")
TIMES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


def gauge(
    registry: CollectorRegistry, name: str, mode: str, meaning: str, labels: Collection[str] = ()
) -> Gauge:
    """Return a gauge. `mode` says how the values of several workers become one."""
    return Gauge(name, meaning, labels, registry=registry, multiprocess_mode=mode)  # type: ignore[arg-type]


def begin_at_zero(counter: Counter, values: Collection[str]) -> None:
    for value in values:
        counter.labels(value)


def age(now: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)
