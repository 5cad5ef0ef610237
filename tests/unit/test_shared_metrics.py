"""The metrics of several workers as those of one service."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import Gauge

from heartbeat import shared_metrics
from heartbeat.metrics import Metrics

WORKER = """
import sys
from heartbeat.metrics import Metrics
metrics = Metrics(roles=sys.argv[1:])
metrics.pings.heard.labels("heard").inc(20)
metrics.paging.under_way.set(len(sys.argv))
"""


def test_every_gauge_says_how_workers_become_one_value() -> None:
    gauges = [metric for metric in Metrics().registry._collector_to_names if isinstance(metric, Gauge)]
    assert {gauge._name for gauge in gauges if gauge._multiprocess_mode == "all"} == set()


def test_counters_are_summed_also_over_workers_that_have_ended(tmp_path: Path) -> None:
    workers = [_worked(tmp_path, *roles) for roles in (["api", "checker"], ["api"])]
    assert _samples(tmp_path, "heartbeat_pings_total")["heard"] == 40
    assert _samples(tmp_path, "heartbeat_role") == {"api": 1, "checker": 1}
    assert _samples(tmp_path, "heartbeat_sends_under_way") == {"": 5}
    assert _samples(tmp_path, "heartbeat_starts_total") == {"": 2}

    shared_metrics.forget(workers[0], tmp_path)
    assert _samples(tmp_path, "heartbeat_pings_total")["heard"] == 40
    assert _samples(tmp_path, "heartbeat_role") == {"api": 1}
    assert _samples(tmp_path, "heartbeat_sends_under_way") == {"": 2}


def _worked(place: Path, *roles: str) -> int:
    """Run a worker to its end, and return the number of its process."""
    environ = {**os.environ, shared_metrics.FOLDER: str(place)}
    with subprocess.Popen([sys.executable, "-c", WORKER, *roles], env=environ) as process:
        assert process.wait(60) == 0
        return process.pid


def _samples(place: Path, name: str) -> dict[str, float]:
    samples = [sample for family in shared_metrics.summed(place) for sample in family.samples]
    return {next(iter(sample.labels.values()), ""): sample.value for sample in samples if sample.name == name}
