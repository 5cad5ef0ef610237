"""Every screen of the console with 100,000 checks, on a calm day and on a bad one; the pages and lists beside it.

`heartbeat serve` has only the role api, so that nothing else is measured.

- `screen_100k_ms`: the slowest screen, the median of its times. 20 checks are down, none is late.
- `screen_100k_late_ms`: the same with 15,000 late checks, most with a cron line, and 2,000 open incidents.
- `..._first_ms`: the same for the first view after a change, which counts and reads anew what readers share.
- `..._cpu_ms`: the most processor time that a screen takes, in the process that serves it and in PostgreSQL.

The times of all screens are printed as they come.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from operator import attrgetter
from statistics import mean, median

import httpx
import psutil
import uvloop
from sqlalchemy import make_url

from heartbeat import app
from heartbeat.database import engine
from tests.bench import databases, estate, serving
from tests.bench.databases import Bench
from tests.bench.figures import Figure
from tests.bench.sweep import system

BAR_MS = 150.0
TIMES = 2
CALM, BAD = (20, 0), (2_000, 15_000)
"""The hosts with a check that is down, each with an open incident, and the late checks."""
KEY = "k" * 32
PAGE = {
    "title": "Example status",
    "components": [
        {"name": "Backups", "match": {"service": "backup"}},
        {"name": "Europe", "match": {"region": "eu-0"}},
    ],
}
CHANGED = "/v1/checks/host-3999-prune-2"
SCREENS = {
    "overview": "/",
    "checks": "/checks",
    "checks, page 3": "/checks?page=3",
    "checks, last page": "/checks?page=2000",
    "checks that are up": "/checks?state=up&page=100",
    "late checks": "/checks?state=late",
    "late checks, page 200": "/checks?state=late&page=200",
    "paused checks": "/checks?state=paused",
    "checks of a host": "/checks?label=host%3Dhost-0100",
    "checks of an environment": "/checks?label=env%3Dproduction",
    "late checks of a team": "/checks?label=team%3Dteam-7&state=late",
    "search, rare": "/checks?q=host-0100",
    "search, common": "/checks?q=backup",
    "search, two words": "/checks?q=backup+eu-1",
    "search, no match": "/checks?q=nowhere",
    "a check": "/checks/host-1000-backup-1",
    "a check that is down": "/checks/host-0001-backup-1",
    "form of a check": "/checks/host-1000-backup-1/edit",
    "new check": "/new",
    "deleting a check": "/checks/host-1000-backup-1/delete",
    "pausing a check": "/checks/host-1000-backup-1/pause",
    "unexpected pings": "/unexpected-pings",
    "incidents": "/incidents",
    "incidents, page 20": "/incidents?page=20",
    "an incident": "/incidents/7",
    "resolving an incident": "/incidents/7/resolve",
    "announcing an incident": "/incidents/7/announce",
    "maintenance": "/maintenance",
    "a maintenance window": "/maintenance/1",
    "new maintenance": "/maintenance/new",
    "maintenance of a region": "/maintenance/new?label=region%3Deu-0",
    "on call": "/on-call",
    "a person": "/on-call/people/first",
    "a policy": "/on-call/policies/ops",
    "all checks of a policy": "/on-call/policies/ops?checks=all",
    "status pages": "/status-pages",
    "writing an announcement": "/status-pages/public/write",
    "audit log": "/audit",
    "audit log of a check": "/audit?target=check+host-1000-backup-1",
    "users": "/users",
    "keys": "/keys",
    "account": "/account",
}
SIBLINGS = {
    "status page": "/status/public/",
    "metrics": "/metrics",
    "API overview": "/v1/overview",
    "API checks": "/v1/checks?limit=200",
    "API late checks": "/v1/checks?state=late&limit=200",
    "API incidents": "/v1/incidents",
    "API maintenance": "/v1/maintenance",
    "API audit": "/v1/audit",
}


@dataclass(frozen=True, slots=True)
class Viewed:
    """The times of one screen in ms: on the clock (medians), and of the processors (means).

    `first` are those of the first view after a change.
    """

    name: str
    ms: float
    cpu_ms: float
    first_ms: float
    first_cpu_ms: float


def measure(bench: Bench, kind: str) -> Iterator[Figure]:
    """The figures of one kind of database."""
    app.calm_collector()
    url = bench.fresh(kind)
    made = engine(make_url(url), writing=True)
    with made.begin() as db:
        estate.build(db, databases.now())
    made.dispose()
    for name, (hosts, late) in {"screen_100k": CALM, "screen_100k_late": BAD}.items():
        _happen(url, hosts, late)
        with serving.heartbeat(bench, url, roles="api", admin_key=KEY, secret_key=KEY) as served:
            viewed = _look(served, partial(bench.processes, kind))
        for each in sorted(viewed, key=lambda each: -each.first_ms):
            print(
                f"  {each.ms:6.0f} ms {each.cpu_ms:6.0f} ms CPU, at first "
                f"{each.first_ms:6.0f} ms {each.first_cpu_ms:6.0f} ms CPU  {each.name}",
                file=sys.stderr,
            )
        for kept, most in (("ms", BAR_MS), ("cpu_ms", None), ("first_ms", None), ("first_cpu_ms", None)):
            worst = max(viewed, key=attrgetter(kept))
            print(f"{name}_{kept}_{kind}: {worst.name}", file=sys.stderr)
            yield Figure(f"{name}_{kept}_{kind}", getattr(worst, kept), "ms", most=most)


def _happen(url: str, hosts: int, late: int) -> None:
    """Let checks fall silent, open their incidents by one tick, and let others be late."""
    made = engine(make_url(url), writing=True)
    with made.begin() as db:
        estate.silence(db, hosts, databases.now())
    made.dispose()
    uvloop.run(_tick(url))
    made = engine(make_url(url), writing=True)
    with made.begin() as db:
        estate.delay(db, late, databases.now())
        estate.settle(db)
        assert estate.down(db) == hosts
    made.dispose()


async def _tick(url: str) -> None:
    async with system(url, "checker") as (built, _, _):
        assert await built.ticker.tick()


def _look(served: serving.Served, database: Callable[[], list[psutil.Process]]) -> list[Viewed]:
    def processes() -> list[psutil.Process]:
        return [psutil.Process(served.pid), *database()]

    address = f"http://127.0.0.1:{served.port}"
    key = {"Authorization": f"Bearer {KEY}"}
    with (
        httpx.Client(base_url=address, timeout=60) as browser,
        httpx.Client(base_url=address, timeout=60, headers=key) as program,
    ):
        assert browser.post("/sign-in", data={"key": KEY}).status_code == HTTPStatus.SEE_OTHER
        assert program.put("/v1/status-pages/public", json=PAGE).is_success
        paths = [(browser, *each) for each in SCREENS.items()]
        paths += [(program, *each) for each in SIBLINGS.items()]
        viewed = [_viewed(program, processes, *each) for each in paths]
    return [each for each in viewed if each is not None]


def _viewed(
    program: httpx.Client,
    processes: Callable[[], list[psutil.Process]],
    visitor: httpx.Client,
    name: str,
    path: str,
) -> Viewed | None:
    """Return the times of a screen; None if there is no such part of a list."""
    times: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for change in ("pause", "resume") * TIMES:
        assert program.post(f"{CHANGED}/{change}").is_success
        for first in (True, False):
            before, began = _busy(processes()), time.perf_counter()
            answer = visitor.get(path)
            took = time.perf_counter() - began
            times[first].append((took * 1_000, (_busy(processes()) - before) * 1_000))
            if answer.status_code == HTTPStatus.NOT_FOUND and "page=" in path:
                return None
            assert answer.status_code == HTTPStatus.OK, f"{path}: {answer.status_code}"
    (again, again_cpu), (at_first, first_cpu) = (zip(*times[first], strict=True) for first in (False, True))
    return Viewed(name, median(again), mean(again_cpu), median(at_first), mean(first_cpu))


def _busy(processes: Iterable[psutil.Process]) -> float:
    """Return the processor time of processes in seconds, with that of their children that have ended."""
    spent = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            spent += sum(process.cpu_times()[:4])
    return spent
