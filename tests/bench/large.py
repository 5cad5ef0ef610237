"""A configuration file of 100,000 checks, and the process that serves it.

- `apply_100k_s`, `plan_100k_s`: `heartbeat apply` into an empty database, then `heartbeat plan`, which finds nothing
  to change.
- `ready_100k_s`: from the start of `heartbeat serve`, which has served this file before, until it is ready.
- `idle_100k_cpu`: its processor time within the first minute, of one core. Nothing happens.
- `rss_100k_mb`: its resident set at its highest, after each check has been pinged.
"""

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from sqlalchemy import make_url, select

from heartbeat.checks.tables import checks
from heartbeat.database import engine
from tests.bench import load, serving
from tests.bench.databases import Bench
from tests.bench.figures import Figure
from tests.bench.processes import ROOT

CHECKS = 100_000
APPLY_S = 30.0
READY_S = 3.0
IDLE_PERCENT = 2.0
MOST_MB = 250.0
MINUTE = 60.0
LONGEST = 60.0
TOP = """\
people: {first: {name: First responder, contacts: [{console: terminal}]}}
policies: {ops: [{page: first, wait: 5m}]}
status_pages: {public: {title: Example status, components: [{name: Jobs, match: {region: us}}]}}
checks:
"""
ENTRY = "  job-{0}: {{every: 1d, grace: 1h, name: Nightly job {0}, labels: {{host: host-{0}, region: us}}}}\n"


def measure(bench: Bench, kind: str) -> Iterator[Figure]:
    """The figures of one kind of database."""
    file, data, url = bench.home / "large.yaml", bench.home / f"large-{kind}", bench.fresh(kind)
    file.write_text(TOP + "".join(ENTRY.format(number) for number in range(1, CHECKS + 1)))
    environment = {
        "HEARTBEAT_CONFIG": str(file),
        "HEARTBEAT_DATABASE_URL": url,
        "HEARTBEAT_DATA_DIR": str(data),
    }
    yield Figure(f"apply_100k_s_{kind}", _took("apply", environment), "s", most=APPLY_S)
    yield Figure(f"plan_100k_s_{kind}", _took("plan", environment), "s", most=APPLY_S)
    with serving.heartbeat(bench, url, file, data=data):
        pass
    began = time.perf_counter()
    with serving.heartbeat(bench, url, file, data=data) as served:
        yield Figure(f"ready_100k_s_{kind}", time.perf_counter() - began, "s", most=READY_S)
        process = psutil.Process(served.pid)
        spent = _spent(process)
        time.sleep(MINUTE)
        yield Figure(
            f"idle_100k_cpu_{kind}", 100 * (_spent(process) - spent) / MINUTE, "%", most=IDLE_PERCENT
        )
        _ping_all(served.port, _paths(bench, url))
        yield Figure(f"rss_100k_mb_{kind}", _highest(served.pid) / 1e6, "MB", most=MOST_MB)


def _took(command: str, environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "heartbeat", command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _paths(bench: Bench, url: str) -> Path:
    reader = engine(make_url(url), writing=False)
    with reader.connect() as db:
        uuids = db.execute(select(checks.c.uuid)).scalars().all()
    reader.dispose()
    paths = bench.home / "large-paths"
    paths.write_text("".join(f"/ping/{uuid}\n" for uuid in uuids))
    return paths


def _ping_all(port: int, paths: Path) -> None:
    rate = load.full(port, paths, 2).rate
    load.full(port, paths, min(math.ceil(1.2 * CHECKS / rate), LONGEST))


def _highest(pid: int) -> int:
    """Return the bytes of the resident set at its highest. Linux only."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])
