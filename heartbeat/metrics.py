"""What the service measures of itself. One registry an installation of the app, so that tests never share one.

Each part of the service has its own measures here, and `Metrics` has them all. Names and meanings are listed in
docs/metrics.md. Series whose labels are known beforehand begin at 0: a counter that first appears with its first
event has not grown in the eyes of Prometheus, and the alert on that event stays silent.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from alerting import desk
from alerting.incident import Acknowledged, State

# A series of its own for when each counter began would double the scrape and tell nobody anything.
disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped upstream

OPEN_STATES = tuple(state for state in State if state is not State.RESOLVED)
PING_RESULTS = ("heard", "created", "unknown", "malformed", "unavailable")
SEND_RESULTS = ("accepted", "refused", "unreachable")
PUBLICATION_RESULTS = ("published", "partly", "unchanged", "failed")
HOOK_RESULTS = ("done", "failed", "slow")
FORGOTTEN = ("transitions", "attempts", "pages", "symptoms", "timeline", "incidents")
_TIMES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_LONG_TIMES = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
_SIZES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000)


@dataclass(frozen=True, slots=True)
class CheckSeries:
    """Which series of single checks a scrape has: none, or some with these labels beside the check's slug."""

    each: bool = True
    labels: tuple[tuple[str, str], ...] = ()
    """The label of a metric, and the label of a check that it shows."""


class Metrics:
    """The service's own health, part by part."""

    def __init__(
        self,
        *,
        version: str = "",
        database: str = "",
        roles: Collection[str] = (),
        notifiers: Collection[str] = (),
        check_series: CheckSeries = CheckSeries(),
    ) -> None:
        self.check_series = check_series
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        _tell_what_runs(self.registry, version, database, roles)
        self.callers = Callers(self.registry)
        self.pings = Pings(self.registry, PING_RESULTS if "api" in roles else ())
        self.paging = Paging(self.registry, notifiers)
        self.ticking = Ticking(self.registry)
        self.forgetting = Forgetting(self.registry)
        self.backlog = Backlog(self.registry)
        self.status_pages = StatusPages(self.registry)


class Callers:
    """Who asks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.untrusted_proxy = Counter(
            "heartbeat_untrusted_proxy_requests",
            "Requests that say for whom they speak, from an address that is no trusted proxy's.",
            registry=registry,
        )


class Pings:
    """What comes in."""

    def __init__(self, registry: CollectorRegistry, results: Collection[str]) -> None:
        self.heard = Counter("heartbeat_pings", "Pings by result.", ["result"], registry=registry)
        self._sizes = Histogram(
            "heartbeat_ping_batch_size", "Pings committed together.", buckets=_SIZES, registry=registry
        )
        self._seconds = Histogram(
            "heartbeat_ping_commit_seconds",
            "Time from taking a batch of pings to its commit.",
            buckets=_TIMES,
            registry=registry,
        )
        _begin_at_zero(self.heard, results)

    def observe_batch(self, size: int, seconds: float) -> None:
        """A batch of pings was committed."""
        self._sizes.observe(size)
        self._seconds.observe(seconds)


class Paging:
    """What goes out, and how soon somebody answers."""

    def __init__(self, registry: CollectorRegistry, notifiers: Collection[str]) -> None:
        self._attempts = Counter(
            "heartbeat_pages",
            "Attempts to page by notifier and result.",
            ["notifier", "result"],
            registry=registry,
        )
        self.under_way = Gauge(
            "heartbeat_sends_under_way", "Sends that have begun and not ended.", registry=registry
        )
        self._delivery = Histogram(
            "heartbeat_page_delivery_seconds",
            "Time from the intent to page somebody to a notifier that accepted it.",
            buckets=_LONG_TIMES,
            registry=registry,
        )
        self._acknowledgement = Histogram(
            "heartbeat_acknowledge_seconds",
            "Time from the first page of an occurrence to the acknowledgement that was given here.",
            buckets=(*_LONG_TIMES[4:], 7200.0, 14400.0),
            registry=registry,
        )
        for kind in notifiers:
            for result in SEND_RESULTS:
                self._attempts.labels(kind, result)

    def observe_page(self, notifier: str, result: str, waited: Sequence[float]) -> None:
        """A notifier answered; the seconds that each page had waited which it accepted."""
        self._attempts.labels(notifier, result).inc()
        for seconds in waited:
            self._delivery.observe(seconds)

    def observe_answer(self, outcome: object) -> None:
        """Somebody has answered an incident. Only the first acknowledgement of an occurrence counts."""
        if isinstance(outcome, Acknowledged) and outcome.waited is not None:
            self._acknowledgement.observe(outcome.waited.total_seconds())


class Ticking:
    """Whether the checking goes on, and whether the outside hears so."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ready = Gauge(
            "heartbeat_ready", "Whether a clean tick has ended here lately.", registry=registry
        )
        self.last = Gauge(
            "heartbeat_last_tick_timestamp_seconds", "When the last clean tick ended.", registry=registry
        )
        self.seconds = Histogram(
            "heartbeat_tick_seconds",
            "How long a tick took.",
            buckets=(*_TIMES, 5, 10, 30),
            registry=registry,
        )
        self.failures = Counter(
            "heartbeat_tick_failures", "Failures of a tick by stage.", ["stage"], registry=registry
        )
        self.clock_skew = Gauge(
            "heartbeat_clock_skew_seconds",
            "How far the database's clock is ahead of this machine's.",
            registry=registry,
        )
        self.outside = Counter(
            "heartbeat_outside_beats",
            "Beats sent to the outside heartbeat by result.",
            ["result"],
            registry=registry,
        )
        _begin_at_zero(self.outside, SEND_RESULTS)

    def begin(self, stages: Collection[str]) -> None:
        """These are the stages of a tick."""
        _begin_at_zero(self.failures, stages)


class Forgetting:
    """What the janitor deletes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rows = Counter(
            "heartbeat_forgotten_rows", "Old rows that were deleted, by table.", ["table"], registry=registry
        )
        self.failures = Counter(
            "heartbeat_janitor_failures", "Rounds of forgetting that failed.", registry=registry
        )
        _begin_at_zero(self.rows, FORGOTTEN)


class Backlog:
    """What waits: checks to be judged, pages to be sent, incidents to be answered. Read for each scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = Gauge(
            "heartbeat_evaluation_lag_seconds",
            "How long the most overdue check has waited to be judged.",
            registry=registry,
        )
        self._pages = Gauge("heartbeat_outbox_pages", "Pages that wait to be sent.", registry=registry)
        self._oldest_page = Gauge(
            "heartbeat_outbox_oldest_seconds", "Age of the oldest page that waits.", registry=registry
        )
        self._incidents = Gauge("heartbeat_incidents", "Incidents by state.", ["state"], registry=registry)
        self._unanswered = Gauge(
            "heartbeat_unanswered_oldest_seconds",
            "Age of the first page of the incident that has been paged for the longest with no answer.",
            registry=registry,
        )

    def observe(self, now: datetime, first_wake: datetime | None, downstairs: desk.Standing) -> None:
        """How far behind the checker and the courier are, and what waits for an answer."""
        self._lag.set(_age(now, first_wake))
        self._pages.set(downstairs.waiting)
        self._oldest_page.set(_age(now, downstairs.oldest))
        for state in OPEN_STATES:
            self._incidents.labels(state.value).set(downstairs.incidents.get(state, 0))
        self._unanswered.set(_age(now, downstairs.unanswered_since))


class StatusPages:
    """What is published, mailed and done on the status pages."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.publications = Counter(
            "heartbeat_status_publications",
            "Looks whether the public pages must be published anew, by result.",
            ["result"],
            registry=registry,
        )
        self.steward_failures = Counter(
            "heartbeat_status_steward_failures",
            "Rounds that failed of what happens on the status pages by itself.",
            registry=registry,
        )
        self.mails = Counter(
            "heartbeat_status_mails",
            "Mails to subscribers of the status pages by result.",
            ["result"],
            registry=registry,
        )
        self.mailman_failures = Counter(
            "heartbeat_status_mailman_failures",
            "Rounds of mailing the subscribers that failed.",
            registry=registry,
        )
        self.hook_runs = Counter(
            "heartbeat_status_hook_runs", "Runs of the status hook by result.", ["result"], registry=registry
        )
        _begin_at_zero(self.publications, PUBLICATION_RESULTS)
        _begin_at_zero(self.mails, SEND_RESULTS)
        _begin_at_zero(self.hook_runs, HOOK_RESULTS)

    def observe_publication(self, result: str) -> None:
        """The publisher has looked."""
        self.publications.labels(result).inc()

    def observe_hook(self, result: str) -> None:
        """The status hook has ended."""
        self.hook_runs.labels(result).inc()


def _tell_what_runs(registry: CollectorRegistry, version: str, database: str, roles: Collection[str]) -> None:
    Info("heartbeat_build", "What runs here.", registry=registry).info(
        {"version": version, "database": database}
    )
    role = Gauge("heartbeat_role", "1 for each role of this process.", ["role"], registry=registry)
    for name in sorted(roles):
        role.labels(name).set(1)


def _begin_at_zero(counter: Counter, values: Collection[str]) -> None:
    for value in values:
        counter.labels(value)


def _age(now: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)
