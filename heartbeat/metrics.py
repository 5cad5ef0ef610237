"""The metrics of the service. Each instance of the app has its own registry, so that tests never share one.

Each part of the service has a class here or in `own_metrics`, and `Metrics` has them all. docs/metrics.md lists names
and meanings.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics_core import Metric

from alerting import desk
from alerting.answer import Acknowledged
from alerting.incident import State
from alerting.notifiers import registry as registry_of_notifiers
from heartbeat import shared_metrics
from heartbeat.metric_values import SEND_RESULTS, TIMES, age, begin_at_zero, gauge
from heartbeat.own_metrics import (
    BlindnessMetrics,
    CanaryMetrics,
    Forgetting,
    LimitMetrics,
    OnCallMetrics,
    StorageMetrics,
    Ticking,
)

# A series for the start of each counter would double the scrape and help nobody.
disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped upstream

OPEN_STATES = tuple(state for state in State if state is not State.RESOLVED)
PING_RESULTS = ("heard", "created", "refused", "unknown", "malformed", "unavailable")
PUBLICATION_RESULTS = ("published", "partly", "unchanged", "failed")
CUT_REASONS = (
    "aborted",
    "crowded",
    "malformed",
    "pipelined",
    "share",
    "slow",
    "stalled",
    "too_large",
)
HOOK_RESULTS = ("done", "failed", "slow")
_LONG_TIMES = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
_SIZES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000)


@dataclass(frozen=True, slots=True)
class CheckSeries:
    """The per-check series of a scrape: none, or one for each check, with these labels beside the slug."""

    each: bool = True
    labels: tuple[tuple[str, str], ...] = ()
    """Pairs of a label of the metric and the label of the check that it shows."""


class Metrics:
    """All metrics of the service, part by part."""

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
        self._process = ProcessCollector(registry=None)
        self._build = Info("heartbeat_build", "The version and the database of this process.", registry=None)
        self._build.info({"version": version, "database": database})
        _describe_process(self.registry, roles)
        self.callers = Callers(self.registry)
        self.pings = Pings(self.registry, PING_RESULTS if "api" in roles else ())
        self.paging = PagingMetrics(self.registry, notifiers)
        self.ticking = Ticking(self.registry)
        self.storage = StorageMetrics(self.registry)
        self.canary = CanaryMetrics(self.registry)
        self.forgetting = Forgetting(self.registry)
        self.blindness = BlindnessMetrics(self.registry)
        self.limits = LimitMetrics(self.registry)
        self.on_call = OnCallMetrics(self.registry)
        self.unusual_runs = Counter(
            "heartbeat_unusual_runs",
            "Runs with a number outside of what is usual for their check.",
            registry=self.registry,
        )
        self.backlog = Backlog(self.registry)
        self.status_pages = StatusPageMetrics(self.registry)

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of this process, or of all workers of this machine."""
        yield from self._build.collect()
        if place := shared_metrics.folder():
            yield from shared_metrics.summed(place)
        else:
            yield from self._process.collect()
            yield from self.registry.collect()


class Callers:
    """Requests and their senders."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.untrusted_proxy = Counter(
            "heartbeat_untrusted_proxy_requests",
            "Requests with X-Forwarded-For from an address that is not a trusted proxy.",
            registry=registry,
        )
        self.wrong_keys = Counter(
            "heartbeat_wrong_api_keys",
            "Requests with a wrong API key, or refused after too many of them.",
            registry=registry,
        )
        self._cut_off = Counter(
            "heartbeat_cut_connections",
            "Connections that the service ended early, by reason.",
            ["reason"],
            registry=registry,
        )
        begin_at_zero(self._cut_off, CUT_REASONS)

    def count_cut(self, reason: str) -> None:
        """Count a connection that was ended early."""
        self._cut_off.labels(reason).inc()


class Pings:
    """Incoming pings."""

    def __init__(self, registry: CollectorRegistry, results: Collection[str]) -> None:
        self.heard = Counter("heartbeat_pings", "Pings by result.", ["result"], registry=registry)
        self._sizes = Histogram(
            "heartbeat_ping_batch_size", "Pings committed together.", buckets=_SIZES, registry=registry
        )
        self._seconds = Histogram(
            "heartbeat_ping_commit_seconds",
            "Time from taking a batch of pings to its commit.",
            buckets=TIMES,
            registry=registry,
        )
        begin_at_zero(self.heard, results)

    def observe_batch(self, size: int, seconds: float) -> None:
        """Count a committed batch of pings."""
        self._sizes.observe(size)
        self._seconds.observe(seconds)


class PagingMetrics:
    """Outgoing pages, and the time until somebody answers."""

    def __init__(self, registry: CollectorRegistry, notifiers: Collection[str]) -> None:
        self._attempts = Counter(
            "heartbeat_pages",
            "Send attempts by notifier and result.",
            ["notifier", "result"],
            registry=registry,
        )
        self.under_way = gauge(
            registry, "heartbeat_sends_under_way", "livesum", "Sends that have begun and not ended."
        )
        self._delivery = Histogram(
            "heartbeat_page_delivery_seconds",
            "Time from the decision to page somebody to acceptance by a notifier.",
            buckets=_LONG_TIMES,
            registry=registry,
        )
        self._acknowledgement = Histogram(
            "heartbeat_acknowledge_seconds",
            "Time from the first page of an occurrence to its acknowledgement, if this process received that.",
            buckets=(*_LONG_TIMES[4:], 7200.0, 14400.0),
            registry=registry,
        )
        self._passed_over = gauge(
            registry,
            "heartbeat_notifier_passed_over",
            "livemax",
            "1 if notices go past the notifier to the next contact, because it fails for everybody, else 0.",
            ["notifier"],
        )
        for kind in notifiers:
            for result in SEND_RESULTS:
                self._attempts.labels(kind, result)
        for kind in registry_of_notifiers.kinds_that("server_in_settings") & set(notifiers):
            self.observe_channel(kind, False)

    def observe_page(self, notifier: str, result: str, waited: Sequence[float]) -> None:
        """Count an answer of a notifier. `waited` has the seconds that each accepted page had waited."""
        self._attempts.labels(notifier, result).inc()
        for seconds in waited:
            self._delivery.observe(seconds)

    def observe_channel(self, notifier: str, broken: bool) -> None:
        """Set whether notices go past a notifier now."""
        self._passed_over.labels(notifier).set(broken)

    def observe_answer(self, outcome: object) -> None:
        """Count an answer to an incident. Only the first acknowledgement of an occurrence counts."""
        if isinstance(outcome, Acknowledged) and outcome.waited is not None:
            self._acknowledgement.observe(outcome.waited.total_seconds())


class Backlog:
    """The backlog: checks to judge, pages to send, incidents to answer. Read for each scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = gauge(
            registry,
            "heartbeat_evaluation_lag_seconds",
            "livemostrecent",
            "How long the most overdue check has waited to be judged.",
        )
        self._pages = gauge(
            registry, "heartbeat_outbox_pages", "livemostrecent", "Pages that wait to be sent."
        )
        self._oldest_page = gauge(
            registry,
            "heartbeat_outbox_oldest_seconds",
            "livemostrecent",
            "Age of the oldest page that waits.",
        )
        self._incidents = gauge(
            registry, "heartbeat_incidents", "livemostrecent", "Incidents by state.", ["state"]
        )
        self._unexpected = gauge(
            registry,
            "heartbeat_unexpected_pings_names",
            "livemostrecent",
            "Names whose pings were refused in the last 30 days: no check has them, or the key is unknown.",
        )
        self._unanswered = gauge(
            registry,
            "heartbeat_unanswered_oldest_seconds",
            "livemostrecent",
            "The longest time for which any open incident has paged without an answer.",
        )

        self._silences = gauge(
            registry, "heartbeat_silences", "livemostrecent", "Silences that hold back pages now."
        )
        self._oldest_silence = gauge(
            registry,
            "heartbeat_silence_oldest_seconds",
            "livemostrecent",
            "Age of the oldest silence that holds back pages now.",
        )

    def observe_silences(self, now: datetime, begun: Sequence[datetime]) -> None:
        """Set the silences of now, each with its beginning."""
        self._silences.set(len(begun))
        self._oldest_silence.set(age(now, min(begun, default=None)))

    def observe(
        self, now: datetime, first_wake: datetime | None, downstairs: desk.Workload, unexpected: int
    ) -> None:
        """Set the lag of the checker and the courier, the incidents that wait, and the names that no check has."""
        self._unexpected.set(unexpected)
        self._lag.set(age(now, first_wake))
        self._pages.set(downstairs.waiting)
        self._oldest_page.set(age(now, downstairs.oldest))
        for state in OPEN_STATES:
            self._incidents.labels(state.value).set(downstairs.incidents.get(state, 0))
        self._unanswered.set(age(now, downstairs.unanswered_since))


class StatusPageMetrics:
    """Publications, mails and automatic updates of the status pages."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.publications = Counter(
            "heartbeat_status_publications",
            "Rounds of publishing the status pages by result.",
            ["result"],
            registry=registry,
        )
        self.steward_failures = Counter(
            "heartbeat_status_steward_failures",
            "Failed rounds of automatic status-page updates.",
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
            "Failed rounds of sending mail to subscribers of the status pages.",
            registry=registry,
        )
        self.hook_runs = Counter(
            "heartbeat_status_hook_runs", "Runs of the status hook by result.", ["result"], registry=registry
        )
        begin_at_zero(self.publications, PUBLICATION_RESULTS)
        begin_at_zero(self.mails, SEND_RESULTS)
        begin_at_zero(self.hook_runs, HOOK_RESULTS)

    def observe_publication(self, result: str) -> None:
        """Count a round of the publisher."""
        self.publications.labels(result).inc()

    def observe_hook(self, result: str) -> None:
        """Count a run of the status hook."""
        self.hook_runs.labels(result).inc()


def _describe_process(registry: CollectorRegistry, roles: Collection[str]) -> None:
    Counter("heartbeat_starts", "Starts of this process, or of its workers.", registry=registry).inc()
    role = gauge(registry, "heartbeat_role", "livemax", "1 for each role of this process.", ["role"])
    for name in sorted(roles):
        role.labels(name).set(1)
