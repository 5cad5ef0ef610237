"""2,000 incidents and their pages, sent by one process to a webhook that takes each at once.

The pages are due before the pager starts. The webhook is a process of its own, and each incident is one page: webhooks
have no digests. `one` is one person with one address; `many` are 2,000 people with an address each.

- `pages_per_s`: from the start of the pager until the last page is recorded as delivered.
- `page_cpu_ms`: processor time of the pager's process for each page, all that the process does included.
"""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta

import uvloop
from sqlalchemy import Text, cast, func, make_url, select, update

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.person import Contact, Person
from alerting.tables import pages
from heartbeat import app, installation
from heartbeat.checks.tables import checks
from heartbeat.database import Database, engine
from tests.bench import databases, processes, storm
from tests.bench.databases import Bench
from tests.bench.figures import Figure
from tests.bench.sweep import system

INCIDENTS = 2_000
PAGES_A_SECOND = 400.0
CPU_MS = 2.5
WAIT = timedelta(hours=1)
LONGEST = 120.0


def measure(bench: Bench, kind: str) -> Iterator[Figure]:
    """The figures of one kind of database."""
    app.calm_collector()
    port = processes.free_port()
    with processes.running(["tests.bench.endpoint", str(port)]):
        for name, people in (("one", 1), ("many", INCIDENTS)):
            url = bench.fresh(kind)
            uvloop.run(_prepare(url, port, people))
            seconds, spent = uvloop.run(_sent(url))
            yield Figure(f"pages_per_s_{name}_{kind}", INCIDENTS / seconds, "pages/s", least=PAGES_A_SECOND)
            yield Figure(f"page_cpu_ms_{name}_{kind}", spent / INCIDENTS * 1000, "ms", most=CPU_MS)


async def _prepare(url: str, port: int, people: int) -> None:
    """Let every check fall silent, and write the page of its incident."""
    address = f"http://127.0.0.1:{port}"
    team = [Person(f"p{n}", f"Person {n}", (Contact("webhook", f"{address}/{n}"),)) for n in range(people)]
    policies = [Policy(person.id, (Step((person.id,), WAIT),)) for person in team]
    made = engine(make_url(url), writing=True)
    with made.begin() as db:
        databases.fill(db, INCIDENTS, databases.now())
        storm.silence_hosts(db, INCIDENTS, databases.now())
        desk.install(db, team, policies, {})
        db.execute(update(checks).values(policy="p" + cast(checks.c.id % people, Text)))
        installation.remember(db, "gathering", 0)
    made.dispose()
    async with system(url, "checker") as (built, database, _):
        while await _count(database, "pending") < INCIDENTS:
            assert await built.ticker.tick()


async def _sent(url: str) -> tuple[float, float]:
    """Send everything; the seconds that it took, and those of them that the processor worked."""
    async with system(url, "pager") as (built, database, _):
        began, worked = time.perf_counter(), time.process_time()
        built.start()
        async with asyncio.timeout(LONGEST):
            while await _count(database, "delivered") < INCIDENTS:  # noqa: ASYNC110  # it can only be asked
                await asyncio.sleep(0.1)
        return time.perf_counter() - began, time.process_time() - worked


async def _count(database: Database, state: str) -> int:
    query = select(func.count()).where(pages.c.state == state)
    return await database.read(lambda db: db.execute(query).scalar_one())
