"""Every address that changes something, tried once: the audit log then says who, what, before, after and whence.

An address that is in no table here fails the first test, so that none is forgotten.
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
from tests.unit.http.conftest import (
    SetClock,
)
from tests.unit.http.deeds import NOT_TOLD, PEOPLE, PROGRAMS, Case, Shape
from tests.unit.http.furnished import SECRETS, furnished

EVERY = [*PROGRAMS, *PEOPLE]


def changing(web: FastAPI) -> Iterator[tuple[str, str]]:
    """Every address that takes something other than looking."""
    for route in iter_route_contexts(web.routes):
        for method in set(getattr(route, "methods", None) or ()) - {"GET", "HEAD"}:
            yield method, str(getattr(route, "path", ""))


async def deeds_since(system: System, number: int) -> list[AuditEntry]:
    """What the log says that came after."""
    found = await system.context.database.read(lambda db: audit.listed(db, limit=200))
    return [deed for deed in found if deed.id > number]


def test_no_address_that_changes_something_is_forgotten(system: System) -> None:
    assert (
        set(changing(http_app.build(system.context)))
        == {(case.method, case.address) for case in EVERY} | NOT_TOLD
    )


@pytest.mark.parametrize("case", EVERY, ids=lambda case: f"{case.via}: {case.action}")
async def test_a_change_is_told_with_who_what_before_after_and_whence(
    system: System, clock: SetClock, case: Case
) -> None:
    async with furnished(system, clock) as world:
        (last, *_) = await deeds_since(system, 0)
        answer = await case.ask(world)
        assert answer.is_success or answer.is_redirect, answer.text
        assert not answer.headers.get("location", "").startswith("/sign-in?"), answer.headers
        told = [one for one in await deeds_since(system, last.id) if one.action == case.action]
        assert told, f"the log says nothing of {case.action}"
        deed = told[0]
        assert deed.target == case.target
        assert (deed.actor, deed.via, deed.remote) == (case.actor, case.via, "127.0.0.1")
        assert deed.at == clock.now()
        assert fits(deed, case.shape), (deed.before, deed.after)
        assert not [one for one in SECRETS if one in repr(await deeds_since(system, 0))]


async def test_a_check_that_its_first_ping_makes_is_told_once(
    system: System, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    key = (await admin.post("/v1/ping-keys", json={"name": "house"})).json()["key"]
    (last,) = await deeds_since(system, 0)
    await asyncio.gather(*(client.get(f"/ping/{key}/fresh?create=1") for _ in range(3)))
    await client.get(f"/ping/{key}/fresh?create=1")
    await client.get("/ping/a-key-that-is-none/other?create=1")
    (deed,) = await deeds_since(system, last.id)
    assert (deed.actor, deed.via, deed.remote) == ("house", "ping key house", "127.0.0.1")
    assert (deed.action, deed.target, deed.before) == ("check.make", "check fresh", None)
    assert deed.after is not None
    assert deed.after["every"] == "1d"


def fits(deed: AuditEntry, shape: Shape) -> bool:
    """Whether the log says what it must of how it was and how it is."""
    match shape:
        case Shape.MADE:
            return deed.before is None and bool(deed.after)
        case Shape.CHANGED:
            return bool(deed.before and deed.after) and deed.before != deed.after
        case Shape.GONE:
            return bool(deed.before) and deed.after is None
        case Shape.DONE:
            # It happened, and nothing was otherwise before.
            return deed.before is None
