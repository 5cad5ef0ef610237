"""The checker with 1,000,000 checks: with nothing due, with 10,000 due at once, and until the first phone rings.

All through the system as `app.build` puts it together, with gathering time 0.

- `sweep_idle_ms`: one tick of the role checker when nothing is due, with the three questions for the next due
  times that follow it: the durations of all statements as PostgreSQL tells them (parsing, planning and
  executing, BEGIN and COMMIT), the median of the ticks.
- `sweep_10k_s`: one tick of the role checker, from its start until the last intent to page is committed.
- `first_page_s`: one tick of all roles, from its start until the first notice is handed to its notifier.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from sqlalchemy import event, make_url

from alerting import courier, escalator
from alerting.notice import Notice
from alerting.notifiers.console import Console
from alerting.notifiers.contract import Accepted, Contact, Outcome
from heartbeat import app, notifier_clients
from heartbeat.checks import blindness_store
from heartbeat.checks import store as check_store
from heartbeat.clock import WallClock
from heartbeat.database import Database, engine
from heartbeat.settings import Settings
from heartbeat.ticker import HOLDING_SLEEP
from tests.bench import databases, storm
from tests.bench.databases import Bench
from tests.bench.figures import Figure

CHECKS = 1_000_000
IDLE_TICKS = 200
TIMES = 3
IDLE_MS = 1.0
STORM_S = 1.5
FIRST_PAGE_S = 0.5
LONGEST = 60.0
"""Seconds for a storm to come to its end, or the figures mean nothing."""
SETTINGS = Settings(data_dir=Path("none"), admin_key="a" * 32, secret_key="s" * 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone(Console):
    """Takes every page at once, and says when the first came, and when each did."""

    rang: "asyncio.Future[float]"
    messages: list[float] = field(default_factory=list)

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Note the time."""
        self.messages.append(time.perf_counter())
        if not self.rang.done():
            self.rang.set_result(self.messages[0])
        return Accepted()


def measure(bench: Bench, kind: str) -> Iterator[Figure]:
    """The figures of one kind of database."""
    url = bench.fresh(kind)
    databases.filled(bench, url, CHECKS)
    app.calm_collector()
    idle = uvloop.run(_idle(url))
    yield Figure(f"sweep_idle_ms_{kind}", median(idle), "ms", most=IDLE_MS, spread=_spread(idle))
    for name, group, most in (
        ("sweep_10k_s", storm.ALONE, STORM_S),
        ("sweep_10k_grouped_s", storm.BY_HOST, None),
    ):
        took = [_stormy(url, group, _swept) for _ in range(TIMES)]
        yield Figure(f"{name}_{kind}", median(took), "s", most=most, spread=_spread(took))
    took = [_stormy(url, storm.ALONE, _first_page) for _ in range(TIMES)]
    yield Figure(f"first_page_s_{kind}", median(took), "s", most=FIRST_PAGE_S, spread=_spread(took))
    took = [_stormy(url, storm.ALONE, _all_intended) for _ in range(TIMES)]
    yield Figure(f"sweep_10k_while_sending_s_{kind}", median(took), "s", spread=_spread(took))


@contextlib.asynccontextmanager
async def system(url: str, *roles: str) -> AsyncIterator[tuple[app.System, Database, Phone]]:
    """The system as it is put together for these roles, its database, and the one phone it pages."""
    database = Database(url)
    phone = Phone(rang=asyncio.get_running_loop().create_future())
    settings = replace(SETTINGS, roles=frozenset(roles))
    async with notifier_clients.client_for_own(settings) as http:
        built = app.build(
            settings, database=database, clock=WallClock(), http=http, notifiers={"console": phone}
        )
        try:
            yield built, database, phone
        finally:
            await built.stop()
            database.close()


async def _idle(url: str) -> list[float]:
    told = make_url(url).update_query_dict({"options": "-c client_min_messages=log -c log_duration=on"})
    spent: list[float] = []
    async with system(url, "checker") as (built, *_):
        await _settled(built)
    async with system(told.render_as_string(hide_password=False), "checker") as (built, database, _):
        event.listen(database.writer, "connect", partial(_listen, spent))
        for _ in range(IDLE_TICKS + 1):
            spent.append(0.0)
            assert await built.ticker.tick()
            await database.read(lambda db: [room.next_due(db) for room in (check_store, escalator, courier)])
    return spent[1:]


async def _settled(built: app.System) -> None:
    """Tick until all times were looked at once, which a database that no process has served needs."""
    while await built.ticker.tick() and built.guard.holding:  # noqa: ASYNC110  # it can only be asked
        await asyncio.sleep(HOLDING_SLEEP)


def _listen(spent: list[float], connection: Any, _record: Any) -> None:
    """Add up what the server says of each step ("duration: 0.123 ms")."""

    def heard(notice: Any) -> None:
        spent[-1] += float(notice.message_primary.split()[1])

    connection.add_notice_handler(heard)


def _stormy(url: str, group: str, work: Callable[[str], Coroutine[Any, Any, float]]) -> float:
    made = engine(make_url(url), writing=True)
    storm.calm(made)
    with made.begin() as db:
        # Nobody beats between the systems that are measured, and yet no ping was lost.
        blindness_store.forget_beats(db)
        blindness_store.forget_old(db, databases.now() + timedelta(days=1000))
        storm.gather(db, group, databases.now())
    made.dispose()

    async def bounded() -> float:
        async with asyncio.timeout(LONGEST):
            return await work(url)

    return uvloop.run(bounded())


async def _swept(url: str) -> float:
    async with system(url, "checker") as (built, database, _):
        began = time.perf_counter()
        assert await built.ticker.tick()
        took = time.perf_counter() - began
        judged, unpaged = await database.read(storm.outcome)
    assert (judged, unpaged) == (storm.MANY, 0), f"{judged} checks judged, {unpaged} incidents without a page"
    return took


async def _first_page(url: str) -> float:
    async with system(url, "checker", "pager") as (built, _, phone):
        began = time.perf_counter()
        ticking = asyncio.create_task(built.ticker.tick())
        rang = await phone.rang
        ticking.cancel()
        await asyncio.wait([ticking])
    return rang - began


async def _all_intended(url: str) -> float:
    """As `_swept`, with the courier sending meanwhile in the same process."""
    async with system(url, "checker", "pager") as (built, database, _):
        began = time.perf_counter()
        ticking = asyncio.create_task(built.ticker.tick())
        while await database.read(storm.outcome) != (storm.MANY, 0):  # noqa: ASYNC110  # it can only be asked
            await asyncio.sleep(0.02)
        took = time.perf_counter() - began
        ticking.cancel()
        await asyncio.wait([ticking])
    return took


def _spread(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)
