"""Real processes after a time without sight: 10,000 jobs of which 100 died meanwhile, and each other pings again.

A service is stopped, and everything that it has stored is moved back by the length of the blindness: it starts as if
it had been away for so long. Each live job pings within its period, each minute. A control moves the same times and
forgets the beats, so that the service knows of no blindness.

- `blind_false_pages_…`: live jobs that turned down.
- `blind_dead_found_…`: dead jobs that turned down, and the seconds after the return of sight until the last one did.
- `blind_notices_…`: notices about the blindness.
"""

import os
import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import installation
from heartbeat.checks import cause, life
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, Ping, Signal
from heartbeat.checks.schedule import Every
from heartbeat.database import engine
from tests.bench import load
from tests.bench.databases import Bench
from tests.bench.figures import Figure
from tests.bench.processes import await_answer, free_port, running

PERIOD, GRACE = timedelta(minutes=1), timedelta(seconds=30)
JOBS, DEAD = 10_000, 100
BOUND = (PERIOD + GRACE).total_seconds() + 5
"""Seconds after the return of sight in which a dead job is found: its next due time plus grace, and a few ticks."""
LENGTHS = {"60s": 60.0, "1h": 3_600.0, "24h": 86_400.0}
FIRST = Person("first", "First responder", (Contact("console", "terminal"),))
MOVED = {
    "beats": ("at",),
    "checks": ("since", "armed_at", "last_ok_at", "wake_at"),
}


def measure(bench: Bench, kind: str) -> Iterator[Figure]:
    """The figures of one kind of database."""
    wanted = os.environ.get("BLIND", "60s").split(",")
    for name in wanted:
        length, _, control = name.partition("-")
        yield from _away(bench, kind, name, LENGTHS[length], control=bool(control))


def _away(bench: Bench, kind: str, name: str, seconds: float, *, control: bool) -> Iterator[Figure]:
    url, port = bench.fresh(kind), free_port()
    jobs = int(os.environ.get("BLIND_JOBS", JOBS))
    environment = environment_of(bench, url, port)
    with running(["heartbeat", "serve"], environment):
        await_answer(f"http://127.0.0.1:{port}/readyz")
        time.sleep(3)
    uuids = filled(url, jobs)
    _move(url, seconds, control=control)
    live = uuids[: jobs - DEAD]
    paths = bench.home / f"blind-{port}"
    paths.write_text("\n".join(f"/ping/{one}" for one in live))
    with running(["heartbeat", "serve"], environment):
        await_answer(f"http://127.0.0.1:{port}/readyz")
        # Each live job comes once a period, the first of them at once and the last one a period later.
        load.paced(port, paths, BOUND + 5, len(live) / PERIOD.total_seconds() * 1.02, connections=16)
    yield from _figures(url, name, live)


def environment_of(bench: Bench, url: str, port: int) -> dict[str, str]:
    home = bench.home / f"serve-{port}"
    home.mkdir()
    return {
        "HEARTBEAT_DATABASE_URL": url,
        "HEARTBEAT_DATA_DIR": str(home),
        "HEARTBEAT_CONFIG": str(home / "none.yaml"),
        "HEARTBEAT_PORT": str(port),
        "HEARTBEAT_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "HEARTBEAT_ADMIN_KEY": "a" * 32,
        "HEARTBEAT_SECRET_KEY": "s" * 32,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def filled(url: str, jobs: int) -> list[str]:
    """Let the jobs have pinged within their last period before now, and return their uuids."""
    writer, now, draw = engine(make_url(url), writing=True), datetime.now(UTC), random.Random(7)
    checks = []
    for number in range(jobs):
        heard = now - PERIOD * draw.random()
        new = Check(
            id=0,
            uuid=uuid.uuid4(),
            slug=f"job-{number}",
            name=f"job-{number}",
            schedule=Every(PERIOD),
            grace=GRACE,
            since=now - PERIOD,
            armed_at=now - PERIOD,
            group_key=cause.group_key(f"job-{number}", {}, ()),
            origin=Origin.API,
        )
        checks.append(life.on_ping(life.redefined(new, now), Ping(Signal.SUCCESS, heard)).check)
    with writer.begin() as db:
        desk.install(db, [FIRST], [Policy("ops", (Step(("first",), timedelta(minutes=30)),))], {})
        installation.remember(db, "policy", "ops")
        check_store.insert(db, checks)
    writer.dispose()
    return [str(check.uuid) for check in checks]


def _move(url: str, seconds: float, *, control: bool) -> None:
    """Move what is stored back in time, with the time that has passed since the machine started."""
    writer, sqlite = create_engine(make_url(url)), url.startswith("sqlite")
    with writer.begin() as db:
        for table, columns in MOVED.items():
            for column in columns:
                moved = (
                    f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-{seconds} seconds') || '000'"
                    if sqlite
                    else f"{column} - interval '{seconds} seconds'"
                )
                db.execute(text(f"UPDATE {table} SET {column} = {moved}"))
        db.execute(text(f"UPDATE beats SET elapsed = elapsed - {seconds}"))
        db.execute(text("DELETE FROM installation WHERE key = 'clock'"))
        if control:
            db.execute(text("DELETE FROM beats"))
    writer.dispose()


def _figures(url: str, name: str, live: list[str]) -> Iterator[Figure]:
    reader = create_engine(make_url(url))
    with reader.connect() as db:
        slugs = {f"job-{number}" for number in range(len(live))}
        rows = db.execute(text("SELECT title, raised_at FROM symptoms WHERE cause = 'silent'")).all()
        sight = db.execute(text("SELECT max(ended_at) FROM blind_spans")).scalar()
        notices = db.execute(
            text("SELECT count(*) FROM pages WHERE kind = 'recovered' AND step = 0")
        ).scalar()
    reader.dispose()
    dead = {row.title: row.raised_at for row in rows if row.title not in slugs}
    false = {row.title for row in rows if row.title in slugs}
    yield Figure(f"blind_false_pages_{name}", len(false), "jobs", most=1)
    yield Figure(f"blind_dead_found_{name}", len(dead), "jobs", least=DEAD)
    if sight and dead:
        late = max((_instant(at) - _instant(sight)).total_seconds() for at in dead.values())
        yield Figure(f"blind_dead_found_within_{name}", late, "s", most=BOUND)
    yield Figure(f"blind_notices_{name}", notices or 0, "notices")


def _instant(at: object) -> datetime:
    read = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    return read if read.tzinfo else read.replace(tzinfo=UTC)
