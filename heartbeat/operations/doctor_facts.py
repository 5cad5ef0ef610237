"""The facts of an installation, gathered for `doctor`. Looks everywhere and changes nothing."""

import os
import platform
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

import httpx
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from alerting import desk, escalation, notice
from alerting.notifiers import registry
from alerting.notifiers.contract import Accepted
from alerting.person import Person
from heartbeat import app, installation, migrations, notifier_clients, rekey, secret, settings
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.database import Unavailable, clock_offset, engine, transact
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.file import SHORTEST_KEY, Wrong
from heartbeat.definitions.model import Configuration
from heartbeat.operations import secret_key
from heartbeat.operations.doctor import Facts, Key, Place, Postgres, Stock
from heartbeat.settings import BadSetting, Settings

UNHEARD_FOR = timedelta(days=7)
"""A check that was expected for so long and never heard was forgotten, or its job pings elsewhere."""
ASK_BOUND = 5.0
"""Seconds that the service's own address has for an answer."""
DEPENDENCIES = ("sqlalchemy", "psycopg", "alembic", "fastapi", "uvicorn", "httpx", "cryptography", "tzdata")

_FILES = re.compile(r"\$\{file:([^{}]+)\}")
_SIGNING = ("secret-key", "HEARTBEAT_SECRET_KEY")
_UNTRUSTED = re.compile(r"^heartbeat_untrusted_proxy_requests_total (\S+)$", re.MULTILINE)
_ASKED = ("fsync", "full_page_writes", "synchronous_commit", "max_connections", "server_version")
T = TypeVar("T")


async def examine(given: Settings, *, send: bool) -> Facts:
    """Look at everything. With `send`, every contact of everybody gets a test page."""
    with suppress(BadSetting, OSError):  # told as a finding about the key
        given = settings.with_kept_secret_key(given)
    written, unreadable = _written(given.config)
    facts = Facts(
        public_url=given.public_url,
        outside_url=bool(given.outside_url),
        sqlite=given.database_url.startswith("sqlite"),
        place=_place(given.data_dir),
        keys=[*_keys(given), *_ping_keys(given, written)],
        open_files=[path for path in sorted(set(_FILES.findall(written))) if _mode(Path(path)) & 0o077],
        configuration=str(given.config),
        configuration_missing=not given.config.is_file(),
        ready=await _ready(given),
        untrusted_proxy=await _untrusted_proxy(given),
        versions=_versions(),
    )
    facts, wanted = (
        (replace(facts, problems=[unreadable]), None) if unreadable else _understood(facts, given, written)
    )
    facts = _looked_into(facts, given, wanted)
    return replace(facts, sent=await _sent(given)) if send and facts.database_fault is None else facts


def _written(path: Path) -> tuple[str, str]:
    """The text of the configuration, and why there is none where it cannot be read."""
    try:
        return (path.read_text() if path.is_file() else ""), ""
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        return "", f"{path} cannot be read: {why}."


def _understood(facts: Facts, given: Settings, written: str) -> tuple[Facts, Configuration | None]:
    if facts.configuration_missing:
        return facts, None
    try:
        wanted = app.understand(written, given.config, given)
    except Wrong as wrong:
        return replace(facts, problems=wrong.problems), None
    return replace(facts, warnings=wanted.warnings), wanted


def _looked_into(facts: Facts, given: Settings, wanted: Configuration | None) -> Facts:
    """What the database tells, as far as it answers."""
    url = make_url(given.database_url)
    if facts.sqlite and not Path(url.database or "").exists():
        return replace(
            facts, database_fault=f"there is none at {url.database} yet; heartbeat serve makes it."
        )
    reader = engine(url, writing=False)
    try:
        if transact(reader, migrations.behind):
            return replace(facts, behind=True)
        return transact(reader, lambda db: _told(db, facts, given, wanted))
    except (Unavailable, SQLAlchemyError) as away:
        return replace(facts, database_fault=f"{str(away).splitlines()[0]}.")
    finally:
        reader.dispose()


def _told(db: Connection, facts: Facts, given: Settings, wanted: Configuration | None) -> Facts:
    faults, usable = notifier_clients.judged(given, desk.notifier_settings.load(db))
    return replace(
        facts,
        keys=[replace(one, fault=_fault(db, given)) if one.name in _SIGNING else one for one in facts.keys],
        library=f"SQLite {sqlite3.sqlite_version}" if facts.sqlite else "PostgreSQL",
        postgres=None if facts.sqlite else _postgres(db),
        differences=None if wanted is None else len(definition_plan.difference(db, wanted).changes),
        notifier_faults=faults | dict(registry.known().problems),
        stock=_stock(db, given, usable, datetime.now(UTC)),
    )


def _fault(db: Connection, given: Settings) -> str:
    """Why the database cannot be served with the secret key as it is here."""
    try:
        secret_key.require(db, given.secret_key, given.secret_keys_before)
    except secret_key.NotTheSame as fault:
        return str(fault)
    return ""


def _postgres(db: Connection) -> Postgres:
    asked = {name: str(db.execute(text(f"SHOW {name}")).scalar_one()) for name in _ASKED}
    used = db.execute(text("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))
    # Only a role that may see it is told how far standbys are behind; to others there is none.
    lag = db.execute(text("SELECT max(extract(epoch FROM replay_lag)) FROM pg_stat_replication")).scalar()
    return Postgres(
        version=asked.pop("server_version").partition(" ")[0],
        settings=asked,
        connections_used=int(used.scalar_one()),
        offset=clock_offset(db),
        standby=bool(db.execute(text("SELECT pg_is_in_recovery()")).scalar_one()),
        lag=None if lag is None else timedelta(seconds=float(lag)),
    )


def _stock(db: Connection, given: Settings, usable: set[str], now: datetime) -> Stock:
    people, policies, default = desk.people(db), desk.policies(db), installation.default_policy(db)
    reached = {
        one.id: one for one in people.values() if any(contact.kind in usable for contact in one.contacts)
    }
    checks = check_store.listed(db, limit=definition_plan.ALL)
    oldest = desk.standing(db).oldest
    sealed = rekey.stale(db, notifier_clients.vault_of(given))
    return Stock(
        without_contacts=[one.id for one in people.values() if not one.contacts],
        unusable_contacts=[
            one.id for one in people.values() if any(contact.kind not in usable for contact in one.contacts)
        ],
        reach_nobody=[
            name
            for name, policy in policies.items()
            if not any(escalation.on_call(target, reached, now) for target in policy.targets)
        ],
        without_policy=[one.slug for one in checks if (one.policy or default) not in policies],
        never_heard=[one.slug for one in checks if _forgotten(one, now)],
        checks=len(checks),
        people=len(people),
        oldest_page=now - oldest if oldest else timedelta(),
        sealed_by_old_keys=sealed.anew,
        unreadable=[one.partition(":")[0] for one in sealed.unreadable],
    )


def _forgotten(one: Check, now: datetime) -> bool:
    return one.state is not State.PAUSED and one.last_heard_at is None and now - one.armed_at > UNHEARD_FOR


def _place(directory: Path) -> Place:
    if not directory.is_dir():
        return Place(str(directory), exists=False)
    return Place(
        path=str(directory),
        exists=True,
        writable=os.access(directory, os.W_OK | os.X_OK),
        mode=_mode(directory),
        free=shutil.disk_usage(directory).free,
        system=_file_system(directory.resolve()),
    )


def _file_system(directory: Path) -> str:
    """The kind of file system, as far as this machine tells (Linux)."""
    mounts: dict[Path, str] = {}
    with suppress(OSError):
        for line in Path("/proc/mounts").read_text().splitlines():
            _, where, kind, *_ = line.split(" ")
            mounts[Path(where.replace("\\040", " "))] = kind
    return next((mounts[one] for one in (directory, *directory.parents) if one in mounts), "")


def _keys(given: Settings) -> Iterator[Key]:
    for name, shown, least in (("admin-key", given.admin_key, 16), ("secret-key", given.secret_key, 32)):
        path = given.data_dir / name
        environment = f"HEARTBEAT_{name.upper().replace('-', '_')}"
        if given.environment.get(environment):
            yield _key(environment, given.environment[environment], None, least)
        else:
            kept = shown
            with suppress(BadSetting, OSError):
                kept = settings.kept_secret(given, name)
            yield _key(name, kept, _mode(path) if path.exists() else None, least)
    for number, key in enumerate(given.encryption_keys, 1):
        yield _key(f"HEARTBEAT_ENCRYPTION_KEYS, number {number}", key, None, settings.SHORTEST_KEY)


def _ping_keys(given: Settings, written: str) -> Iterator[Key]:
    """The ping keys of the file. What cannot be filled in is told as a problem of the configuration."""
    with suppress(Wrong):
        for name, reference in app.understand(written, given.config, given).ping_key_references.items():
            file = _FILES.fullmatch(reference)
            value = secret.fill_in(reference, given.environment, Path.read_text)
            yield _key(f"ping key {name}", value, _mode(Path(file[1])) if file else None, SHORTEST_KEY)


def _key(name: str, value: str, mode: int | None, least: int) -> Key:
    return Key(name, len(value), len(set(value)), mode, least)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return 0


async def _ready(given: Settings) -> tuple[int, str] | str:
    try:
        async with httpx.AsyncClient(timeout=ASK_BOUND, trust_env=False) as http:
            answer = await http.get(f"{given.public_url}/readyz")
            return answer.status_code, " ".join(answer.text[:200].split())
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__


async def _untrusted_proxy(given: Settings) -> int:
    """What the service counts, where it tells: 0 where it does not."""
    with suppress(BadSetting, OSError, httpx.HTTPError, httpx.InvalidURL):
        key = given.admin_key or settings.kept_secret(given, "admin-key")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with httpx.AsyncClient(timeout=ASK_BOUND, trust_env=False, headers=headers) as http:
            answer = await http.get(f"{given.public_url}/metrics")
        if found := _UNTRUSTED.search(answer.text):
            return int(float(found[1]))
    return 0


async def _sent(given: Settings) -> dict[str, str | None]:
    """By contact what came of a test page."""
    people, setups = _read(given, _everybody)
    told: dict[str, str | None] = {}
    async with (
        notifier_clients.client_for_own(given) as http,
        notifier_clients.client_for_entered(given) as entered,
    ):
        send = notifier_clients.sender(given, http, entered, setups)
        for person in people:
            trial = notice.trial(person, f"{given.public_url}/", datetime.now(UTC))
            for contact in person.contacts:
                outcome = await send(trial, person, contact)
                name = f"{person.id} by {contact.kind}"
                told[name] = None if isinstance(outcome, Accepted) else outcome.reason
    return told


def _everybody(db: Connection) -> tuple[Sequence[Person], Mapping[str, registry.Setup]]:
    return list(desk.people(db).values()), desk.notifier_settings.load(db)


def _read(given: Settings, work: Callable[[Connection], T]) -> T:
    reader = engine(make_url(given.database_url), writing=False)
    try:
        return transact(reader, work)
    finally:
        reader.dispose()


def _versions() -> dict[str, str]:
    found = {"heartbeat": version("heartbeat"), "Python": platform.python_version()}
    for name in DEPENDENCIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
