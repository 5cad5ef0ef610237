"""The metrics of one scrape: the service's own, how far behind it is, and how each check stands.

What depends on the database is read for each scrape, in one bounded read; nothing of it is kept in between.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from sqlalchemy import Connection

from alerting import desk
from heartbeat.checks import store as check_store
from heartbeat.checks.check import State
from heartbeat.http.prometheus import queries
from heartbeat.http.prometheus.queries import Vital
from heartbeat.http.prometheus.text import Format, written
from heartbeat.metrics import CheckSeries, Metrics

STORED = tuple(state for state in State if state is not State.LATE)
MAX_CHECKS = 10_000
"""With more checks than this there are no series of single checks: they would drown the one who scrapes."""

Value = Callable[[Vital], float | None]
_OF_EACH: tuple[tuple[str, str, Value], ...] = (
    (
        "heartbeat_check_up",
        "0 while the check is down, else 1; a paused check has none.",
        lambda one: None if one.state == State.PAUSED else float(one.state != State.DOWN),
    ),
    (
        "heartbeat_check_paused",
        "1 while the check is paused, else there is none.",
        lambda one: 1.0 if one.state == State.PAUSED else None,
    ),
    (
        "heartbeat_check_last_success_timestamp_seconds",
        "When the check last succeeded.",
        lambda one: one.last_ok_at.timestamp() if one.last_ok_at else None,
    ),
    (
        "heartbeat_check_last_duration_seconds",
        "How long the run took that the newest ping ended, where it ended one.",
        lambda one: one.duration,
    ),
)
_DOWN = "heartbeat_check_down", "1 while the check is down, by cause, else there is none."


def exposition(db: Connection, metrics: Metrics, now: datetime, wanted: Format = Format.PLAIN) -> bytes:
    """Everything, as a scraper reads it."""
    downstairs = desk.standing(db)
    metrics.backlog.observe(now, check_store.next_due(db), downstairs)
    counts = check_store.count_by_state(db)
    shown = metrics.check_series
    left_out = shown.each and sum(counts.values()) > MAX_CHECKS
    vitals = queries.vitals(db, MAX_CHECKS, labels=bool(shown.labels)) if shown.each and not left_out else []
    families = [
        *metrics.registry.collect(),
        _database(True),
        *_standing(counts, downstairs),
        GaugeMetricFamily(
            "heartbeat_check_series_left_out",
            f"1 where there are more than {MAX_CHECKS} checks, so that none has series of its own.",
            left_out,
        ),
    ]
    return written(families, _of_each(vitals, shown), wanted)


def without_database(metrics: Metrics, wanted: Format = Format.PLAIN) -> bytes:
    """What the process knows by itself, as a scraper reads it."""
    return written([*metrics.registry.collect(), _database(False)], b"", wanted)


def _database(answers: bool) -> Metric:
    return GaugeMetricFamily("heartbeat_database_up", "Whether the database answered this scrape.", answers)


def _standing(counts: Mapping[State, int], downstairs: desk.Standing) -> Iterator[Metric]:
    checks = GaugeMetricFamily(
        "heartbeat_checks", "Checks by stored state; late ones count as up or new.", labels=["state"]
    )
    for state in STORED:
        checks.add_metric([state], counts.get(state, 0))
    yield checks
    yield GaugeMetricFamily(
        "heartbeat_incidents_open", "Incidents that are not resolved.", sum(downstairs.incidents.values())
    )


def _of_each(vitals: Sequence[Vital], shown: CheckSeries) -> bytes:
    """The series of single checks. Written out here: prometheus_client takes ten times as long over them, in which
    it holds up pings."""
    named = [(_named(one, shown), one) for one in vitals]
    lines: list[str] = []
    for name, meaning, value in _OF_EACH:
        lines += _head(name, meaning)
        lines += [
            f"{name}{{{labels}}} {told!r}\n" for labels, one in named if (told := value(one)) is not None
        ]
    name, meaning = _DOWN
    lines += _head(name, meaning)
    lines += [f'{name}{{{labels},cause="{one.cause}"}} 1.0\n' for labels, one in named if one.cause]
    return "".join(lines).encode()


def _head(name: str, meaning: str) -> Iterable[str]:
    return f"# HELP {name} {meaning}\n", f"# TYPE {name} gauge\n"


def _named(one: Vital, shown: CheckSeries) -> str:
    """The labels of one check's series. A check without one of the chosen labels has it empty, which is the same
    to Prometheus as not at all."""
    chosen = [f'{name}="{_escaped(one.labels.get(label, ""))}"' for name, label in shown.labels]
    return ",".join([f'check="{_escaped(one.slug)}"', *chosen])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
