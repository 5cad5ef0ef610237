"""`heartbeat serve`: migrate, apply the configuration, serve until told to stop."""

import asyncio
import logging
import os
import signal
from dataclasses import replace
from functools import partial
from socket import socket
from uuid import UUID

import uvloop
from sqlalchemy import Connection

from alerting import desk
from heartbeat import (
    app,
    configuration_file,
    logs,
    migrations,
    notifier_clients,
    public_address,
    secret,
    tracing,
)
from heartbeat.access import users
from heartbeat.checks import store as check_store
from heartbeat.clock import WallClock
from heartbeat.data_directory import own_secret, require_data_dir, with_kept_secret_key
from heartbeat.database import Database, Unavailable, transact
from heartbeat.definitions import file as definition_file
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.plan import WouldDelete
from heartbeat.http import server
from heartbeat.http.connection import Bounds
from heartbeat.operations import backup, open_files, secret_key, standby
from heartbeat.operations.systemd import Supervisor
from heartbeat.operations.ticker_watch import TickerWatch
from heartbeat.operations.workers import Place
from heartbeat.settings import Settings
from heartbeat.tracing import Tracing

CLOSE_BOUND = 0.3
"""Seconds that transactions and the export of spans have to end when the process stops."""

log = logging.getLogger(__name__)


def run(settings: Settings, *, sample: bool, delete: bool = False, place: Place | None = None) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status.

    `delete` allows the configuration file to delete checks that were heard. `place` is that of a worker among others.
    """
    if place is not None and not place.leads:
        settings = replace(settings, roles=frozenset({"api"}))
    settings = with_kept_secret_key(settings)
    open_files.raise_limit()
    if shortage := open_files.shortage(open_files.limit()):
        log.warning("%s", shortage)
    require_data_dir(settings)
    exporter = tracing.begin(settings)
    database = Database(settings.database_url, address=settings.public_url, prepared=settings.prepared)
    try:
        with place.inherited() if place else server.listening(settings.host, settings.port) as listener:
            if not _migrate(settings, database, listener):
                return 0
            # Before a key is created: beside a database that knows another one, it would look like the right one.
            key, previous = settings.secret_key, settings.secret_keys_before
            transact(database.writer, lambda db: secret_key.require(db, key, previous))
            complete, places = prepared(settings, sample=sample)
            # The log must not have the keys of this installation either.
            logs.begin(complete)
            return uvloop.run(_serve(complete, database, listener, places, exporter, delete, sample, place))
    finally:
        if exporter is not None:
            exporter.close(CLOSE_BOUND)
        if not database.close(CLOSE_BOUND):
            # A thread that waits for a dead database would keep the process alive until the database is back.
            # No answered ping depends on it.
            log.warning("the database does not answer: stopping without it")
            os._exit(1)


def _migrate(settings: Settings, database: Database, listener: socket) -> bool:
    """Migrate the database. Return False if the process must stop before the database answers.

    Until then the status pages on the disk are served. Raises `Unavailable` if there are none.
    """
    try:
        migrations.migrate(database.writer)
    except Unavailable as error:
        if not (editions := standby.published(settings)):
            raise
        log.warning("the database is away (%s): serving only the status pages", error)
        return uvloop.run(standby.keep(settings, database, listener, editions))
    return True


def prepared(settings: Settings, *, sample: bool) -> tuple[Settings, list[str]]:
    """Return the settings completed with the installation's own secrets, and where things are, for the terminal."""
    places = []
    if sample and not settings.config.exists():
        text = definition_file.sample(_sample_reference(settings))
        settings.config.write_text(text, encoding="utf-8")
        places.append(f"sample configuration: {settings.config}")
    admin_key, secret_key_text = settings.admin_key, settings.secret_key
    if not admin_key:
        admin_key, _ = own_secret(settings, "admin-key")
        places.append(f"admin key: {settings.data_dir}/admin-key")
    if not secret_key_text:
        secret_key_text, _ = own_secret(settings, "secret-key")
    return replace(settings, admin_key=admin_key, secret_key=secret_key_text), places


async def _serve(
    settings: Settings,
    database: Database,
    listener: socket,
    places: list[str],
    exporter: Tracing | None,
    delete: bool,
    sample: bool,
    place: Place | None,
) -> int:
    async with (
        notifier_clients.client_for_own(settings) as http,
        notifier_clients.client_for_entered(settings) as entered,
        notifier_clients.client_for_itself(settings) as itself,
    ):
        started = asyncio.Event()
        supervisor = Supervisor(settings.notify_socket, started.is_set)
        watch = TickerWatch()

        def moved() -> None:
            watch.moved()
            supervisor.moved()

        system = app.build(
            settings,
            database=database,
            clock=WallClock(),
            http=http,
            entered=entered,
            itself=itself,
            ticked=supervisor.ticked,
            moved=moved,
            tracing=exporter,
            connections=open_files.connections(open_files.limit()),
        )
        await database.write(lambda db: secret_key.take(db, settings.secret_key, settings.secret_keys_before))
        if place is None or place.leads:
            await _begin(system, settings, database, places, delete=delete, sample=sample)
        app.calm_collector()
        # The socket listens already: requests are answered from here on.
        started.set()
        return await _answer(system, settings, listener, supervisor, watch, place)


async def _begin(
    system: app.System,
    settings: Settings,
    database: Database,
    places: list[str],
    *,
    delete: bool,
    sample: bool,
) -> None:
    """Apply the configuration, and print the first words. Of several workers one does so."""
    await _start_over(database)
    # What the sample declares is no news to whoever reads it.
    level = logging.DEBUG if sample else logging.INFO
    for line in await _apply(system, settings, delete=delete):
        log.log(level, "configuration: %s", line)
    if fault := public_address.fault(settings.public_url, (await database.read(desk.people)).values()):
        log.warning("%s", fault)
    invitation = await _set_up(database, settings)
    example = await database.read(lambda db: _example(db, settings, in_clear=sample))
    for line in [_address(settings, places), *invitation, *example]:
        print(line, flush=True)


async def _answer(
    system: app.System,
    settings: Settings,
    listener: socket,
    supervisor: Supervisor,
    watch: TickerWatch,
    place: Place | None,
) -> int:
    """Watch and answer requests until the process is told to stop, and return the exit status."""
    callers = system.context.metrics.callers
    bounds = Bounds(open_files.connections(open_files.limit()), callers.count_cut)
    http_server = server.configured(
        system.asgi, settings.trusted_proxy, callers.untrusted_proxy.inc, bounds, system.straight
    )
    ticking = system.start()
    watch.begin()
    system.beside.begin(settings.roles, publishes=place is None or place.leads)
    if place is not None:
        # Nobody would stop the workers of a parent that was killed.
        orphaned = partial(http_server.handle_exit, signal.SIGTERM, None)
        asyncio.get_running_loop().add_reader(place.lifeline, orphaned)
    # A process whose ticker has broken must not look alive: it exits, and its supervisor starts it again.
    ticking.add_done_callback(lambda _: setattr(http_server, "should_exit", True))
    resting = asyncio.create_task(_rest(http_server, system, supervisor, watch))
    try:
        await http_server.serve([listener, *server.repeated(listener)])
        return 0 if http_server.stopping.is_set() else 1
    finally:
        resting.cancel()
        watch.stop()
        await system.stop()


async def _rest(
    http_server: server.Server, system: app.System, supervisor: Supervisor, watch: TickerWatch
) -> None:
    """End sends and requests under way at the same time, so that both fit into the two seconds of a stop."""
    await http_server.stopping.wait()
    watch.stop()
    supervisor.stopping()
    await system.rest()


async def _start_over(database: Database) -> None:
    count = await backup.start_over(database, WallClock().now())
    if count is not None:
        log.warning("this database was restored: %d checks start over", count)


async def _set_up(database: Database, settings: Settings) -> list[str]:
    """Return the line with the link for the first user, if there are no users and this process serves the console."""
    if "api" not in settings.roles:
        return []
    token = await database.write(lambda db: users.set_up_link(db, WallClock().now()))
    if token is None:
        return []
    hours = int(users.LINK_LASTS.total_seconds() // 3600)
    return [f"create the first user (within {hours} h): {settings.public_url}/join/{token}"]


async def _apply(system: app.System, settings: Settings, *, delete: bool) -> tuple[str, ...]:
    """Apply the configuration file and return the changes: none if it would delete checks that were heard."""
    if not settings.config.exists():
        log.warning("there is no configuration at %s: no checks are defined by a file", settings.config)
        return ()
    text = configuration_file.text_of(settings.config)
    try:
        applied = await system.context.apply(text, settings.config, definition_plan.THE_FILE, delete)
    except WouldDelete as refused:
        # Watching goes on with what is in force: a start that fails would watch nothing.
        log.error("configuration: %s", refused)
        return ()
    return applied.changes


def _sample_reference(settings: Settings) -> str:
    if settings.environment.get("HEARTBEAT_PING_KEY"):
        return "${HEARTBEAT_PING_KEY}"
    own_secret(settings, "ping-key")
    return "${file:" + str((settings.data_dir / "ping-key").resolve()) + "}"


def _address(settings: Settings, places: list[str]) -> str:
    """Return the address of the service, with the places of what it uses."""
    return f"heartbeat is at {settings.public_url}" + (f" ({', '.join(places)})" if places else "")


def _example(db: Connection, settings: Settings, *, in_clear: bool) -> list[str]:
    """Return the line that pings one of the checks, nothing without a check.

    The line has the key. Whoever tries the sample reads it at a terminal; any other output is a log, which must not
    have it.
    """
    check = next(iter(check_store.listed(db, limit=1)), None)
    if check is None:
        return []
    if not in_clear:
        return ["ping a check: heartbeat crontab prints the line of each"]
    # The retries cover a restart of the service.
    command = f"curl -fsS -m 10 --retry 5 --retry-connrefused {ping_url(settings, check.slug, check.uuid)}"
    return [f"ping a check: {command}"]


def ping_url(settings: Settings, slug: str, uuid: UUID) -> str:
    """Return an address that pings this check: by key and slug if this process knows a key, else by uuid."""
    key = settings.environment.get("HEARTBEAT_PING_KEY", "").strip()
    key_file = settings.data_dir / "ping-key"
    if not key and key_file.exists():
        key = secret.fill_in("${file:" + str(key_file) + "}", {}, secret.read_file)
    return f"{settings.public_url}/ping/{key}/{slug}" if key else f"{settings.public_url}/ping/{uuid}"
