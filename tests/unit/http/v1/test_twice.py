"""Whatever changes something can be asked again without harm: every POST of the API, asked twice, changes once."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from alerting.sql import metadata
from heartbeat.app import System
from heartbeat.checks.schedule import Every
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping
from tests.unit.http.v1.conftest import problem
from tests.unit.status.conftest import PAGE, define

KEY = {"Idempotency-Key": "r1"}
LATER = (NOW + timedelta(hours=2)).isoformat()
WORDS = {"title": "Resets are late", "body": "We look into it."}
MADE_ANEW = {"/v1/users/{name}/reset": "one_time_links"}
"""A link is shown once, so that who asks again gets another one; the table that it is kept in."""


@dataclass(frozen=True)
class Ask:
    """A request: what fills the path, its body and its headers; and what it is answered the second time."""

    fills: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    again: int = 200


PAGED = {"name": "public"}
ASKS = {
    "/v1/checks/{name}/pause": Ask({"name": "idle"}),
    "/v1/checks/{name}/resume": Ask({"name": "paused"}),
    "/v1/encryption/rotate": Ask(),
    "/v1/incidents/{number}/acknowledge": Ask({"number": "1"}),
    "/v1/incidents/{number}/note": Ask({"number": "1"}, {"words": "It was the disk."}),
    "/v1/incidents/{number}/resolve": Ask({"number": "1"}),
    "/v1/incidents/{number}/snooze": Ask({"number": "1"}, {"until": LATER}),
    "/v1/keys": Ask(body={"name": "deploy", "scopes": ["read"]}, again=409),
    "/v1/maintenance": Ask(body={"title": "Move", "match": {"host": "a"}, "ends_at": LATER}, headers=KEY),
    "/v1/maintenance/{number}/end": Ask({"number": "1"}),
    "/v1/ping-keys": Ask(body={"name": "jobs"}, again=409),
    "/v1/policies/{name}/default": Ask({"name": "ops"}),
    "/v1/status-pages/{name}/incidents": Ask(PAGED, WORDS, KEY, again=201),
    "/v1/status-pages/{name}/incidents/draft": Ask(PAGED, {"incident": 1}, again=201),
    "/v1/status-pages/{name}/incidents/{number}/publish": Ask(PAGED | {"number": "1"}),
    "/v1/status-pages/{name}/incidents/{number}/updates": Ask(
        PAGED | {"number": "2"}, {"status": "identified", "body": "It was the disk."}
    ),
    "/v1/users": Ask(body={"name": "carl", "role": "viewer"}, again=409),
    "/v1/users/{name}/disable": Ask({"name": "bob"}),
    "/v1/users/{name}/enable": Ask({"name": "eve"}),
    "/v1/users/{name}/reset": Ask({"name": "bob"}),
    "/v1/users/{name}/role": Ask({"name": "bob"}, {"role": "viewer"}),
}


@pytest.fixture
async def lived_in(system: System, admin: httpx.AsyncClient, clock: SetClock) -> System:
    """An installation with one of everything that a POST may be about."""
    await define(system, PAGE)
    for slug in ("idle", "paused"):
        await make_check(system, slug, schedule=Every(timedelta(days=1)))
    await admin.post("/v1/checks/paused/pause")
    for name in ("bob", "eve"):
        await admin.post("/v1/users", json={"name": name, "role": "responder"})
    await admin.post("/v1/users/eve/disable")
    for _ in range(2):
        await admin.post("/v1/status-pages/public/incidents", json=WORDS)
    await admin.post("/v1/status-pages/public/incidents/2/publish")
    silent = await make_check(system, labels={"component": "cpu", "region": "us", "host": "z"})
    await ping(system, silent)
    await fall_silent(system, clock, silent)
    await admin.post("/v1/maintenance", json={"title": "Move", "match": {"host": "b"}, "ends_at": LATER})
    return system


async def everything(system: System, *without: str) -> dict[str, list[Any]]:
    """Every row of every table."""
    tables = [one for one in metadata.sorted_tables if one.name not in without]
    return await system.context.database.read(
        lambda db: {one.name: sorted(map(repr, db.execute(select(one)))) for one in tables}
    )


async def test_every_post_is_tried(system: System, admin: httpx.AsyncClient) -> None:
    paths = (await admin.get("/v1/openapi.json")).json()["paths"]
    assert {path for path, deeds in paths.items() if "post" in deeds} == set(ASKS)


@pytest.mark.parametrize("path", ASKS)
async def test_asked_twice_it_is_done_once(
    lived_in: System, admin: httpx.AsyncClient, clock: SetClock, path: str
) -> None:
    one, untouched = ASKS[path], await everything(lived_in)
    where = path.format(**one.fills)
    without = (MADE_ANEW[path], "audit") if path in MADE_ANEW else ()
    answer = await admin.post(where, json=one.body, headers=one.headers)
    assert answer.is_success, answer.text
    done = await everything(lived_in, *without)
    clock.advance(seconds=2)
    again = await admin.post(where, json=one.body, headers=one.headers)
    assert again.status_code == one.again, again.text
    assert await everything(lived_in, *without) == done
    if path not in ("/v1/encryption/rotate", "/v1/policies/{name}/default"):
        assert untouched != done


async def test_a_key_that_was_used_for_something_else_is_refused(
    lived_in: System, admin: httpx.AsyncClient
) -> None:
    at = "/v1/status-pages/public/incidents"
    first, again, other = [
        await admin.post(at, json=WORDS, headers={"Idempotency-Key": key}) for key in ("r1", "r1", "r2")
    ]
    assert first.json() == again.json()
    assert first.json()["id"] != other.json()["id"]
    answer = await admin.post(at, json=WORDS | {"title": "Mail is late"}, headers=KEY)
    assert problem(answer, 422) == (
        "Idempotency-Key: another announcement was made with this one; choose a new one."
    )


async def test_of_one_window_a_page_has_one_draft(lived_in: System, admin: httpx.AsyncClient) -> None:
    at = "/v1/status-pages/public/incidents/draft"
    first, again = [await admin.post(at, json={"maintenance": 1}) for _ in range(2)]
    assert (first.status_code, first.json()) == (201, again.json())
