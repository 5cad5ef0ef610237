"""`heartbeat demo`: a night in which nobody was paged, replayed in about a minute with heartbeat on watch.

The code of `heartbeat serve` runs on a temporary SQLite database and on another clock: an event loop whose time races
while nothing happens, and stands still while the service works.
"""

import asyncio
import logging
import selectors
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from sqlalchemy import Connection

from alerting import desk, times
from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome
from heartbeat import app, migrations
from heartbeat.actor import Actor, Role
from heartbeat.clock_reading import Reading
from heartbeat.database import Database
from heartbeat.definitions import plan as definition_plan
from heartbeat.settings import Settings
from heartbeat.status import drafting, editor, standing
from heartbeat.status import store as status_store
from heartbeat.status.publish.snapshot import Snapshot

START = datetime(2024, 5, 3, 2, 50, tzinfo=UTC)
LENGTH = timedelta(hours=1, minutes=54)
WITHOUT = timedelta(hours=24)
"""The time until somebody noticed, in the original incident."""
PING_KEY = "a-key-for-the-demonstration"
SILENT = ("daily-cpu-reset", "log-rotation", "quota-report", "stale-session-sweep")
JOINING = ("mail-queue", "node-probe")
HEALTHY = ("backup-check", "certificate-renewal", "disk-report", "metrics-rollup", "tmp-clean")
OUTPUT = {"daily-cpu-reset": b"reset 18 211 accounts"}
INVOICES = "invoices"
PAGE = "public"
PHONES = {"+1": "Anna", "+2": "Ben"}
WIDTH = 64
SUPPORT = Actor("support", Role.RESPONDER, "session")
T = TypeVar("T")

CONFIGURATION = """
group_by: [host]
gathering: 10s
ping_keys: {demo: "${DEMO_PING_KEY}"}
people:
  anna: {name: Anna, contacts: [{console: "+1"}]}
  ben: {name: Ben, contacts: [{console: "+2"}]}
status_pages:
  public:
    title: Example status
    regions: {label: region, columns: {us: the United States, eu: Europe}}
    components:
      - {name: CPU allowance, match: {component: cpu-allowance}}
      - {name: Invoices, match: {component: invoices}}
policies:
  ops:
    - {page: anna, wait: 10m}
    - {page: [ben, anna], wait: 15m}
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
    boot: str = "demo"

    def now(self) -> datetime:
        return START + timedelta(seconds=self.loop.time())

    def elapsed(self) -> float:
        return self.loop.time()

    def agree(self, reading: Reading) -> timedelta:  # noqa: ARG002  # there is no other clock
        return timedelta()


@dataclass(slots=True)
class Phones:
    """The console prints each notice as a phone would show it. What several phones show is printed once."""

    kind: ClassVar[str] = "console"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = False
    paged_at: dict[int | None, datetime] = field(default_factory=dict)
    answer_urls: dict[tuple[str, int | None], str] = field(default_factory=dict)
    ringing: dict[tuple[str, ...], list[str]] = field(default_factory=dict)

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        return cls()

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        return None

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        self.paged_at.setdefault(notice.incident, notice.at)
        if notice.ack_url:
            self.answer_urls[(contact.address, notice.incident)] = notice.ack_url
        shown = (notice.title, *notice.lines)
        if shown in self.ringing:
            self.ringing[shown].append(contact.address)
            return Accepted("shown")
        self.ringing[shown] = [contact.address]
        await asyncio.sleep(1)
        owners = " and ".join(PHONES[address] for address in sorted(self.ringing.pop(shown)))
        buttons = ["[ Acknowledge ]   [ Open ]"] if notice.ack_url else []
        _show(f"{owners}, {notice.at:%d %b %H:%M} UTC", [*shown, *buttons])
        return Accepted("shown")


def _show(heading: str, lines: Iterable[str]) -> None:
    """Print a frame with a heading."""
    print(f"\n   ╭─ {heading} ".ljust(WIDTH + 5, "─") + "╮")
    for line in lines:
        for part in [line] if len(line) <= WIDTH - 2 else _wrapped(line, WIDTH - 2):
            print(f"   │ {part.ljust(WIDTH - 2)} │")
    print("   ╰" + "─" * WIDTH + "╯")


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
    phones, clock = Phones(), DemoClock(asyncio.get_running_loop())
    async with httpx.AsyncClient() as http:
        system = app.build(
            settings,
            database=database,
            clock=clock,
            http=http,
            notifiers={Phones.kind: phones},
            longest_sleep=600,
        )
        await system.context.apply(_configuration(), Path("demo.yaml"), definition_plan.THE_FILE, False)
        system.start()
        transport = httpx.ASGITransport(app=system.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://demo") as pinging:
            await _night(Story(system, pinging, phones))
        await system.stop()


@dataclass(slots=True)
class Story:
    """The running replay: the system, the client that pings, the phones."""

    system: app.System
    pinging: httpx.AsyncClient
    phones: Phones
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

    async def ping(self, slug: str, signal: str = "", output: bytes | None = None) -> None:
        body = OUTPUT.get(slug.partition("-")[2]) if output is None else output
        answer = await self.pinging.post(f"/ping/{PING_KEY}/{slug}{signal}", content=body)
        answer.raise_for_status()

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.system.context.database.read(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await self.system.context.database.write(work)


async def _night(story: Story) -> None:
    story.tell("Eleven housekeeping jobs ping from us-housekeeping, eleven from eu-housekeeping.")
    hourly = [f"us-{slug}" for slug in HEALTHY] + [f"eu-{slug}" for slug in (*SILENT, *JOINING, *HEALTHY)]
    background = asyncio.create_task(_hourly(story, hourly))
    for slug in (*SILENT, *JOINING):
        await story.ping(f"us-{slug}")
    await story.ping(INVOICES)
    await story.until("03:00")
    story.tell(
        "The US server stops running four of its jobs, including the daily CPU reset. It reports no error."
    )
    await story.until("03:05")
    story.tell("On another host, the invoices fail. That is a trouble of its own.")
    await story.ping(INVOICES, "/fail", b"connecting to the ledger\nno route to ledger-db.internal")
    await story.until("03:31")
    story.tell("Ben wakes up and acknowledges both.")
    await _acknowledge(story)
    await story.until("03:36")
    story.tell("Support tells customers of both. Each stands apart on the status page:")
    await _publish(story)
    await _show_status_page(story)
    await story.until("03:39")
    story.tell(
        "The next run of the invoices stays away: the job that failed is silent now. It is the same incident."
    )
    await story.until("04:04")
    story.tell("Two more US jobs stay away. Anna and Ben hear of them once, and the acknowledgement holds.")
    await story.until("04:35")
    story.tell(
        "The US server is rebooted, a day earlier than without heartbeat. Its jobs return within a minute."
    )
    for slug in (*SILENT, *JOINING):
        await story.ping(f"us-{slug}")
        await asyncio.sleep(9)
    await story.until("04:38")
    story.tell("The ledger is back, and the invoices run.")
    await story.ping(INVOICES)
    await story.until("04:43")
    background.cancel()
    await _summary(story)


async def _hourly(story: Story, slugs: list[str]) -> None:
    while True:
        for slug in slugs:
            await story.ping(slug)
        await asyncio.sleep(3600)


async def _acknowledge(story: Story) -> None:
    """Press the button in each page."""
    pages = sorted(
        (number or 0, url) for (phone, number), url in story.phones.answer_urls.items() if phone == "+2"
    )
    for _, url in pages:
        answer = await story.pinging.post(urlsplit(url).path)
        answer.raise_for_status()
    story.acknowledged_at = story.now


async def _publish(story: Story) -> None:
    """Publish an announcement for each incident, the second as not related to the first."""

    def publish(db: Connection) -> None:
        published: list[int] = []
        for incident in desk.open_incidents(db, 10):
            draft = drafting.from_incident(db, SUPPORT, PAGE, incident.id, story.now)
            editor.relate(db, SUPPORT, draft.id, tuple(published), story.now)
            published.append(editor.publish(db, SUPPORT, draft.id, story.now).id)

    await story.write(publish)


async def _show_status_page(story: Story) -> None:
    snapshot = await story.read(lambda db: _snapshot(db, story.now))
    unrelated = snapshot.unrelated()
    lines = [snapshot.headline]
    for announcement in snapshot.open:
        newest = announcement.updates[0]
        lines += ["", announcement.title, f"{newest.status.value.capitalize()}: {newest.body}"]
        lines += [f"Not related to: {title}" for title in unrelated[announcement.id].values()]
    _show(f"{snapshot.home}", lines)


def _snapshot(db: Connection, now: datetime) -> Snapshot:
    page = editor.page_of(db, PAGE)
    announcements = tuple(status_store.published(db, PAGE, now - LENGTH, 10))
    stands = standing.at(db, page, status_store.check_counts(db), announcements, now)
    home = f"https://heartbeat.example.com/status/{PAGE}"
    return Snapshot(page, now, stands.rows, home, announcements, recoveries=stands.recoveries)


async def _summary(story: Story) -> None:
    incidents = await story.read(desk.incidents)
    incident = next(incident for incident in incidents if incident.title == "us-housekeeping")
    began = datetime(2024, 5, 3, 3, 0, tzinfo=UTC)
    print(f"\n{'':24}{'with heartbeat':>16}{'without':>12}")
    for measure, at, without in (
        ("time to detect", story.phones.paged_at.get(incident.id), times.duration(WITHOUT)),
        ("time to acknowledge", story.acknowledged_at, times.duration(WITHOUT)),
        ("time to resolve", incident.resolved_at, "2 days"),
    ):
        print(f"{measure:24}{times.duration(at - began) if at else 'never':>16}{without:>12}")


def _configuration() -> str:
    lines = [CONFIGURATION.strip()]
    for region in ("us", "eu"):
        for slug in (*SILENT, *JOINING, *HEALTHY):
            stopping = region == "us" and slug in SILENT
            schedule = 'schedule: "0 * * * *", grace: 15m' if stopping else "every: 1h, grace: 15m"
            name = f"name: {slug}, " if region == "us" else ""
            component = ", component: cpu-allowance" if slug == SILENT[0] else ""
            labels = f"labels: {{host: {region}-housekeeping, region: {region}{component}}}"
            lines.append(f"  {region}-{slug}: {{{name}{schedule}, {labels}, severity: critical}}")
    lines.append(f"  {INVOICES}: {{every: 30m, grace: 5m, labels: {{host: billing, component: invoices}}}}")
    return "\n".join(lines) + "\n"


def _wrapped(line: str, width: int) -> list[str]:
    parts, current = [], ""
    for word in line.split():
        if current and len(current) + 1 + len(word) > width:
            parts.append(current)
            current = ""
        current = f"{current} {word}".strip()
    return [*parts, current]
