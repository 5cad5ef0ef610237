"""A morning at a hosting company, lived through in virtual time: the installation that the browser is shown.

Every ping goes through the real ingest and every silence through a real tick, so that the pages show what they would.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar, Self
from uuid import UUID, uuid5

import httpx
from sqlalchemy import Connection

from alerting import courier, desk, escalator
from alerting.escalation import Policy, Step
from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Outcome, Unreachable
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.severity import Severity
from heartbeat.app import System
from heartbeat.checks import actions, cause, checker, life, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, Signal
from heartbeat.checks.schedule import Cron, Every, Schedule, upcoming
from heartbeat.clock_reading import Reading
from heartbeat.database import Database
from heartbeat.definitions.tables import status_pages
from heartbeat.pings import lanes
from heartbeat.pings import store as pings
from heartbeat.pings.arrival import Arrival, ByUuid
from tests.unit.conftest import somebody

NOW = datetime(2026, 5, 3, 8, 41, 7, tzinfo=UTC)
SILENT_FROM = datetime(2026, 5, 3, 2, 50, tzinfo=UTC)
"""From then on, four jobs of one host do not run."""
PEOPLE = [
    Person("first", "First responder", (Contact("ntfy", "https://ntfy.example.com/first"),)),
    Person("second", "Second responder", (Contact("ntfy", "https://ntfy.example.com/second"),)),
]
OPS = Policy(
    "ops", (Step(("first",), timedelta(minutes=5)), Step(("second", "first"), timedelta(minutes=30)))
)
HOSTILE = "<script>alert('name')</script>\u202egnp.exe " + "Donaudampfschifffahrt" * 8
LABELS = {"host": "<img src=x onerror=alert(1)>", "note": "a\x07bell and \u202ereversed"}

IMPORTER_ENDS = NOW - timedelta(hours=20)
Happening = Callable[[Connection], object]

_NAMESPACE = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


class VirtualClock:
    """Shows what it was set to."""

    def __init__(self) -> None:
        self.at = NOW

    @property
    def boot(self) -> str:
        return "tests"

    def now(self) -> datetime:
        return self.at

    def elapsed(self) -> float:
        """Nobody sets this clock: it goes by leaps."""
        return self.at.timestamp()

    def agree(self, reading: Reading) -> timedelta:  # the database's clock is this one
        return timedelta()


class Phone:
    """A notifier whose provider is away when the great page first comes, and else takes what it is given."""

    kind: ClassVar[str] = "ntfy"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = False

    def __init__(self) -> None:
        self._tried = False

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        return cls()

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        return None

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        if "us-housekeeping" in notice.title and not self._tried:
            self._tried = True
            return Unreachable("503 Service Unavailable")
        return Accepted(f"200 OK, id {notice.id}")


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it ran: when, and what it said."""

    slug: str
    schedule: Schedule
    labels: dict[str, str]
    runs: int = 32
    ends: datetime | None = None
    skips: tuple[int, ...] = ()
    """Runs, counted back from the last, that did not happen."""
    fails: tuple[int, ...] = ()
    takes: timedelta | None = None
    grace: timedelta = timedelta(minutes=15)
    max_runtime: timedelta | None = None
    severity: Severity = Severity.ERROR
    body: str = ""
    name: str = ""
    description: str = ""
    last_starts: bool = False

    def check(self, since: datetime) -> Check:
        made = Check(
            id=0,
            uuid=uuid5(_NAMESPACE, self.slug),
            slug=self.slug,
            name=self.name or self.slug,
            description=self.description,
            schedule=self.schedule,
            grace=self.grace,
            max_runtime=self.max_runtime,
            since=since,
            armed_at=since,
            labels=self.labels,
            group_key=cause.group_key(self.slug, self.labels, ["host"]),
            severity=self.severity,
            policy="ops",
            origin=Origin.FILE,
        )
        return life.rearmed(made, since)

    def slots(self) -> list[datetime]:
        """When it was due, up to its end."""
        end = self.ends or NOW
        if isinstance(self.schedule, Every):
            period = self.schedule.period
            # Spread, so that not all of them are heard at the same second.
            spread = period * (uuid5(_NAMESPACE, self.slug).int % 80) / 100 + timedelta(seconds=10)
            last = end if self.ends else end - spread
            return [last - period * k for k in range(self.runs - 1, -1, -1)]
        start, slots = end - timedelta(days=self.runs + 1), []
        while (slot := upcoming(self.schedule, start, 1)[0]) <= end:
            slots.append(slot)
            start = slot
        return slots[-self.runs :] if self.runs else []

    def pings(self) -> Iterator[Arrival]:
        slots = self.slots()
        for back, slot in enumerate(reversed(slots)):
            if back in self.skips:
                continue
            at = slot + timedelta(seconds=9)
            if self.takes is not None:
                yield self._arrival(Signal.START, at)
                at += self.takes
            if back == 0 and self.last_starts:
                continue
            failed = back in self.fails
            body = f"{self.body}\nexit 1" if failed else self.body
            yield self._arrival(Signal.FAIL if failed else Signal.SUCCESS, at, body, 1 if failed else None)

    def _arrival(self, signal: Signal, at: datetime, body: str = "", status: int | None = None) -> Arrival:
        return Arrival(
            ByUuid(uuid5(_NAMESPACE, self.slug).hex),
            signal,
            at,
            "POST",
            "203.0.113.7",
            "curl/8.14.1",
            body=body.encode() or None,
            exit_status=status,
        )


def _daily(minute: int, zone: str = "UTC", hour: int = 3) -> Cron:
    return Cron(f"{minute} {hour} * * *", zone)


def _host(name: str, region: str, ends: datetime | None) -> list[Job]:
    def labels(component: str) -> dict[str, str]:
        return {"host": name, "region": region, "component": component}

    daily = Job("", _daily(0), labels("cpu-allowance"), ends=ends)
    reset = "processed 81223 accounts\nremaining 0"
    return [
        replace(
            daily,
            slug=f"{region}-daily-cpu-reset",
            severity=Severity.CRITICAL,
            takes=timedelta(minutes=3, seconds=20),
            max_runtime=timedelta(hours=2),
            body=reset,
            description="Sets every customer's CPU allowance back to full once a day.",
        ),
        replace(daily, slug=f"{region}-expire-consoles", schedule=_daily(5), labels=labels("consoles")),
        replace(
            daily,
            slug=f"{region}-disable-unpaid",
            schedule=_daily(10, "Europe/London", 4),
            labels=labels("billing"),
            skips=(6,),
        ),
        replace(daily, slug=f"{region}-rotate-logs", schedule=_daily(2), labels=labels("files"), fails=(11,)),
        *(
            Job(
                f"{region}-{name}",
                Every(timedelta(minutes=minutes)),
                labels(part),
                grace=timedelta(minutes=2),
            )
            for name, minutes, part in (
                ("scheduled-tasks", 5, "tasks"),
                ("always-on-tasks", 5, "tasks"),
                ("web-app-sweep", 10, "web"),
                ("disk-quota", 15, "files"),
                ("session-cleanup", 10, "web"),
                ("certificate-renewal", 60, "web"),
                ("mysql-backup-check", 60, "databases"),
            )
        ),
    ]


def jobs() -> list[Job]:
    """Everything that is watched."""
    hour = timedelta(hours=1)
    return [
        *_host("us-housekeeping", "us", SILENT_FROM),
        *_host("eu-housekeeping", "eu", None),
        Job(
            "mail-queue",
            Every(timedelta(minutes=10)),
            {"host": "mail-2", "component": "mail"},
            fails=(0, 1, 2, 20),
            severity=Severity.WARNING,
            body="connecting to mail-2\n" + "deferred: connection timed out\n" * 200 + "4121 messages wait",
        ),
        Job(
            "search-reindex",
            Every(6 * hour),
            {"host": "search-1", "component": "search"},
            takes=timedelta(minutes=50),
            max_runtime=2 * hour,
            ends=NOW - 3 * hour,
            last_starts=True,
        ),
        Job(
            "billing-export",
            Every(hour),
            {"component": "billing"},
            ends=NOW - timedelta(minutes=64),
            grace=hour / 2,
        ),
        Job("old-importer", Every(hour), {"component": "import"}, ends=IMPORTER_ENDS),
        Job("nightly-invoice", _daily(0, "America/New_York", 2), {"component": "billing"}, runs=0),
        Job(
            "hostile",
            Every(hour),
            LABELS,
            name=HOSTILE,
            body="</pre><script>alert('body')</script>\x00\x1b[31mred\u202e" + "x" * 4000,
            fails=(0,),
        ),
    ]


async def live_through(system: System, clock: VirtualClock) -> None:
    """Let all of it happen, up to `NOW`."""
    _make_haste(system.context.database)
    write = system.context.database.write
    happens = sorted((*_pings(), *_by_hand()), key=lambda one: one[0])
    await write(_begin)
    due = None
    for at, what in [*happens, (NOW, lambda db: None)]:
        while due is not None and due <= at:
            clock.at = due
            if await write(partial(_judge, now=due)):
                await system.courier.dispatch()
                await system.courier.settle(5.0)
            due = await system.context.database.read(_first_due)
        clock.at = at
        due = await write(partial(_happen, what=what))


def _make_haste(database: Database) -> None:
    """What is made up need not survive a power cut."""
    raw = database.writer.raw_connection()
    raw.cursor().execute("PRAGMA synchronous=OFF")
    raw.close()


def _pings() -> Iterator[tuple[datetime, Happening]]:
    for job in jobs():
        heard = sorted(job.pings(), key=lambda ping: ping.at)
        begins = heard[0].at - timedelta(minutes=1) if heard else NOW - timedelta(hours=1)
        yield begins, partial(_make, made=job.check(begins))
        for arrival in heard:
            yield arrival.at, partial(lanes.hear, arrivals=[arrival])


def _by_hand() -> Iterator[tuple[datetime, Happening]]:
    paused, answered = IMPORTER_ENDS + timedelta(minutes=10), NOW - timedelta(minutes=19)
    yield paused, lambda db: actions.pause(db, "old-importer", somebody("admin"), paused)
    yield answered, lambda db: _acknowledge(db, "mail-queue", answered)


def _begin(db: Connection) -> None:
    desk.install(db, PEOPLE, [OPS], {})
    components = [
        {"name": "CPU allowance", "match": {"component": "cpu-allowance"}, "description": "Reset once a day"},
        {"name": "Scheduled tasks", "match": {"component": "tasks"}},
        {"name": "Websites", "match": {"component": "web"}},
        {"name": "Mail", "match": {"component": "mail"}},
        {"name": "Search", "match": {"component": "imported"}},
    ]
    db.execute(status_pages.insert().values(slug="public", title="Example status", components=components))


def _make(db: Connection, made: Check) -> None:
    check_store.insert(db, [made])


def _acknowledge(db: Connection, slug: str, at: datetime) -> None:
    one = check_store.load(db, slug)
    assert one is not None
    number = desk.incident_of(db, [symptoms.key_of(one)])[symptoms.key_of(one)]
    actions.acknowledge(db, number, somebody("Second responder"), at)


def _happen(db: Connection, what: Happening) -> datetime | None:
    what(db)
    return _first_due(db)


def _judge(db: Connection, now: datetime) -> bool:
    """What a tick does, in one transaction; whether there is something to send."""
    checker.sweep(db, now, last_bodies=pings.last_bodies)
    escalator.sweep(db, now)
    sends = courier.next_due(db)
    return sends is not None and sends <= now


def _first_due(db: Connection) -> datetime | None:
    dues = [check_store.next_due(db), escalator.next_due(db), courier.next_due(db)]
    return min((at for at in dues if at is not None), default=None)
