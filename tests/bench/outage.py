"""Outages of real processes: of a service with 150 live jobs, and of all processes that take pings.

`OUTAGE` names what is measured:

- `live` (the default): the service is killed and starts again a minute later. Each job pings once a minute. Half of
  them try again every two seconds until they are answered, the others do not.
- `live-control`: the same, and the beats are deleted before the start, so that the service knows of no blindness.
- `gone`: of two processes on PostgreSQL, the one that takes pings is killed. The other one judges and pages.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from sqlalchemy import create_engine, text

from tests.bench.blindness import environment_of, filled
from tests.bench.databases import Bench
from tests.bench.figures import Figure
from tests.bench.processes import await_answer, free_port, running

JOBS, PERIOD = 150, 60.0
RETRY = 2.0
WARM, AWAY, AFTER = 35.0, 60.0, 100.0
"""Seconds before the service is killed, until it starts again, and after that."""
PATIENCE = 240.0
SERVE = ["heartbeat", "serve"]


def measure(bench: Bench, kind: str) -> Iterator[Figure]:
    """The figures of one kind of database."""
    for name in os.environ.get("OUTAGE", "live").split(","):
        if name != "gone":
            yield from _live(bench, kind, name)
        elif kind == "postgres":
            yield from _gone(bench, kind)


def _live(bench: Bench, kind: str, name: str) -> Iterator[Figure]:
    url, port = bench.fresh(kind), free_port()
    uuids = filled(url, JOBS)
    environment = environment_of(bench, url, port)

    def outage() -> None:
        with running(SERVE, environment) as process:
            await_answer(f"http://127.0.0.1:{port}/readyz")
            time.sleep(WARM)
            os.killpg(process, signal.SIGKILL)
            time.sleep(AWAY)
        if name.endswith("control"):
            _run(url, "DELETE FROM beats")
        with running(SERVE, environment):
            time.sleep(AFTER)

    asyncio.run(_pinged(port, uuids, outage))
    yield Figure(f"outage_{name}_silent", _count(url, "symptoms WHERE cause = 'silent'"), "jobs", most=1)
    yield Figure(f"outage_{name}_incidents", _count(url, "incidents WHERE cause <> 'blind'"), "incidents")
    yield Figure(f"outage_{name}_messages", _count(url, "attempts"), "messages", most=2)
    yield Figure(f"outage_{name}_unknown", _count(url, "transitions WHERE state = 'unknown'"), "jobs")


async def _pinged(port: int, uuids: list[str], outage: Callable[[], None]) -> None:
    """Let all jobs run while this happens."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5.0) as client:
        draw = random.Random(7)
        jobs = [
            asyncio.create_task(_job(client, uuid, PERIOD * draw.random(), retries=number % 2 == 0))
            for number, uuid in enumerate(uuids)
        ]
        await asyncio.to_thread(outage)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


async def _job(client: httpx.AsyncClient, uuid: str, offset: float, *, retries: bool) -> None:
    now = asyncio.get_running_loop().time
    await _ping(client, uuid, now() + PERIOD)
    slot = now() + offset
    while True:
        await asyncio.sleep(slot - now())
        slot += PERIOD
        await _ping(client, uuid, slot - RETRY if retries else now())


async def _ping(client: httpx.AsyncClient, uuid: str, until: float) -> None:
    """Try until it is answered, or until this time of the loop."""
    while True:
        if await _answered(client, uuid) or asyncio.get_running_loop().time() >= until:
            return
        await asyncio.sleep(RETRY)


async def _answered(client: httpx.AsyncClient, uuid: str) -> bool:
    try:
        return (await client.get(f"/ping/{uuid}")).is_success
    except httpx.HTTPError:
        return False


def _gone(bench: Bench, kind: str) -> Iterator[Figure]:
    url, port, other = bench.fresh(kind), free_port(), free_port()
    filled(url, JOBS)
    takes = environment_of(bench, url, port) | {"HEARTBEAT_ROLES": "api"}
    judges = environment_of(bench, url, other) | {"HEARTBEAT_ROLES": "checker,pager"}
    with running(SERVE, judges):
        with running(SERVE, takes) as process:
            await_answer(f"http://127.0.0.1:{port}/livez")
            await_answer(f"http://127.0.0.1:{other}/livez")
            time.sleep(10)
            os.killpg(process, signal.SIGKILL)
        yield Figure("outage_gone_told", _seconds_until(url, told=True), "s", most=200)
        yield Figure("outage_gone_silent", _count(url, "symptoms WHERE cause = 'silent'"), "jobs", most=1)
        with running(SERVE, takes):
            yield Figure("outage_gone_over", _seconds_until(url, told=False), "s", most=30)


def _seconds_until(url: str, *, told: bool) -> float:
    """Seconds until people are told, or until it is over."""
    began = time.monotonic()
    while bool(_count(url, "installation WHERE key = 'blindness told'")) is not told:
        if time.monotonic() - began > PATIENCE:
            return float("inf")
        time.sleep(0.5)
    return time.monotonic() - began


def _count(url: str, what: str) -> int:
    return int(_run(url, f"SELECT count(*) FROM {what}").scalar_one())


def _run(url: str, statement: str) -> Any:
    made = create_engine(url)
    with made.begin() as db:
        result = db.execute(text(statement))
        kept = result.freeze()() if result.returns_rows else result
    made.dispose()
    return kept
