"""The facts that `heartbeat doctor` judges. Gathering them changes nothing."""

import os
import platform
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

import httpx
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from alerting import desk, escalation
from alerting.notifiers import registry
from alerting.notifiers.registry import Setup
from alerting.notifiers.transport import egress
from alerting.person import Person
from heartbeat import (
    configuration_file,
    installation,
    migrations,
    notifier_clients,
    public_address,
    rekey,
    sqlite_files,
)
from heartbeat.checks import canary, zone_hint
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.checks.schedule import Every
from heartbeat.data_directory import kept_secret, with_kept_secret_key
from heartbeat.database import Unavailable, clock_offset, engine, transact
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.model import Configuration
from heartbeat.operations import secret_facts, secret_key, serving_process, trials
from heartbeat.operations.doctor import (
    CALLBACKS,
    DataDirectory,
    InstallationFacts,
    Postgres,
)
from heartbeat.operations.inventory import Inventory
from heartbeat.pings import store as ping_store
from heartbeat.pings import unexpected_store
from heartbeat.settings import BadSetting, Settings

UNHEARD_FOR = timedelta(days=7)
"""The age at which a check that never pinged counts as forgotten: its job may ping elsewhere."""
EXAMINED = 2_000
"""Checks whose last runs are compared with their slots, at most."""
ASK_BOUND = 5.0
"""Seconds that the service has to answer at its own address."""
DAMAGE_BOUND = 20.0
"""Seconds in which a SQLite file is read for damage. A large one is not read to its end."""
DEPENDENCIES = ("sqlalchemy", "psycopg", "alembic", "fastapi", "uvicorn", "httpx", "cryptography", "tzdata")

CALLED_IF: Mapping[str, str] = {"opsgenie": "callback_token", "pagerduty": "webhook_secret"}
"""The setting with which a provider calls back, for those that do not always."""

_SIGNING = ("secret-key", "HEARTBEAT_SECRET_KEY")
_SAMPLE = re.compile(r"^(heartbeat_untrusted_proxy_requests_total|process_max_fds) (\S+)$", re.MULTILINE)
_POSTGRES_SETTINGS = ("fsync", "full_page_writes", "synchronous_commit", "max_connections", "server_version")
T = TypeVar("T")


async def examine(settings: Settings, *, send: bool) -> InstallationFacts:
    """Gather all facts. With `send`, also send a test page to every contact of everybody."""
    with suppress(BadSetting, OSError):  # reported as a finding about the key
        settings = with_kept_secret_key(settings)
    file_text, read_errors = _configuration_text(settings.config)
    samples = await _samples(settings)
    facts = InstallationFacts(
        public_url=settings.public_url,
        outside_url=bool(settings.outside_url),
        sqlite=settings.database_url.startswith("sqlite"),
        data_directory=_data_directory(settings.data_dir),
        keys=[*secret_facts.keys(settings), *secret_facts.ping_keys(settings, file_text)],
        open_files=secret_facts.open_files(file_text),
        configuration=str(settings.config),
        configuration_missing=not settings.config.is_file(),
        ready=await _ready(settings),
        untrusted_proxy=samples.get("heartbeat_untrusted_proxy_requests_total", 0),
        file_limit=samples.get("process_max_fds"),
        versions=_versions(),
    )
    facts, configuration = (
        (replace(facts, problems=read_errors), None)
        if read_errors
        else _with_file(facts, settings, file_text)
    )
    facts = _with_database(facts, settings, configuration)
    if not send or facts.database_fault is not None:
        return facts
    return replace(facts, test_pages=await _send_test_pages(settings))


def _configuration_text(path: Path) -> tuple[str, list[str]]:
    """Return the text of the configuration, and the errors if it cannot be read."""
    try:
        return (configuration_file.text_of(path) if path.is_file() else ""), []
    except Wrong as error:
        return "", error.problems


def _with_file(
    facts: InstallationFacts, settings: Settings, file_text: str
) -> tuple[InstallationFacts, Configuration | None]:
    if facts.configuration_missing:
        return facts, None
    try:
        configuration = configuration_file.understand(file_text, settings.config, settings)
    except Wrong as error:
        return replace(facts, problems=error.problems), None
    return replace(facts, warnings=configuration.warnings), configuration


def _with_database(
    facts: InstallationFacts, settings: Settings, configuration: Configuration | None
) -> InstallationFacts:
    url = make_url(settings.database_url)
    if facts.sqlite and not Path(url.database or "").exists():
        return replace(
            facts, database_fault=f"there is no file {url.database} yet; heartbeat serve creates it."
        )
    if facts.sqlite and (fault := _damage(Path(url.database or ""))):
        return replace(facts, database_fault=fault)
    reader = engine(url, writing=False)
    try:
        if transact(reader, migrations.behind):
            return replace(facts, behind=True)
        return transact(reader, lambda db: _with_contents(db, facts, settings, configuration))
    except (Unavailable, SQLAlchemyError) as error:
        return replace(facts, database_fault=f"{str(error).splitlines()[0]}.")
    finally:
        reader.dispose()


def _damage(database: Path) -> str | None:
    """Return the first damage of a SQLite file in one sentence, as far as it is found in time."""
    until = time.monotonic() + DAMAGE_BOUND
    try:
        tables = sqlite_files.tables(database)
    except sqlite3.Error as error:
        return f"{error}."
    found = (sqlite_files.damage(database, table, until - time.monotonic()) for table in tables)
    damage = next((words for words in found if words), None)
    advice = "Stop heartbeat, keep the file, and restore the last backup (heartbeat restore)."
    return None if damage is None else f"it is damaged ({damage}). {advice}"


def _with_contents(
    db: Connection, facts: InstallationFacts, settings: Settings, configuration: Configuration | None
) -> InstallationFacts:
    setups = desk.notifier_settings.load(db)
    faults, usable = notifier_clients.judged(settings, setups)
    return replace(
        facts,
        keys=[
            replace(key, fault=_fault(db, settings)) if key.name in _SIGNING else key for key in facts.keys
        ],
        library=f"SQLite {sqlite3.sqlite_version}" if facts.sqlite else "PostgreSQL",
        postgres=None if facts.sqlite else _postgres(db),
        differences=None
        if configuration is None
        else len(definition_plan.difference(db, configuration).changes),
        notifier_faults=faults | dict(registry.installed().problems),
        called_back=[kind for kind in sorted(CALLBACKS.keys() & setups.keys()) if _calls(setups[kind], kind)],
        inventory=_inventory(db, settings, usable, datetime.now(UTC)),
    )


def _calls(setup: Setup, kind: str) -> bool:
    return kind not in CALLED_IF or CALLED_IF[kind] in setup.settings


def _fault(db: Connection, settings: Settings) -> str:
    """Return why the database cannot be served with the secret key that is here, or nothing."""
    try:
        secret_key.require(db, settings.secret_key, settings.secret_keys_before)
    except secret_key.NotTheSame as fault:
        return str(fault)
    return ""


def _postgres(db: Connection) -> Postgres:
    server_settings = {
        name: str(db.execute(text(f"SHOW {name}")).scalar_one()) for name in _POSTGRES_SETTINGS
    }
    used = db.execute(text("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))
    # Only some roles may see the lag of standbys; others see none.
    lag = db.execute(text("SELECT max(extract(epoch FROM replay_lag)) FROM pg_stat_replication")).scalar()
    return Postgres(
        version=server_settings.pop("server_version").partition(" ")[0],
        settings=server_settings,
        connections_used=int(used.scalar_one()),
        offset=clock_offset(db),
        standby=bool(db.execute(text("SELECT pg_is_in_recovery()")).scalar_one()),
        lag=None if lag is None else timedelta(seconds=float(lag)),
    )


def _inventory(db: Connection, settings: Settings, usable: set[str], now: datetime) -> Inventory:
    crew, policies, default = desk.crew(db), desk.policies(db), installation.default_policy(db)
    people = crew.people
    reachable = {
        person.id: person
        for person in people.values()
        if any(contact.kind in usable for contact in person.contacts)
    }

    def reaches(targets: Iterable[str]) -> bool:
        able = replace(crew, people=reachable)
        return any(escalation.on_call(target, able, now) for target in targets)

    checks, peers = check_store.listed(db, limit=definition_plan.ALL), installation.peers(db)
    oldest, of_service = desk.workload(db).oldest, canary.load(db)
    sealed = rekey.stale(db, notifier_clients.vault_of(settings))
    return Inventory(
        without_contacts=[person.id for person in people.values() if not person.contacts],
        unusable_contacts=[
            person.id
            for person in people.values()
            if any(contact.kind not in usable for contact in person.all_contacts)
        ],
        reach_nobody=[name for name, policy in policies.items() if not reaches(policy.targets)],
        catch_all=bool(crew.catch_all) or not policies,
        caught=reaches(crew.catch_all),
        idle_catch_all=() if reaches(crew.catch_all) else crew.catch_all,
        without_policy=[] if policies else [check.slug for check in checks],
        lost_policy=[
            check.slug for check in checks if policies and (check.policy or default) not in policies
        ],
        default_policy=default or "",
        never_heard=[check.slug for check in checks if _is_forgotten(check, now)],
        refused=list(dict.fromkeys(pings.name for pings in unexpected_store.listed(db))),
        zone_questions=dict(_zone_questions(db, checks)),
        checks=len(checks),
        people=len(people),
        unproven=_unproven(db, people.values(), now),
        unreachable_links=public_address.fault(settings.public_url, people.values()) or "",
        oldest_page=now - oldest if oldest else timedelta(),
        peers={
            check.slug: now - check.last_heard_at if check.last_heard_at else None
            for check in checks
            if check.slug in peers
        },
        silent_peers=[check.slug for check in checks if check.slug in peers and check.state is State.DOWN],
        canary=of_service.age(now) if of_service else None,
        canary_missed=of_service is not None and of_service.is_missed(installation.pace(db), now),
        sealed_by_old_keys=sealed.anew,
        unreadable=[line.partition(":")[0] for line in sealed.unreadable],
    )


def _unproven(db: Connection, people: Iterable[Person], now: datetime) -> list[str]:
    """Return the contacts of which nobody has said lately that a page arrives."""
    proofs = desk.contact_proofs(db)
    return [
        f"{person.id} by {contact.kind}"
        for person in people
        for contact in person.all_contacts
        if not proofs.get((person.id, contact.mark), desk.NO_PROOF).holds(now)
    ]


def _zone_questions(db: Connection, checks: Sequence[Check]) -> Iterator[tuple[str, str]]:
    planned = [check for check in checks if not isinstance(check.schedule, Every) and check.last_ok_at]
    for check in planned[:EXAMINED]:
        began = ping_store.last_runs_began(db, check.id, zone_hint.RUNS)
        if question := zone_hint.question(check.schedule, check.grace, began):
            yield check.slug, question


def _is_forgotten(check: Check, now: datetime) -> bool:
    never_pinged = check.state is not State.PAUSED and check.last_heard_at is None
    return never_pinged and now - check.armed_at > UNHEARD_FOR


def _data_directory(directory: Path) -> DataDirectory:
    if not directory.is_dir():
        return DataDirectory(str(directory), exists=False)
    return DataDirectory(
        path=str(directory),
        exists=True,
        writable=os.access(directory, os.W_OK | os.X_OK),
        mode=secret_facts.mode(directory),
        free=shutil.disk_usage(directory).free,
        file_system=_file_system(directory.resolve()),
    )


def _file_system(directory: Path) -> str:
    """Return the kind of file system; empty on a system other than Linux."""
    mounts: dict[Path, str] = {}
    with suppress(OSError):
        for line in Path("/proc/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            _, mount_point, kind, *_ = line.split(" ")
            mounts[Path(mount_point.replace("\\040", " "))] = kind
    return next((mounts[path] for path in (directory, *directory.parents) if path in mounts), "")


async def _ready(settings: Settings) -> tuple[int, str] | str:
    """Return the answer of the service at its public address, or why there is none."""
    where = httpx.URL(settings.public_url).netloc.decode("ascii")
    try:
        async with serving_process.asking(settings) as http:
            response = await http.get(f"{settings.public_url}/readyz", timeout=ASK_BOUND)
            return response.status_code, " ".join(response.text[:200].split())
    except httpx.HTTPError as error:
        return egress.reason(where, error, timedelta(seconds=ASK_BOUND))


async def _samples(settings: Settings) -> dict[str, int]:
    """Return the metrics of the running service that are judged. It is empty if they cannot be read."""
    with suppress(BadSetting, OSError, httpx.HTTPError):
        key = settings.admin_key or kept_secret(settings, "admin-key")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with serving_process.asking(settings, headers) as http:
            response = await http.get(f"{settings.public_url}/metrics", timeout=ASK_BOUND)
        return {name: int(float(value)) for name, value in _SAMPLE.findall(response.text)}
    return {}


async def _send_test_pages(settings: Settings) -> dict[str, str | None]:
    """Send a test page to every contact, and return the error of each, or None."""
    errors: dict[str, str | None] = {}
    for name in _read(settings, lambda db: sorted(desk.people(db))):
        try:
            results = await trials.send(settings, name)
        except serving_process.Failed as failure:
            errors[name] = str(failure)
            continue
        for result in results:
            errors[f"{name} by {result.kind}"] = None if result.outcome == "accepted" else result.said
    return errors


def _read(settings: Settings, work: Callable[[Connection], T]) -> T:
    reader = engine(make_url(settings.database_url), writing=False)
    try:
        return transact(reader, work)
    finally:
        reader.dispose()


def _versions() -> dict[str, str]:
    versions = {"heartbeat": version("heartbeat"), "Python": platform.python_version()}
    for name in DEPENDENCIES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
