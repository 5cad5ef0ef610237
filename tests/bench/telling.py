"""Hosts that fall silent at once, and one person: until the first message, until every incident is told.

Through the system as `app.build` puts it together, with the gathering time of a fresh installation.

- `storm_N_first_s`: from the start of the tick that finds N hosts silent until the first message.
- `storm_N_told_s`: until the last message. Each incident is then in one of them.
- `storm_N_messages`: how many messages the person got.
"""

import asyncio
import time
from collections.abc import Iterator

import uvloop
from sqlalchemy import func, make_url, select

from alerting.tables import pages
from heartbeat import app
from heartbeat.database import Database, engine
from tests.bench import databases, storm
from tests.bench.databases import Bench
from tests.bench.figures import Figure
from tests.bench.sweep import system

HOSTS = {"2k": 2_000, "100k": 100_000}
FIRST_S = 5.0
TOLD_S = 60.0
MESSAGES = 3
LONGEST = 300.0


def measure(bench: Bench, kind: str) -> Iterator[Figure]:
    """The figures of one kind of database."""
    app.calm_collector()
    for name, hosts in HOSTS.items():
        url = bench.fresh(kind)
        made = engine(make_url(url), writing=True)
        with made.begin() as db:
            databases.fill(db, hosts, databases.now())
            storm.silence_hosts(db, hosts, databases.now())
        made.dispose()
        began, messages = uvloop.run(_told(url, hosts))
        yield Figure(f"storm_{name}_first_s_{kind}", messages[0] - began, "s", most=FIRST_S)
        yield Figure(f"storm_{name}_told_s_{kind}", messages[-1] - began, "s", most=TOLD_S)
        yield Figure(f"storm_{name}_messages_{kind}", len(messages), "messages", most=MESSAGES)


async def _told(url: str, hosts: int) -> tuple[float, list[float]]:
    """The start, and the time of each message, once all incidents are told."""
    async with system(url, "checker", "pager") as (built, database, phone):
        began = time.perf_counter()
        ticking = asyncio.create_task(built.ticker.run())
        async with asyncio.timeout(LONGEST):
            while await _delivered(database) < hosts:  # noqa: ASYNC110  # it can only be asked
                await asyncio.sleep(1.0)
        built.ticker.stop()
        await ticking
    return began, phone.messages


async def _delivered(database: Database) -> int:
    query = select(func.count()).where(pages.c.state == "delivered")
    return await database.read(lambda db: db.execute(query).scalar_one())
