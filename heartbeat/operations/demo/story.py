"""The story of the replay: what happens when, and what people do about it."""

import asyncio
from datetime import datetime
from pathlib import Path

from alerting import desk, times
from heartbeat.database import Database
from heartbeat.operations.demo import cast
from heartbeat.operations.demo.screen import Screen
from heartbeat.operations.demo.stage import Stage


async def replay(database: Database, home: Path, screen: Screen) -> None:
    """Replay the story on an empty database, with files in `home`."""
    stage = Stage(database, home, screen)
    await stage.begin()
    stage.run_jobs()
    for chapter in (_silence, _useless_run, _repair, _flood, _blind_quarter, _end):
        await chapter(stage)
    await stage.end()


async def _silence(stage: Stage) -> None:
    stage.tell("Each hour, eleven housekeeping jobs run on a server in the US and eleven in Europe.")
    await stage.until("02:59")
    stage.tell("The US server stops running four of them, the CPU reset among them. No error is reported.")
    stage.alive -= set(cast.US_STOPPING)
    await stage.until("03:24")
    stage.tell("Anna sleeps. The page climbs to Ben.")
    await stage.until("03:31")
    stage.tell("Ben wakes up and acknowledges.")
    await stage.acknowledge(cast.BEN)
    await stage.until("04:35")
    stage.tell("He reboots the server, a day earlier than without heartbeat. The jobs return one by one.")
    stage.says[cast.RESET] = cast.reset(0, 18_211)
    for slug in cast.US_STOPPING:
        await stage.ping(slug)
        await asyncio.sleep(9)
    stage.alive |= set(cast.US_STOPPING)


async def _useless_run(stage: Stage) -> None:
    await stage.until("04:50")
    stage.tell("Now the CPU reset runs, reports success and changes nothing: too many accounts are overdue.")
    stage.says[cast.RESET] = cast.reset(0, 18_218)
    await stage.until("05:30")
    stage.says[cast.RESET] = cast.reset(0, cast.ACCOUNTS)
    await stage.until("06:04")
    await stage.acknowledge(cast.ANNA)


async def _repair(stage: Stage) -> None:
    await stage.until("11:58")
    stage.tell(
        "Anna begins the repair: one long run that takes account by account, and reports how far it is."
    )
    stage.alive.discard(cast.RESET)
    await stage.until("12:00")
    stage.repair()


async def _flood(stage: Stage) -> None:
    await stage.until("17:10")
    stage.tell("An attack floods the load balancers. This is another trouble.")
    stage.alive.discard(cast.EDGE)
    await stage.ping(cast.EDGE, "/fail", b"answers take 4 200 ms")
    await stage.until("17:14")
    await stage.acknowledge(cast.ANNA)
    good, bad = await stage.flood()
    stage.tell(
        f"heartbeat gets its share: it refuses {bad:,} bad pings, and stores the {good} good ones among them."
    )
    await stage.until("17:46")
    stage.tell("Customers suspect one cause behind both. The status page keeps them apart:")
    await stage.publish()
    await _show_status_page(stage)
    await stage.until("18:20")
    stage.alive.add(cast.EDGE)
    await stage.ping(cast.EDGE)
    await stage.until("18:25")


async def _blind_quarter(stage: Stage) -> None:
    await stage.until("01:02", days=1)
    stage.beat()
    await stage.until("01:03", days=1)
    stage.tell(
        "heartbeat itself loses power for a quarter of an hour. The mail queue in Europe dies meanwhile."
    )
    await asyncio.sleep(10)
    await stage.lose_power()
    stage.alive.discard(cast.DYING)
    await stage.until("01:18", days=1)
    await asyncio.sleep(10)
    await stage.begin()
    stage.beat()
    await stage.until("01:21", days=1)
    stage.tell(
        f"It is back. {await stage.unknown()} checks are unknown: their pings were lost, and nobody is paged."
    )
    await stage.until("01:49", days=1)
    stage.tell("The dead job misses its next run too, and that pages.")
    await stage.until("01:54", days=1)
    await stage.acknowledge(cast.ANNA)
    stage.alive.add(cast.DYING)
    await stage.ping(cast.DYING)


async def _end(stage: Stage) -> None:
    await stage.until("01:59", days=1)
    stage.tell("After fourteen hours the repair is done.")
    await stage.until("02:04", days=1)
    silent, useless, *_ = reversed(await stage.read(desk.incidents))
    stage.tell("The useless run as a draft of its post-mortem:")
    stage.screen.text(await stage.postmortem(useless.id))
    _compare(stage, silent.id, useless.ended_at)


def _compare(stage: Stage, silent: int, ended_at: datetime | None) -> None:
    reached = (stage.phones.paged_at[silent][0], stage.acknowledged_at[silent], ended_at)
    rows = [("", "with heartbeat", "without")]
    for measure, at, without in zip(("detect", "acknowledge", "resolve"), reached, cast.WITHOUT, strict=True):
        took = times.duration(at - cast.SILENT_AT) if at else "never"
        rows.append((f"time to {measure}", took, times.duration(without)))
    stage.screen.table(rows)


async def _show_status_page(stage: Stage) -> None:
    page = await stage.status_page()
    lines = [
        page.headline,
        *(f"{row.name}: {said}" for row in page.rows if (said := page.progress_of(row.component))),
    ]
    for announcement in page.open:
        newest = announcement.updates[0]
        lines += ["", announcement.title, f"{newest.status.value.capitalize()}: {newest.body}"]
        lines += [f"Not related to: {title}" for title in page.unrelated()[announcement.id].values()]
    stage.screen.frame(page.home, lines)
