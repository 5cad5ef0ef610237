"""What a process does whose database is away when it starts: the status pages on its disk are served, and nothing else.

Customers look at these pages just then. Everything else is told to come back.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from socket import socket

from heartbeat import migrations
from heartbeat.clock import WallClock
from heartbeat.database import Database, Unavailable
from heartbeat.http import health, server
from heartbeat.http.asgi import Receive, Scope, Send
from heartbeat.http.status import pages as status_page_views
from heartbeat.http.status.pages import StatusPages
from heartbeat.settings import Settings
from heartbeat.status.publish import folder
from heartbeat.status.publish.edition import Edition

EVERY = 2.0
"""Seconds between two tries to reach the database."""
_SORRY = b"The database does not answer yet; try again."

log = logging.getLogger(__name__)


def published(given: Settings) -> Mapping[str, Edition]:
    """What lies on the disk, in a process that serves it."""
    place = given.status_dir or given.data_dir / "status"
    return folder.read(place) if "api" in given.roles else {}


async def keep(
    given: Settings, database: Database, listener: socket, editions: Mapping[str, Edition]
) -> bool:
    """Serve these pages until the database has been brought up to date; False where one is to stop before."""
    shown = StatusPages(lambda: editions, WallClock(), status_page_views.policy(given.public_url), _sorry)

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == "/livez":
            await health.livez(scope, receive, send)
        elif status_page_views.is_below(path):
            await shown(scope, receive, send)
        else:
            await _sorry(scope, receive, send)

    serving = server.configured(front)
    # The server closes its socket at its end; the one that it was made from goes on listening.
    task = asyncio.create_task(serving.serve([listener.dup()]))
    reached = False
    while not reached and not serving.stopping.is_set():
        reached = await _migrated(database)
        if not reached:
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await serving.stopping.wait()
    serving.should_exit = True
    await task
    return reached


async def _migrated(database: Database) -> bool:
    try:
        await asyncio.to_thread(migrations.migrate, database.writer)
    except Unavailable:
        return False
    return True


async def _sorry(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # as ASGI has it
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(_SORRY)).encode()),
        (b"retry-after", b"5"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _SORRY})
