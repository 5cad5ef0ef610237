"""The metrics of one scrape: the service's own, its backlog, and the state of each check.

Each scrape reads the database once, with a limit. Nothing is cached between scrapes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from sqlalchemy import Connection

from alerting import desk, rotation
from heartbeat import installation
from heartbeat.checks import canary, maintenance_store
from heartbeat.checks import store as check_store
from heartbeat.checks.check import State
from heartbeat.checks.maintenance import Kind
from heartbeat.http.prometheus import queries
from heartbeat.http.prometheus.queries import CheckSample
from heartbeat.http.prometheus.text import Format, encode
from heartbeat.metrics import CheckSeries, Metrics
from heartbeat.pings import unexpected_store

STORED = tuple(state for state in State if state is not State.LATE)
MAX_CHECKS = 10_000
"""With more checks than this, single checks have no series: they would be too many for the scraper."""

_NEITHER = (State.PAUSED, State.UNKNOWN)
"""The states in which a check is neither up nor down."""

Value = Callable[[CheckSample], float | None]
_GAUGES: tuple[tuple[str, str, Value], ...] = (
    (
        "heartbeat_check_up",
        "0 while the check is down, else 1. A paused check has no series, nor has one that is unknown.",
        lambda check: None if check.state in _NEITHER else float(check.state != State.DOWN),
    ),
    (
        "heartbeat_check_unknown",
        "1 while the check was not heard since a time in which no ping could be heard, else no series.",
        lambda check: 1.0 if check.state == State.UNKNOWN else None,
    ),
    (
        "heartbeat_check_paused",
        "1 while the check is paused, else no series.",
        lambda check: 1.0 if check.state == State.PAUSED else None,
    ),
    (
        "heartbeat_check_last_success_timestamp_seconds",
        "Time of the last success.",
        lambda check: check.last_ok_at.timestamp() if check.last_ok_at else None,
    ),
    (
        "heartbeat_check_last_duration_seconds",
        "Duration of the run that the newest ping ended, if it ended one.",
        lambda check: check.duration,
    ),
)
_DOWN = "heartbeat_check_down", "1 while the check is down, by cause, else no series."


def exposition(db: Connection, metrics: Metrics, now: datetime, text_format: Format = Format.PLAIN) -> bytes:
    """Return all metrics as text."""
    incident_counts = desk.workload(db)
    metrics.backlog.observe(now, check_store.next_due(db), incident_counts, unexpected_store.count(db))
    silences = [window for window in maintenance_store.standing(db, now) if window.kind is Kind.SILENCE]
    metrics.backlog.observe_silences(now, [silence.starts_at for silence in silences])
    of_service = canary.load(db)
    metrics.canary.age.set(of_service.age(now).total_seconds() if of_service else 0)
    counts = check_store.count_by_state(db)
    options = metrics.check_series
    left_out = options.each and sum(counts.values()) > MAX_CHECKS
    with_series = options.each and not left_out
    samples = queries.samples(db, MAX_CHECKS, labels=bool(options.labels)) if with_series else []
    families = [
        *metrics.collect(),
        _database(True),
        *_counts(counts, incident_counts),
        _peers(db),
        _on_call(db, now),
        GaugeMetricFamily(
            "heartbeat_check_series_left_out",
            f"1 if there are more than {MAX_CHECKS} checks, so that single checks have no series.",
            left_out,
        ),
    ]
    return encode(families, _check_series(samples, options), text_format)


def _peers(db: Connection) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "heartbeat_peer_up", "1 if the peer was heard in time, else 0.", labels=["peer"]
    )
    peers = installation.peers(db)
    for check in check_store.listed(db, limit=len(peers), slugs=peers) if peers else ():
        family.add_metric([check.slug], check.state == State.UP)
    return family


def _on_call(db: Connection, now: datetime) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "heartbeat_on_call",
        "1 for each person who is on call in a rotation, 0 with an empty person if nobody is.",
        labels=["rotation", "person"],
    )
    for name, one in desk.crew_of_rotations(db).rotations.items():
        people = rotation.on_call(one, now)
        for person in people or ("",):
            family.add_metric([name, person], bool(people))
    return family


def without_database(metrics: Metrics, text_format: Format = Format.PLAIN) -> bytes:
    """Return the metrics of the process itself as text."""
    return encode([*metrics.collect(), _database(False)], b"", text_format)


def _database(answers: bool) -> Metric:
    return GaugeMetricFamily(
        "heartbeat_database_up", "1 if the database answered this scrape, else 0.", answers
    )


def _counts(counts: Mapping[State, int], incident_counts: desk.Workload) -> Iterator[Metric]:
    checks = GaugeMetricFamily(
        "heartbeat_checks", "Checks by stored state. Late checks count as up or new.", labels=["state"]
    )
    for state in STORED:
        checks.add_metric([state], counts.get(state, 0))
    yield checks
    yield GaugeMetricFamily(
        "heartbeat_incidents_open",
        "Incidents that are not resolved.",
        sum(incident_counts.incidents.values()),
    )


def _check_series(samples: Sequence[CheckSample], options: CheckSeries) -> bytes:
    """Return the series of single checks. prometheus_client would take ten times as long and delay pings."""
    labelled = [(_labels(check, options), check) for check in samples]
    lines: list[str] = []
    for name, meaning, value_of in _GAUGES:
        lines += _head(name, meaning)
        lines += [
            f"{name}{{{labels}}} {value!r}\n"
            for labels, check in labelled
            if (value := value_of(check)) is not None
        ]
    name, meaning = _DOWN
    lines += _head(name, meaning)
    lines += [f'{name}{{{labels},cause="{check.cause}"}} 1.0\n' for labels, check in labelled if check.cause]
    return "".join(lines).encode()


def _head(name: str, meaning: str) -> Iterable[str]:
    return f"# HELP {name} {meaning}\n", f"# TYPE {name} gauge\n"


def _labels(check: CheckSample, options: CheckSeries) -> str:
    """Return the labels of a check's series. A label that the check lacks is empty: to Prometheus the same as none."""
    chosen = [f'{name}="{_escaped(check.labels.get(label, ""))}"' for name, label in options.labels]
    return ",".join([f'check="{_escaped(check.slug)}"', *chosen])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
