"""The metrics of one scrape: the service's own, how far behind it is, and how each check stands.

What depends on the database is read for each scrape, in one bounded read; nothing of it is kept in between.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from alerting import desk
from heartbeat import store
from heartbeat.check import State
from heartbeat.http import reading
from heartbeat.http.reading import Vital
from heartbeat.metrics import Metrics

STORED = tuple(state for state in State if state is not State.LATE)
MAX_CHECKS = 10_000
"""With more checks than this there are no series of single checks: they would drown the one who scrapes."""


class Families(Collector):
    """Families of metrics that are known already, as prometheus_client wants them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """The families."""
        return self._families


def exposition(db: Connection, metrics: Metrics, now: datetime) -> bytes:
    """Everything, in the text format of Prometheus."""
    downstairs = desk.standing(db)
    metrics.observe_standing(now, store.next_due(db), downstairs)
    families = [_database(True), *_standing(db, downstairs), *_of_each(reading.vitals(db, MAX_CHECKS + 1))]
    return generate_latest(metrics.registry) + generate_latest(Families(families))


def without_database(metrics: Metrics) -> bytes:
    """What the process knows by itself, in the text format of Prometheus."""
    return generate_latest(metrics.registry) + generate_latest(Families([_database(False)]))


def _database(answers: bool) -> Metric:
    return GaugeMetricFamily("heartbeat_database_up", "Whether the database answered this scrape.", answers)


def _standing(db: Connection, downstairs: desk.Standing) -> Iterator[Metric]:
    checks = GaugeMetricFamily(
        "heartbeat_checks", "Checks by stored state; late ones count as up or new.", labels=["state"]
    )
    counts = store.count_by_state(db)
    for state in STORED:
        checks.add_metric([state], counts.get(state, 0))
    yield checks
    yield GaugeMetricFamily(
        "heartbeat_incidents_open", "Incidents that are not resolved.", sum(downstairs.incidents.values())
    )


def _of_each(vitals: list[Vital]) -> Iterator[Metric]:
    left_out = len(vitals) > MAX_CHECKS
    yield GaugeMetricFamily(
        "heartbeat_check_series_left_out",
        f"1 where there are more than {MAX_CHECKS} checks, so that none has series of its own.",
        left_out,
    )
    up = GaugeMetricFamily(
        "heartbeat_check_up", "0 while the check is down, else 1; a paused check has none.", labels=["check"]
    )
    last = GaugeMetricFamily(
        "heartbeat_check_last_success_timestamp_seconds", "When the check last succeeded.", labels=["check"]
    )
    for one in () if left_out else vitals:
        if one.state != "paused":
            up.add_metric([one.slug], one.state != "down")
        if one.last_ok_at is not None:
            last.add_metric([one.slug], one.last_ok_at.timestamp())
    yield up
    yield last
