"""Every POST of the API can be repeated: the second request changes nothing."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from alerting import desk
from alerting.person import Contact
from alerting.sql import metadata
from heartbeat import verification
from heartbeat.app import System
from heartbeat.checks.schedule import Every
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SECRET_KEY, SetClock, fall_silent, make_check, ping
from tests.unit.http.v1.conftest import problem
from tests.unit.status.conftest import PAGE, define

KEY = {"Idempotency-Key": "r1"}
LATER = (NOW + timedelta(hours=2)).isoformat()
SPAN = {"starts_at": NOW.isoformat(), "ends_at": LATER}
DAYS = [(NOW.replace(hour=9, minute=0) + timedelta(days=days)).isoformat() for days in range(8)]


def swap(offered: int) -> dict[str, Any]:
    """The swap of two days of a rotation of two people."""
    first, second = (
        {"offered_from": DAYS[offered], "offered_until": DAYS[offered + 1]},
        DAYS[offered + 1 : offered + 3],
    )
    return {
        "offered_by": "first",
        "asked": "second",
        **first,
        "asked_from": second[0],
        "asked_until": second[1],
    }


WORDS = {"title": "Resets are late", "body": "We look into it."}
REPLACED = {"/v1/users/{name}/reset": "one_time_links", "/v1/checks/{name}/new-uuid": "checks"}
"""A repeated request replaces a one-time link, and the uuid of a check, once more. The value is the table with it."""


@dataclass(frozen=True)
class Ask:
    """A request: the parameters of its path, its body and headers, and the status of its repetition."""

    fills: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    second_status: int = 200


PAGED = {"name": "public"}
TERMINAL = Contact("console", "terminal")
ASKS = {
    "/v1/checks/{name}/new-uuid": Ask({"name": "idle"}),
    "/v1/checks/{name}/pause": Ask({"name": "idle"}),
    "/v1/checks/{name}/resume": Ask({"name": "paused"}),
    "/v1/checks/{name}/rules/try": Ask({"name": "idle"}, {"rule": "rows > 0"}),
    "/v1/encryption/rotate": Ask(),
    "/v1/incidents/answer": Ask(body={"answer": "acknowledge", "incidents": [{"incident": 1}]}),
    "/v1/leaves": Ask(body={"person": "first", **SPAN}),
    "/v1/rotations/{name}/overrides": Ask({"name": "infra"}, {"change": "replace", "on": "second", **SPAN}),
    "/v1/rotations/{name}/swaps": Ask({"name": "infra"}, swap(4)),
    "/v1/swaps/{number}/accept": Ask({"number": "1"}, second_status=404),
    "/v1/swaps/{number}/decline": Ask({"number": "1"}, second_status=404),
    "/v1/incidents/{number}/acknowledge": Ask({"number": "1"}),
    "/v1/incidents/{number}/merge": Ask({"number": "1"}, {"into": 2}),
    "/v1/incidents/{number}/note": Ask({"number": "1"}, {"words": "It was the disk."}),
    "/v1/incidents/{number}/page-next": Ask({"number": "1"}),
    "/v1/incidents/{number}/reassign": Ask({"number": "1"}, {"to": "first"}),
    "/v1/incidents/{number}/resolve": Ask({"number": "1"}),
    "/v1/incidents/{number}/snooze": Ask({"number": "1"}, {"until": LATER}),
    "/v1/incidents/{number}/split": Ask({"number": "2"}, {"checks": ["with-it"]}, second_status=409),
    "/v1/incidents/{number}/take-over": Ask({"number": "1"}),
    "/v1/incidents/{number}/unacknowledge": Ask({"number": "2"}),
    "/v1/keys": Ask(body={"name": "deploy", "scopes": ["read"]}, second_status=409),
    "/v1/maintenance": Ask(body={"title": "Move", "match": {"host": "a"}, "ends_at": LATER}, headers=KEY),
    "/v1/maintenance/{number}/end": Ask({"number": "1"}),
    "/v1/ping-keys": Ask(body={"name": "jobs"}, second_status=409),
    "/v1/people/{name}/contacts/{contact}/confirm": Ask(
        {"name": "second", "contact": TERMINAL.mark}, {"code": "482913"}, second_status=422
    ),
    "/v1/people/{name}/contacts/{contact}/verify": Ask(
        {"name": "first", "contact": TERMINAL.mark}, second_status=429
    ),
    "/v1/people/{name}/test-page": Ask({"name": "first"}, second_status=429),
    "/v1/policies/{name}/default": Ask({"name": "ops"}),
    "/v1/status-pages/{name}/incidents": Ask(PAGED, WORDS, KEY, second_status=201),
    "/v1/status-pages/{name}/incidents/draft": Ask(PAGED, {"incident": 1}, second_status=201),
    "/v1/status-pages/{name}/incidents/{number}/publish": Ask(PAGED | {"number": "1"}),
    "/v1/status-pages/{name}/incidents/{number}/updates": Ask(
        PAGED | {"number": "2"}, {"status": "identified", "body": "It was the disk."}
    ),
    "/v1/users": Ask(body={"name": "carl", "role": "viewer"}, second_status=409),
    "/v1/users/{name}/disable": Ask({"name": "bob"}),
    "/v1/users/{name}/enable": Ask({"name": "eve"}),
    "/v1/users/{name}/reset": Ask({"name": "bob"}),
    "/v1/users/{name}/role": Ask({"name": "bob"}, {"role": "viewer"}),
}


@pytest.fixture
async def lived_in(system: System, admin: httpx.AsyncClient, clock: SetClock) -> System:
    """An installation with one of everything that a POST can change."""
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
    for slug in ("answered", "with-it"):
        await ping(system, await make_check(system, slug, schedule=Every(timedelta(days=1))), "/fail")
    await admin.post("/v1/incidents/3/merge", json={"into": 2})
    await admin.post("/v1/incidents/2/acknowledge")
    await admin.post("/v1/maintenance", json={"title": "Move", "match": {"host": "b"}, "ends_at": LATER})
    await admin.put("/v1/people/second", json={"contacts": [{"console": "terminal"}]})
    code_hash = verification.hashed(SECRET_KEY, "second", TERMINAL.mark, "482913")
    await system.context.database.write(
        lambda db: desk.contact_code_store.add(db, "second", TERMINAL, code_hash, NOW)
    )
    turns = {"people": ["first", "second"], "shift": "1d", "from": f"{NOW:%Y-%m-%d} 09:00"}
    await admin.put("/v1/rotations/infra", json={"layers": [turns]})
    answer = await admin.post("/v1/rotations/infra/swaps", json=swap(2))
    assert answer.status_code == 201, answer.text
    return system


async def everything(system: System, *without: str) -> dict[str, list[Any]]:
    """Return every row of every table."""
    tables = [table for table in metadata.sorted_tables if table.name not in without]
    return await system.context.database.read(
        lambda db: {table.name: sorted(map(repr, db.execute(select(table)))) for table in tables}
    )


async def test_every_post_is_listed(system: System, admin: httpx.AsyncClient) -> None:
    paths = (await admin.get("/v1/openapi.json")).json()["paths"]
    assert {path for path, operations in paths.items() if "post" in operations} == set(ASKS)


@pytest.mark.parametrize("path", ASKS)
async def test_a_repeated_post_changes_once(
    lived_in: System, admin: httpx.AsyncClient, clock: SetClock, path: str
) -> None:
    request, untouched = ASKS[path], await everything(lived_in)
    where = path.format(**request.fills)
    without = (REPLACED[path], "audit") if path in REPLACED else ()
    answer = await admin.post(where, json=request.body, headers=request.headers)
    assert answer.is_success, answer.text
    changed = await everything(lived_in, *without)
    clock.advance(seconds=2)
    repeated = await admin.post(where, json=request.body, headers=request.headers)
    assert repeated.status_code == request.second_status, repeated.text
    assert await everything(lived_in, *without) == changed
    if path == "/v1/checks/{name}/rules/try":
        assert untouched == changed
    elif path not in ("/v1/encryption/rotate", "/v1/policies/{name}/default"):
        assert untouched != changed


async def test_an_idempotency_key_of_another_request_is_refused(
    lived_in: System, admin: httpx.AsyncClient
) -> None:
    at = "/v1/status-pages/public/incidents"
    first, repeated, other = [
        await admin.post(at, json=WORDS, headers={"Idempotency-Key": key}) for key in ("r1", "r1", "r2")
    ]
    assert first.json() == repeated.json()
    assert first.json()["id"] != other.json()["id"]
    answer = await admin.post(at, json=WORDS | {"title": "Mail is late"}, headers=KEY)
    assert problem(answer, 422) == (
        "Idempotency-Key: another announcement was made with this one; choose a new one."
    )


async def test_a_status_page_has_one_draft_for_a_window(lived_in: System, admin: httpx.AsyncClient) -> None:
    at = "/v1/status-pages/public/incidents/draft"
    first, repeated = [await admin.post(at, json={"maintenance": 1}) for _ in range(2)]
    assert (first.status_code, first.json()) == (201, repeated.json())
