"""The metrics of several processes of one machine, summed up in the scrape of any of them.

prometheus_client keeps them in files of one folder, which the environment names, and sums those of processes that have
ended too: a counter never goes down. Source: https://prometheus.github.io/client_python/multiprocess/.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder. prometheus_client reads it when it is imported."""

_LIVE = "gauge_livemax_*.db"
"""The files that there are for each process that lives."""
_COMBINED: Mapping[str, Callable[[Iterable[float]], float]] = {
    "process_start_time_seconds": min,
    "process_max_fds": min,
}
"""How values of several processes become one. All others are summed."""


def folder() -> Path | None:
    """Return the folder of the metrics of several processes, or None if this process serves alone."""
    named = os.environ.get(FOLDER)
    return Path(named) if named else None


def summed(place: Path) -> Iterable[Metric]:
    """Return the metrics of all processes, and those about the processes themselves."""
    yield from MultiProcessCollector(None, str(place)).collect()  # type: ignore[no-untyped-call]  # untyped upstream
    processes = [os.getppid(), *(int(file.stem.rpartition("_")[2]) for file in place.glob(_LIVE))]
    yield from _together([_of(process) for process in processes], _seconds_of_ended(os.getppid()))


def forget(process: int, place: Path) -> None:
    """Leave out a process that has ended from everything that only living ones have."""
    mark_process_dead(process, str(place))  # type: ignore[no-untyped-call]  # untyped upstream


def _of(process: int) -> list[Metric]:
    return list(ProcessCollector(pid=lambda: process, registry=None).collect())


def _together(each: Iterable[Iterable[Metric]], ended: float) -> Iterable[Metric]:
    """Return one family for each name. `ended` are the seconds that processes used which have ended."""
    values: dict[str, list[float]] = defaultdict(list)
    families: dict[str, Metric] = {}
    for metrics in each:
        for family in metrics:
            families[family.name] = family
            values[family.name] += [sample.value for sample in family.samples]
    for name, family in families.items():
        value = _COMBINED.get(name, sum)(values[name])
        if family.type == "counter":
            yield CounterMetricFamily(name, family.documentation, value + ended)
        else:
            yield GaugeMetricFamily(name, family.documentation, value)


def _seconds_of_ended(parent: int) -> float:
    """Return the seconds of processor time that the ended children of a process used. Source: proc_pid_stat(5)."""
    try:
        fields = (
            Path(f"/proc/{parent}/stat")
            .read_text(encoding="ascii", errors="replace")
            .rpartition(")")[2]
            .split()
        )
    except OSError:
        return 0.0
    # cutime and cstime, the 16th and the 17th field; the first two stand before the bracket.
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
