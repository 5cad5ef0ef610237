"""The audit log has an entry for each request that changes something.

An address that `audited_changes` does not list fails the first test.
"""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from heartbeat import audit
from heartbeat.app import System
from heartbeat.audit import AuditEntry
from heartbeat.http import app as http_app
from tests.unit.http.audited_changes import AUDITED_BESIDE, NOT_AUDITED, PEOPLE, PROGRAMS, Change, Shape
from tests.unit.http.conftest import (
    SetClock,
)
from tests.unit.http.world import SECRETS, furnished

EVERY = [*PROGRAMS, *PEOPLE]


def changing(web: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield the method and address of each route that does more than read."""
    for route in iter_route_contexts(web.routes):
        for method in set(getattr(route, "methods", None) or ()) - {"GET", "HEAD"}:
            yield method, str(getattr(route, "path", ""))


async def entries_since(system: System, number: int) -> list[AuditEntry]:
    """Return the entries after this number."""
    entries = await system.context.database.read(lambda db: audit.listed(db, limit=200))
    return [entry for entry in entries if entry.id > number]


def test_every_address_that_changes_something_is_listed(system: System) -> None:
    assert (
        set(changing(http_app.build(system.context)))
        == {(change.method, change.address) for change in EVERY} | NOT_AUDITED | AUDITED_BESIDE
    )


@pytest.mark.parametrize("change", EVERY, ids=lambda change: f"{change.via}: {change.action}")
async def test_a_change_has_an_entry_with_actor_origin_and_values(
    system: System, clock: SetClock, change: Change
) -> None:
    async with furnished(system, clock) as world:
        (last, *_) = await entries_since(system, 0)
        answer = await change.ask(world)
        assert answer.is_success or answer.is_redirect, answer.text
        assert not answer.headers.get("location", "").startswith("/sign-in?"), answer.headers
        entries = [entry for entry in await entries_since(system, last.id) if entry.action == change.action]
        assert entries, f"the log has no entry for {change.action}"
        entry = entries[0]
        assert entry.target == change.target
        assert (entry.actor, entry.via, entry.remote) == (change.actor, change.via, "127.0.0.1")
        assert entry.at == clock.now()
        assert fits(entry, change.shape), (entry.before, entry.after)
        assert not [secret for secret in SECRETS if secret in repr(await entries_since(system, 0))]


async def test_a_check_created_by_its_first_ping_has_one_entry(
    system: System, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    key = (await admin.post("/v1/ping-keys", json={"name": "house"})).json()["key"]
    (last,) = await entries_since(system, 0)
    await asyncio.gather(*(client.get(f"/ping/{key}/fresh?create=1") for _ in range(3)))
    await client.get(f"/ping/{key}/fresh?create=1")
    await client.get("/ping/a-key-that-is-none/other?create=1")
    (entry,) = await entries_since(system, last.id)
    assert (entry.actor, entry.via, entry.remote) == ("house", "ping key house", "127.0.0.1")
    assert (entry.action, entry.target, entry.before) == ("check.make", "check fresh", None)
    assert entry.after is not None
    assert entry.after["every"] == "1d"


def fits(entry: AuditEntry, shape: Shape) -> bool:
    """Return whether an entry has the expected shape."""
    match shape:
        case Shape.MADE:
            return entry.before is None and bool(entry.after)
        case Shape.CHANGED:
            return bool(entry.before and entry.after) and entry.before != entry.after
        case Shape.DELETED:
            return bool(entry.before) and entry.after is None
        case Shape.DONE:
            # An event without an earlier value.
            return entry.before is None
