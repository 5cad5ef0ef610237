"""`heartbeat demo`: an incident that nobody was paged for, replayed in about a minute with heartbeat on watch.

The code of `heartbeat serve` runs on a temporary SQLite database and on another clock: an event loop whose time races
while nothing happens, and stands still while the service works.
"""

import asyncio
import logging
import selectors
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

import httpx

from alerting import desk, times
from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome
from heartbeat import app, migrations
from heartbeat.database import Database
from heartbeat.definitions import plan as definition_plan
from heartbeat.settings import Settings

START = datetime(2024, 5, 3, 2, 50, tzinfo=UTC)
LENGTH = timedelta(hours=1, minutes=54)
WITHOUT = timedelta(hours=24)
"""The time until somebody noticed, in the original incident."""
PING_KEY = "a-key-for-the-demonstration"
SILENT = ("daily-cpu-reset", "log-rotation", "quota-report", "stale-session-sweep")
HEALTHY = (
    "backup-check",
    "certificate-renewal",
    "disk-report",
    "mail-queue",
    "metrics-rollup",
    "node-probe",
    "tmp-clean",
)

CONFIGURATION = """
group_by: [host]
gathering: 10s
ping_keys: {demo: "${DEMO_PING_KEY}"}
people:
  first: {name: First responder, contacts: [{phone: "+1"}]}
  second: {name: Second responder, contacts: [{phone: "+2"}]}
policies:
  ops:
    - {page: first, wait: 10m}
    - {page: [second, first], wait: 15m}
checks:
"""


class RacingSelector(selectors.DefaultSelector):
    """Divides each wait by `speed`, and advances the loop's time by the full wait.

    Time stands still while a thread works for the loop, or the service would look slow because time is fast.
    """

    speed = 1.0
    virtual = 0.0
    busy = 0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0 or self.busy:
            return super().select(0.05 if self.busy and timeout != 0 else timeout)
        began = time.monotonic()
        ready = super().select(timeout / self.speed)
        passed = (time.monotonic() - began) * self.speed if ready else timeout
        self.virtual += min(passed, timeout)
        return ready


class RacingLoop(asyncio.SelectorEventLoop):
    """An event loop on the time of its `RacingSelector`."""

    def __init__(self, speed: float) -> None:
        self.racing = RacingSelector()
        self.racing.speed = speed
        super().__init__(self.racing)

    def time(self) -> float:
        return self.racing.virtual

    def run_in_executor(  # type: ignore[override]  # without the type variables of the original
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        self.racing.busy += 1
        working = super().run_in_executor(executor, func, *args)
        working.add_done_callback(lambda _: setattr(self.racing, "busy", self.racing.busy - 1))
        return working


@dataclass(frozen=True, slots=True)
class DemoClock:
    """The time of the replay: its start plus the time of the loop."""

    loop: asyncio.AbstractEventLoop

    def now(self) -> datetime:
        return START + timedelta(seconds=self.loop.time())

    def correct(self, offset: timedelta) -> None:
        """Ignore the offset: there is no other clock."""


@dataclass(slots=True)
class Phone:
    """A notifier that prints each page as a phone would show it, and records the first time of each kind."""

    kind: ClassVar[str] = "phone"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = False
    first_at: dict[NoticeKind, datetime] = field(default_factory=dict)
    answer_urls: dict[str, str] = field(default_factory=dict)

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        return cls()

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        return None

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        self.first_at.setdefault(notice.kind, notice.at)
        if notice.ack_url:
            self.answer_urls[contact.address] = notice.ack_url
        width = 64
        owner = {"+1": "First responder's phone", "+2": "Second responder's phone"}[contact.address]
        print(f"\n   ╭─ {owner}, {notice.at:%d %b %H:%M} UTC ".ljust(width + 5, "─") + "╮")
        for line in [notice.title, *notice.lines]:
            for part in _wrapped(line, width - 2):
                print(f"   │ {part.ljust(width - 2)} │")
        if notice.ack_url:
            print(f"   │ {'[ Acknowledge ]   [ Open ]'.ljust(width - 2)} │")
        print("   ╰" + "─" * width + "╯")
        return Accepted("shown")


def run(*, seconds: float) -> int:
    """Replay the night in about `seconds`, and return the exit status."""
    # Log lines would interrupt the story.
    logging.getLogger().setLevel(logging.WARNING)
    loop = RacingLoop(LENGTH.total_seconds() / max(seconds, 1.0))
    with tempfile.TemporaryDirectory(prefix="heartbeat-demo-") as home:
        database = Database(f"sqlite:///{Path(home) / 'demo.db'}")
        try:
            migrations.migrate(database.writer)
            loop.run_until_complete(_replay(database, Path(home)))
        finally:
            database.close()
            loop.close()
    return 0


async def _replay(database: Database, home: Path) -> None:
    settings = Settings(
        data_dir=home,
        database_url=str(database.url),
        public_url="https://heartbeat.example.com",
        admin_key="demonstration",
        secret_key="demonstration" * 4,
        environment={"DEMO_PING_KEY": PING_KEY},
    )
    phone, clock = Phone(), DemoClock(asyncio.get_running_loop())
    async with httpx.AsyncClient() as http:
        system = app.build(
            settings, database=database, clock=clock, http=http, notifiers={"phone": phone}, longest_sleep=600
        )
        await system.context.apply(_configuration(), Path("demo.yaml"), definition_plan.THE_FILE, False)
        system.start()
        transport = httpx.ASGITransport(app=system.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://demo") as pinging:
            await _night(Story(system, pinging, phone))
        await system.stop()


@dataclass(slots=True)
class Story:
    """The running replay: the system, the client that pings, the phones."""

    system: app.System
    pinging: httpx.AsyncClient
    phone: Phone
    acknowledged_at: datetime | None = None

    @property
    def now(self) -> datetime:
        return self.system.context.clock.now()

    def tell(self, sentence: str) -> None:
        print(f"\n{self.now:%a %d %b %H:%M} UTC  {sentence}")

    async def until(self, clock: str) -> None:
        hour, minute = clock.split(":")
        at = datetime(2024, 5, 3, int(hour), int(minute), tzinfo=UTC)
        await asyncio.sleep(max((at - self.now).total_seconds(), 0))

    async def ping(self, slug: str) -> None:
        answer = await self.pinging.post(f"/ping/{PING_KEY}/{slug}", content=b"done")
        answer.raise_for_status()


async def _night(story: Story) -> None:
    story.tell("Eleven housekeeping jobs ping from us-housekeeping, eleven from eu-housekeeping.")
    background = [
        asyncio.create_task(_hourly(story, [f"us-{slug}" for slug in HEALTHY])),
        asyncio.create_task(_hourly(story, [f"eu-{slug}" for slug in (*SILENT, *HEALTHY)])),
    ]
    for slug in SILENT:
        await story.ping(f"us-{slug}")
    await story.until("03:00")
    story.tell(
        "The US server stops running four of its jobs, including the daily CPU reset. It reports no error."
    )
    await story.until("03:31")
    story.tell("The second responder wakes up and presses Acknowledge.")
    await _acknowledge(story)
    await story.until("04:35")
    story.tell("The server is rebooted, a day earlier than without heartbeat. The four jobs run again.")
    for slug in SILENT:
        await story.ping(f"us-{slug}")
        await asyncio.sleep(30)
    await story.until("04:40")
    for task in background:
        task.cancel()
    await _summary(story)


async def _hourly(story: Story, slugs: list[str]) -> None:
    while True:
        for slug in slugs:
            await story.ping(slug)
        await asyncio.sleep(3600)


async def _acknowledge(story: Story) -> None:
    """Press the button in the page."""
    answer = await story.pinging.post(urlsplit(story.phone.answer_urls["+2"]).path)
    answer.raise_for_status()
    story.acknowledged_at = story.now


async def _summary(story: Story) -> None:
    incident = (await story.system.context.database.read(lambda db: desk.incidents(db)))[-1]
    paged_at = story.phone.first_at.get(NoticeKind.PAGE)
    began = datetime(2024, 5, 3, 3, 0, tzinfo=UTC)
    print(f"\n{'':24}{'with heartbeat':>16}{'without':>12}")
    for measure, at, without in (
        ("time to detect", paged_at, times.duration(WITHOUT)),
        ("time to acknowledge", story.acknowledged_at, times.duration(WITHOUT)),
        ("time to resolve", incident.resolved_at, "2 days"),
    ):
        print(f"{measure:24}{times.duration(at - began) if at else 'never':>16}{without:>12}")


def _configuration() -> str:
    lines = [CONFIGURATION.strip()]
    for region in ("us", "eu"):
        for slug in (*SILENT, *HEALTHY):
            daily = slug == "daily-cpu-reset" and region == "us"
            schedule = 'schedule: "0 3 * * *", grace: 15m' if daily else "every: 1h, grace: 15m"
            name = f"name: {slug}, " if region == "us" else ""
            labels = f"labels: {{host: {region}-housekeeping}}"
            lines.append(
                f"  {region}-{slug}: {{{name}{schedule}, {labels}, severity: critical, policy: ops}}"
            )
    return "\n".join(lines) + "\n"


def _wrapped(line: str, width: int) -> list[str]:
    parts, current = [], ""
    for word in line.split():
        if current and len(current) + 1 + len(word) > width:
            parts.append(current)
            current = ""
        current = f"{current} {word}".strip()
    return [*parts, current]
