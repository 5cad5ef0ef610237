"""The stage of the replay: the running system, the jobs that ping it, and the people who answer it."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
from sqlalchemy import Connection

from alerting import desk
from heartbeat import app
from heartbeat.actor import Actor, Role
from heartbeat.database import Database
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions import store as definition_store
from heartbeat.operations.demo import cast
from heartbeat.operations.demo.phones import Phones
from heartbeat.operations.demo.racing_loop import RacingClock
from heartbeat.operations.demo.screen import Screen
from heartbeat.settings import Settings
from heartbeat.status import drafting, editor
from heartbeat.status.publish import publisher
from heartbeat.status.publish.snapshot import Snapshot

SUPPORT = Actor("support", Role.RESPONDER, "session")
BURSTS, BAD_IN_A_BURST = 20, 100
REPORTS_EVERY = timedelta(minutes=5)
T = TypeVar("T")


class Stage:
    """The running replay. `alive` are the jobs that run, and `says` the numbers and the output of their runs."""

    def __init__(self, database: Database, home: Path, screen: Screen) -> None:
        self.screen = screen
        self.phones = Phones(screen, cast.PHONES)
        self.clock = RacingClock(cast.START, asyncio.get_running_loop())
        self.alive = {slug for slugs in cast.MINUTES.values() for slug in slugs}
        self.says = dict(cast.SAYS)
        self.acknowledged_at: dict[int | None, datetime] = {}
        self._database = database
        self._settings = Settings(
            data_dir=home,
            database_url=str(database.url),
            public_url=cast.HOME,
            admin_key=cast.ADMIN_KEY,
            secret_key=cast.ADMIN_KEY * 4,
            environment={"DEMO_PING_KEY": cast.PING_KEY},
        )
        self._outside = httpx.AsyncClient()
        self._system: app.System | None = None
        self._client: httpx.AsyncClient | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._beating: asyncio.Task[None] | None = None

    # heartbeat itself

    async def begin(self) -> None:
        """Start heartbeat on the database as it is."""
        system = app.build(
            self._settings,
            database=self._database,
            clock=self.clock,
            http=self._outside,
            notifiers={Phones.kind: self.phones},
            longest_sleep=600,
        )
        await system.context.apply(cast.configuration(), Path("demo.yaml"), definition_plan.THE_FILE, False)
        system.start()
        transport = httpx.ASGITransport(app=system.asgi)
        self._system, self._client = system, httpx.AsyncClient(transport=transport, base_url=cast.HOME)

    def beat(self) -> None:
        """Let heartbeat write its signs of life, as it always does. All day, they would take most of the replay."""
        self._beating = asyncio.create_task(self._running.beside.liveness.run())

    async def lose_power(self) -> None:
        """End heartbeat without a last word."""
        system, self._system, self._client = self._running, None, None
        if self._beating:
            self._beating.cancel()
        await system.rest()

    async def end(self) -> None:
        """End heartbeat and the jobs."""
        for task in self._tasks:
            task.cancel()
        if self._beating:
            self._beating.cancel()
        await self._running.stop()
        await self._outside.aclose()

    @property
    def _running(self) -> app.System:
        assert self._system is not None, "heartbeat has no power"
        return self._system

    async def ask(self, method: str, path: str, **request: object) -> httpx.Response:
        """Send a request to heartbeat, as over the network. Raises OSError if it does not listen."""
        if self._client is None:
            raise ConnectionRefusedError("connection refused")
        return await self._client.request(method, path, **request)  # type: ignore[arg-type]  # as the caller has it

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._database.read(work)

    # Time

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def tell(self, sentence: str) -> None:
        self.screen.tell(self.now, sentence)

    async def until(self, time_of_day: str, *, days: int = 0) -> None:
        """Let time pass until a time of the first day, or of a later one."""
        hour, minute = map(int, time_of_day.split(":"))
        at = cast.START.replace(hour=hour, minute=minute) + timedelta(days=days)
        await asyncio.sleep(max((at - self.now).total_seconds(), 0))

    # Jobs

    def run_jobs(self) -> None:
        """Begin to run every job each hour, at its minutes."""
        for minutes, slugs in cast.MINUTES.items():
            self._tasks += [asyncio.create_task(self._hourly(minute, slugs)) for minute in minutes]

    async def _hourly(self, minute: int, slugs: Collection[str]) -> None:
        while True:
            following = self.now.replace(minute=minute, second=10, microsecond=0)
            following += timedelta(hours=1) if following <= self.now else timedelta()
            await asyncio.sleep((following - self.now).total_seconds())
            for slug in slugs:
                if slug in self.alive:
                    await self.ping(slug)

    async def ping(self, slug: str, signal: str = "", output: bytes = b"", **measured: float) -> bool:
        """Let a job ping. Return whether it was heard."""
        says = self.says.get(slug)
        if says and not signal:
            measured, output = {f"m.{name}": value for name, value in says.measured.items()}, says.output
        path = f"/ping/{cast.PING_KEY}/{slug}{signal}"
        try:
            answer = await self.ask("POST", path, params=measured, content=output)
        except OSError:
            return False
        answer.raise_for_status()
        return True

    def repair(self) -> None:
        """Begin the long run of the CPU reset."""
        self._tasks.append(asyncio.create_task(self._repair()))

    async def _repair(self) -> None:
        began = self.now
        await self.ping(cast.RESET, "/start")
        while (past := self.now - began) < cast.REPAIR_TAKES:
            done = min(int(cast.ACCOUNTS * (past / cast.ALL_RESET_AFTER)), cast.ACCOUNTS)
            await self.ping(cast.RESET, "/progress", done=done, total=cast.ACCOUNTS)
            await asyncio.sleep(REPORTS_EVERY.total_seconds())
        self.says[cast.RESET] = cast.reset(cast.ACCOUNTS, 0)
        await self.ping(cast.RESET)

    async def flood(self) -> tuple[int, int]:
        """Send bad pings, with good ones between them. Return how many good ones were stored, and bad ones refused."""
        good = bad = 0
        for burst in range(BURSTS):
            wrong = [f"/ping/wrong-key-{burst}-{number}/{cast.RESET}" for number in range(BAD_IN_A_BURST)]
            answers = asyncio.gather(*(self.ask("POST", path, content=b"x" * 100) for path in wrong))
            good += await self.ping(cast.EU[burst % len(cast.EU)])
            bad += sum(answer.status_code == httpx.codes.NOT_FOUND for answer in await answers)
        return good, bad

    # People

    async def acknowledge(self, phone: str) -> None:
        """Press the button in the last page on a phone."""
        _, number = max(
            (key for key in self.phones.answer_urls if key[0] == phone), key=lambda key: key[1] or 0
        )
        answer = await self.ask("POST", urlsplit(self.phones.answer_urls[phone, number]).path)
        answer.raise_for_status()
        self.acknowledged_at[number] = self.now

    async def publish(self) -> None:
        """Publish an announcement for each incident, each as not related to those before it."""

        def work(db: Connection) -> None:
            published: list[int] = []
            for incident in reversed(desk.incidents(db, open_only=True)):
                draft = drafting.from_incident(db, SUPPORT, cast.PAGE, incident.id, self.now)
                editor.relate(db, SUPPORT, draft.id, tuple(published), self.now)
                published.append(editor.publish(db, SUPPORT, draft.id, self.now).id)

        await self._database.write(work)

    async def status_page(self) -> Snapshot:
        """Return what customers read on the status page."""

        def work(db: Connection) -> Snapshot:
            pages = definition_store.status_pages_of(db)
            return publisher.snapshots_of(db, pages, cast.HOME, self.clock)[0]

        return await self.read(work)

    async def unknown(self) -> int:
        """Return the number of checks that are unknown."""
        answer = await self.ask("GET", "/v1/overview", headers={"X-Api-Key": cast.ADMIN_KEY})
        return int(answer.json()["checks"]["unknown"])

    async def postmortem(self, number: int) -> Iterable[str]:
        """Return the lines of the post-mortem draft of an incident."""
        answer = await self.ask(
            "GET", f"/v1/incidents/{number}/postmortem", headers={"X-Api-Key": cast.ADMIN_KEY}
        )
        answer.raise_for_status()
        return answer.text.splitlines()
