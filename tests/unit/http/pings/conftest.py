"""Shared by the tests of pings over HTTP: a check that is pinged, a ping key, and the pings that are stored."""

import asyncio
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import pytest

from alerting.origin import Origin
from heartbeat.app import System
from heartbeat.checks.check import Check
from heartbeat.pings import keys, store
from heartbeat.pings.arrival import StoredPing
from tests.unit.http.conftest import make_check, read_check

KEY = "a-ping-key-for-tests"


@pytest.fixture
async def job(system: System) -> Check:
    """A check that is pinged, in an installation with one ping key."""
    hashes = {"tests": sha256(KEY.encode()).hexdigest()}
    await system.context.database.write(lambda db: keys.replace(db, hashes, Origin.FILE))
    return await make_check(system)


async def stored(system: System, slug: str = "job") -> list[StoredPing]:
    """Return the stored pings of a check, oldest first."""
    check = await read_check(system, slug)
    return list(reversed(await system.context.database.read(lambda db: store.last_pings(db, check.id))))


async def call(
    system: System,
    path: str,
    *,
    messages: Iterable[dict[str, Any]] = ({"type": "http.request"},),
    headers: Sequence[tuple[bytes, bytes]] = (),
    client: tuple[str, int] | None = ("192.0.2.7", 5),
    method: str = "POST",
) -> int:
    """Send a request as these messages of a server, then nothing more. Return the status."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": list(headers),
        "client": client,
    }
    coming = iter(messages)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        for message in coming:
            return message
        return await asyncio.Future()

    async def send(message: Any) -> None:
        sent.append(message)

    await system.asgi(scope, receive, send)
    status: int = sent[0]["status"]
    return status
