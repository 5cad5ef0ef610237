"""The stand-in of a process that starts while the database is away: it serves the status pages on its disk.

Customers look at these pages just then. Everything else gets 503 with `Retry-After`.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from socket import socket

from heartbeat import migrations, public_address
from heartbeat.clock import WallClock
from heartbeat.database import Database, Unavailable
from heartbeat.http import health, server
from heartbeat.http.asgi import Receive, Scope, Send
from heartbeat.http.connection import Bounds
from heartbeat.http.front import Application
from heartbeat.http.home import Home
from heartbeat.http.status import pages as status_page_views
from heartbeat.http.status.pages import StatusPageServer
from heartbeat.operations import open_files
from heartbeat.settings import Settings
from heartbeat.status.publish import folder
from heartbeat.status.publish.edition import Edition

EVERY = 2.0
"""Seconds between two attempts to reach the database."""
_UNAVAILABLE = b"The database does not answer yet. Try again in a few seconds."

log = logging.getLogger(__name__)


def published(settings: Settings) -> Mapping[str, Edition]:
    """Return the status pages on the disk; none in a process that does not serve them."""
    directory = settings.status_dir or settings.data_dir / "status"
    return folder.read(directory) if "api" in settings.roles else {}


async def keep(
    settings: Settings, database: Database, listener: socket, editions: Mapping[str, Edition]
) -> bool:
    """Serve these status pages until the database is migrated. Return False if the process must stop before."""
    serving = server.configured(
        front(settings, editions), bounds=Bounds(open_files.connections(open_files.limit()))
    )
    # The server closes its socket at its end. The original goes on listening.
    task = asyncio.create_task(serving.serve(server.repeated(listener)))
    is_migrated = False
    while not is_migrated and not serving.stopping.is_set():
        is_migrated = await _migrated(database)
        if not is_migrated:
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await serving.stopping.wait()
    serving.should_exit = True
    await task
    return is_migrated


def front(settings: Settings, editions: Mapping[str, Edition]) -> Application:
    """Return the ASGI application of the stand-in."""
    own = status_page_views.headers_of(settings.public_url)
    status_pages = StatusPageServer(lambda: editions, WallClock(), own, _unavailable)
    home = Home(public_address.home(settings.public_url))

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        path = home.enter(scope)
        if path == "/livez":
            await health.livez(scope, receive, send)
        elif status_page_views.is_below(path):
            await status_pages(scope, receive, send)
        else:
            await _unavailable(scope, receive, send)

    return front


async def _migrated(database: Database) -> bool:
    try:
        await asyncio.to_thread(migrations.migrate, database.writer)
    except Unavailable:
        return False
    return True


async def _unavailable(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # the signature of ASGI
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(_UNAVAILABLE)).encode()),
        (b"retry-after", b"5"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _UNAVAILABLE})
