"""What the service measures of itself. One registry an installation of the app, so that tests never share one."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

# A series of its own for when each counter began would double the scrape and tell nobody anything.
disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped upstream

_TIMES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The service's own health. Names and meanings are listed in docs/operating.md."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.pings = Counter("heartbeat_pings", "Pings by result.", ["result"], registry=self.registry)
        self.batch_size = Histogram(
            "heartbeat_ping_batch_size",
            "Pings committed together.",
            buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000),
            registry=self.registry,
        )
        self.commit_seconds = Histogram(
            "heartbeat_ping_commit_seconds",
            "Time from taking a batch of pings to its commit.",
            buckets=_TIMES,
            registry=self.registry,
        )
        self.pages = Counter(
            "heartbeat_pages",
            "Attempts to page by notifier and result.",
            ["notifier", "result"],
            registry=self.registry,
        )
        self.last_tick = Gauge(
            "heartbeat_last_tick_timestamp_seconds", "When the last clean tick ended.", registry=self.registry
        )
        self.tick_seconds = Histogram(
            "heartbeat_tick_seconds",
            "How long a tick took.",
            buckets=(*_TIMES, 5, 10, 30),
            registry=self.registry,
        )
        self.tick_failures = Counter(
            "heartbeat_tick_failures", "Failures of a tick by stage.", ["stage"], registry=self.registry
        )
        self.lag = Gauge(
            "heartbeat_evaluation_lag_seconds",
            "How long the most overdue check has waited to be judged.",
            registry=self.registry,
        )
        self.outbox_depth = Gauge(
            "heartbeat_outbox_pages", "Pages that wait to be sent.", registry=self.registry
        )
        self.outbox_age = Gauge(
            "heartbeat_outbox_oldest_seconds", "Age of the oldest page that waits.", registry=self.registry
        )
        self.clock_skew = Gauge(
            "heartbeat_clock_skew_seconds",
            "How far the database's clock is ahead of this machine's.",
            registry=self.registry,
        )
        self.outside = Counter(
            "heartbeat_outside_beats",
            "Beats sent to the outside heartbeat by result.",
            ["result"],
            registry=self.registry,
        )

    def observe_batch(self, size: int, seconds: float) -> None:
        """A batch of pings was committed."""
        self.batch_size.observe(size)
        self.commit_seconds.observe(seconds)

    def observe_page(self, notifier: str, result: str) -> None:
        """A notifier answered."""
        self.pages.labels(notifier, result).inc()

    def observe_queue(
        self, now: datetime, first_wake: datetime | None, depth: int, oldest: datetime | None
    ) -> None:
        """How far behind the checker and the courier are."""
        self.lag.set(_age(now, first_wake))
        self.outbox_depth.set(depth)
        self.outbox_age.set(_age(now, oldest))


def _age(now: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)
