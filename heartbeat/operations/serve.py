"""`heartbeat serve`: migrate, apply the configuration, serve until told to stop."""

import asyncio
import logging
import os
from dataclasses import replace
from pathlib import Path
from socket import socket
from uuid import UUID

import uvloop
from sqlalchemy import Connection

from heartbeat import app, migrations, notifier_clients, secret, settings, tracing
from heartbeat.access import users
from heartbeat.checks import store as check_store
from heartbeat.clock import WallClock
from heartbeat.database import Database, Unavailable, transact
from heartbeat.definitions import file as configuration_file
from heartbeat.definitions import plan as definition_plan
from heartbeat.http import server
from heartbeat.operations import backup, secret_key, standby
from heartbeat.operations.systemd import Supervisor
from heartbeat.settings import Settings
from heartbeat.tracing import Tracing

CLOSE_BOUND = 0.3
"""Seconds that the database has to end what is under way when the process stops, and spans to leave."""

log = logging.getLogger(__name__)


def run(given: Settings, *, sample: bool) -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    given = settings.with_kept_secret_key(given)
    given.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    telling = tracing.begin(given)
    database = Database(given.database_url, address=given.public_url)
    try:
        with server.listening(given.host, given.port) as listener:
            if not _reached(given, database, listener):
                return 0
            # Before a key is made: one beside a database that knows another would only be taken for the right one.
            key, before = given.secret_key, given.secret_keys_before
            transact(database.writer, lambda db: secret_key.require(db, key, before))
            ready, news = prepared(given, sample=sample)
            return uvloop.run(_serve(ready, database, listener, news, telling))
    finally:
        if telling is not None:
            telling.close(CLOSE_BOUND)
        if not database.close(CLOSE_BOUND):
            # A thread that waits for a dead database would hold the process for as long as that stays dead.
            # Nothing that was acknowledged depends on it.
            log.warning("the database does not answer; ending without it")
            os._exit(1)


def _reached(given: Settings, database: Database, listener: socket) -> bool:
    """Bring the database up to date; False where one is to stop before it answers.

    While it is away, the status pages that were published before are served. Raises `Unavailable` where there are none.
    """
    try:
        migrations.migrate(database.writer)
    except Unavailable as away:
        if not (editions := standby.published(given)):
            raise
        log.warning("the database is away (%s); the status pages are served meanwhile", away)
        return uvloop.run(standby.keep(given, database, listener, editions))
    return True


def prepared(given: Settings, *, sample: bool) -> tuple[Settings, list[str]]:
    """The settings with this installation's own secrets filled in, and what its owner must be told once."""
    news = []
    if sample and not given.config.exists():
        given.config.write_text(configuration_file.sample(_sample_reference(given)))
        news.append(f"a sample configuration was written to {given.config}")
    admin_key, signing = given.admin_key, given.secret_key
    if not admin_key:
        admin_key, made = settings.own_secret(given, "admin-key")
        news.append(
            f"the admin key is {admin_key}" if made else f"the admin key is in {given.data_dir}/admin-key"
        )
    if not signing:
        signing, _ = settings.own_secret(given, "secret-key")
    return replace(given, admin_key=admin_key, secret_key=signing), news


async def _serve(
    given: Settings, database: Database, listener: socket, news: list[str], telling: Tracing | None
) -> int:
    async with (
        notifier_clients.client_for_own(given) as http,
        notifier_clients.client_for_entered(given) as entered,
    ):
        started = asyncio.Event()
        supervisor = Supervisor(given.notify_socket, started.is_set)
        system = app.build(
            given,
            database=database,
            clock=WallClock(),
            http=http,
            entered=entered,
            ticked=supervisor.ticked,
            tracing=telling,
        )
        await database.write(lambda db: secret_key.take(db, given.secret_key, given.secret_keys_before))
        await _after_a_restore(database)
        for line in await _applied(system, given):
            log.info("configuration: %s", line)
        serving = server.configured(
            system.asgi, given.trusted_proxy, system.context.metrics.callers.untrusted_proxy.inc
        )
        news += await _set_up(database, given)
        for line in [*news, *await database.read(lambda db: _first_words(db, given))]:
            print(line, flush=True)
        app.calm_collector()
        ticking = system.start()
        system.begin_loops(given.roles)
        # A process whose ticker has broken must not look alive: it ends, and whoever runs it starts it again.
        ticking.add_done_callback(lambda _: setattr(serving, "should_exit", True))
        resting = asyncio.create_task(_rest(serving, system, supervisor))
        # The socket listens already, so whoever calls is answered.
        started.set()
        try:
            await serving.serve([listener])
            return 0 if serving.stopping.is_set() else 1
        finally:
            resting.cancel()
            await system.stop()


async def _rest(serving: server.Server, system: app.System, supervisor: Supervisor) -> None:
    """Pages under way end while the last requests do, so that both fit into the two seconds of a stop."""
    await serving.stopping.wait()
    supervisor.stopping()
    await system.rest()


async def _after_a_restore(database: Database) -> None:
    count = await backup.begin_anew(database, WallClock().now())
    if count is not None:
        log.warning("a copy was restored: %d checks are expected afresh from now on", count)


async def _set_up(database: Database, given: Settings) -> list[str]:
    """Where there are no users: the link that makes the first one. Only processes that show pages give one."""
    if "api" not in given.roles:
        return []
    token = await database.write(lambda db: users.set_up_link(db, WallClock().now()))
    if token is None:
        return []
    hours = int(users.LINK_LASTS.total_seconds() // 3600)
    return [f"the first user is made within {hours} h at {given.public_url}/join/{token}"]


async def _applied(system: app.System, given: Settings) -> tuple[str, ...]:
    if not given.config.exists():
        log.warning("there is no configuration at %s: nothing is expected of any job yet", given.config)
        return ()
    return await system.context.apply(given.config.read_text(), given.config, definition_plan.THE_FILE)


def _sample_reference(given: Settings) -> str:
    if given.environment.get("HEARTBEAT_PING_KEY"):
        return "${HEARTBEAT_PING_KEY}"
    settings.own_secret(given, "ping-key")
    return "${file:" + str((given.data_dir / "ping-key").resolve()) + "}"


def _first_words(db: Connection, given: Settings) -> list[str]:
    """The address, and a line that pings a check of this installation as it stands."""
    words = [f"heartbeat is at {given.public_url}"]
    check = next(iter(check_store.listed(db, limit=1)), None)
    if check is None:
        return words
    # Whoever pings while the service is restarted tries again.
    line = f"curl -fsS -m 10 --retry 5 --retry-connrefused {ping_url(given, check.slug, check.uuid)}"
    return [*words, f"ping a check: {line}"]


def ping_url(given: Settings, slug: str, uuid: UUID) -> str:
    """An address that pings this check: by key and slug where this process knows a key, else by uuid."""
    key = given.environment.get("HEARTBEAT_PING_KEY", "")
    kept = given.data_dir / "ping-key"
    if not key and kept.exists():
        key = secret.fill_in("${file:" + str(kept) + "}", {}, Path.read_text)
    return f"{given.public_url}/ping/{key}/{slug}" if key else f"{given.public_url}/ping/{uuid}"
