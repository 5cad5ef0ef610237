"""100,000 checks as a large installation has them: hosts, labels, intervals and cron lines, on a calm or a bad day."""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select, text, update

from alerting import desk
from alerting.escalation import Policy, Step
from heartbeat import installation
from heartbeat.actor import Actor, Role
from heartbeat.checks import cause, life
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.checks.maintenance import WindowDefinition
from heartbeat.checks.schedule import Cron, Every, Schedule
from heartbeat.checks.tables import checks
from heartbeat.definitions.edit import maintenance
from tests.bench.databases import FIRST

CHECKS = 100_000
HOSTS = 4_000
AT_ONCE = 10_000
CALENDAR = 7
"""One check in this many has a cron line."""
GRACE = timedelta(hours=30)
LATE_SINCE = timedelta(hours=25)
"""The age of the last ping of a late check: longer than its period, and shorter than its period and its grace."""
DOWN_SINCE = timedelta(days=4)
ZONES = ("UTC", "UTC", "Europe/London", "America/New_York", "Asia/Kolkata")
JOBS = (
    "backup",
    "cleanup",
    "sync",
    "report",
    "import",
    "export",
    "rotate",
    "reindex",
    "certificates",
    "prune",
)
ADMIN = Actor("admin", Role.ADMIN, "bench", "127.0.0.1")

_PINGS = """
INSERT INTO pings (check_id, slot, n, at, kind, duration, method, remote, agent)
SELECT id, n, n, last_ok_at, 'success', n % 60, 'GET', '192.0.2.1', 'curl/8.5.0' FROM checks, {numbers}
WHERE id % 5 = 0 OR id % 7 = 0
"""
_CHANGES = """
INSERT INTO transitions (check_id, at, state, why) SELECT id, armed_at, 'up', 'succeeded' FROM checks, {numbers}
WHERE n <= 3
"""
_NUMBERS = {
    "postgresql": "generate_series(1, 20) AS n",
    "sqlite": (
        "(WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < 20) "
        "SELECT n FROM count) AS counted"
    ),
}


def build(db: Connection, now: datetime) -> None:
    """Write the checks, all heard just now, with pings and changes of state; people, policies and maintenance."""
    steps = (Step(("first",), timedelta(minutes=5)),)
    desk.install(db, [FIRST], [Policy(name, steps) for name in ("ops", "data", "web")], {})
    installation.remember(db, "gathering", 0)
    chance = random.Random(9)
    for first in range(1, CHECKS, AT_ONCE):
        check_store.insert(db, [_check(number, now, chance) for number in range(first, first + AT_ONCE)])
    numbers = _NUMBERS[db.dialect.name]
    db.execute(text(_PINGS.format(numbers=numbers)))
    db.execute(text(_CHANGES.format(numbers=numbers)))
    for match in ({"region": "eu-1"}, {"team": "team-7", "env": "test"}, {"host": "host-0077"}):
        window = WindowDefinition("Kernel upgrade", "", match, now, now + timedelta(hours=2))
        maintenance.make(db, ADMIN, window, now)
    settle(db)


def settle(db: Connection) -> None:
    """Let PostgreSQL know what the tables hold, as its autovacuum would within minutes."""
    if db.dialect.name == "postgresql":
        db.execute(text("ANALYZE"))


def silence(db: Connection, hosts: int, now: datetime) -> None:
    """Let the first check of each of so many hosts have been silent for too long, and nobody have looked."""
    _hear(db, now - DOWN_SINCE, now, checks.c.id <= hosts)


def delay(db: Connection, many: int, now: datetime) -> None:
    """Let this many checks be late, and not down for hours: first those with a cron line, then others."""
    calendar = checks.c.id % CALENDAR == 0
    query = select(checks.c.id).where(checks.c.state == State.UP, checks.c.id > HOSTS)
    late = query.order_by((~calendar), checks.c.id).limit(many)
    _hear(db, now - LATE_SINCE, now + timedelta(hours=1), checks.c.id.in_(late))


def down(db: Connection) -> int:
    """Count the checks that are down."""
    return db.execute(select(func.count()).where(checks.c.state == State.DOWN)).scalar_one()


def _hear(db: Connection, at: datetime, wake_at: datetime, condition: ColumnElement[bool]) -> None:
    db.execute(update(checks).where(condition).values(last_ok_at=at, armed_at=at, wake_at=wake_at))


def _check(number: int, now: datetime, chance: random.Random) -> Check:
    """Return a check. Each host has the same jobs, and each job its own time on each host."""
    host, job = (number - 1) % HOSTS, (number - 1) // HOSTS
    name = f"{JOBS[job % len(JOBS)]}-{job // len(JOBS) + 1}"
    slug = f"host-{host:04}-{name}"
    labels = {
        "host": f"host-{host:04}",
        "team": f"team-{host % 40}",
        "region": f"{('eu', 'us', 'ap')[host % 3]}-{host % 4}",
        "env": "test" if host % 10 == 0 else "production",
        "service": JOBS[job % len(JOBS)],
    }
    made: dict[str, Any] = {"state": State.UP, "last_ok_at": now, "pings": 20}
    if number > HOSTS and number % 500 == 250:
        made = {"state": State.PAUSED, "last_ok_at": now, "pings": 20}
    written = Check(
        id=0,
        uuid=UUID(int=chance.getrandbits(128), version=4),
        slug=slug,
        name=f"{name.capitalize()} of host {host:04}",
        description="Runs on every host.\nTells the team if it fails.",
        schedule=_schedule(number, chance),
        grace=GRACE,
        since=now,
        armed_at=now,
        labels=labels,
        group_key=cause.group_key(slug, labels, ["host"]),
        policy=("ops", "data", "web", None)[host % 4],
        **made,
    )
    return life.redefined(written, now)


def _schedule(number: int, chance: random.Random) -> Schedule:
    if number % CALENDAR:
        return Every(timedelta(hours=chance.choice((12, 24))))
    minute, hour = chance.randrange(0, 60, 5), chance.randrange(24)
    return Cron(f"{minute} {hour} * * *", chance.choice(ZONES))
