"""Servers to measure: heartbeat as it is really served, and the naive one."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import processes
from tests.bench.databases import Bench


@dataclass(frozen=True, slots=True)
class Served:
    """A process that serves."""

    port: int
    pid: int


@contextlib.contextmanager
def heartbeat(
    bench: Bench,
    url: str,
    configuration: Path | None = None,
    *,
    workers: int = 1,
    data: Path | None = None,
    **settings: str,
) -> Iterator[Served]:
    """`heartbeat serve` on this database, with all roles unless `settings` name some."""
    port = processes.free_port()
    environment = {
        "HEARTBEAT_PORT": str(port),
        "HEARTBEAT_DATABASE_URL": url,
        "HEARTBEAT_DATA_DIR": str(data or bench.home / f"data-{port}"),
        "HEARTBEAT_CONFIG": str(configuration or bench.home / "none.yaml"),
        "HEARTBEAT_LOG_LEVEL": "ERROR",
        **{f"HEARTBEAT_{name.upper()}": value for name, value in settings.items()},
    }
    with processes.running(["heartbeat", "serve", "--workers", str(workers)], environment) as pid:
        processes.await_answer(f"http://127.0.0.1:{port}/readyz")
        yield Served(port, pid)


@contextlib.contextmanager
def naive(url: str) -> Iterator[int]:
    """The naive application on this database; its port."""
    port = processes.free_port()
    served = ["uvicorn", "--factory", "tests.bench.naive:app", "--port", str(port), "--no-access-log"]
    with processes.running([*served, "--log-level", "error"], {"NAIVE_DATABASE_URL": url}):
        processes.await_answer(f"http://127.0.0.1:{port}/livez")
        yield port
