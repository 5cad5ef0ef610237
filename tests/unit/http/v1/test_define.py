"""Definitions of checks in the API: by the rules of the file, and never overwriting a concurrent change."""

import httpx
import pytest

from alerting.origin import Origin
from heartbeat import audit
from heartbeat.app import System
from heartbeat.checks.check import State
from tests.unit.http.conftest import SetClock, make_check, ping, read_check
from tests.unit.http.v1.conftest import problem

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
NIGHTLY = {
    "name": "Nightly backup",
    "schedule": "30 1 * * *",
    "timezone": "Europe/London",
    "grace": "10m",
    "max_runtime": "3h",
    "runbook": "https://wiki.example.com/backup",
    "alert_after": {"failures": 3, "missed": 2},
    "labels": {"host": "vault-1"},
    "policy": "ops",
}


async def test_defining_a_check_twice_creates_it_once(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    created = await admin.put("/v1/checks/nightly", json=NIGHTLY)
    clock.advance(minutes=1)
    repeated = await admin.put("/v1/checks/nightly", json=NIGHTLY)

    assert (created.status_code, repeated.status_code) == (201, 200)
    assert created.headers["location"] == "http://test/v1/checks/nightly"
    assert created.json() == repeated.json() == (await admin.get("/v1/checks/nightly")).json()
    assert (created.json()["origin"], created.json()["definition"]) == ("api", NIGHTLY)
    assert created.json()["since"] == "2024-05-03T03:00:00Z"
    entries = await system.context.database.read(lambda db: audit.listed(db, limit=10))
    assert [(entry.action, entry.actor, entry.via) for entry in entries] == [
        ("check.make", "admin", "admin key")
    ]


async def test_the_definition_in_an_answer_can_be_sent_back(system: System, admin: httpx.AsyncClient) -> None:
    await make_check(system, manual_resume=True, description="Words.")
    document = (await admin.get("/v1/checks/job")).json()
    repeated = await admin.put(f"/v1/checks/{document['uuid']}", json=document["definition"])
    assert (repeated.status_code, repeated.json()) == (200, document)


async def test_a_uuid_cannot_create_a_check(system: System, admin: httpx.AsyncClient) -> None:
    name = "6f0d6a3e-1f6c-4f4c-9f0a-0d9d7a4b2f11"
    assert problem(await admin.put(f"/v1/checks/{name}", json=NIGHTLY), 404) == f"There is no check '{name}'."


async def test_errors_name_the_field_and_change_nothing(system: System, admin: httpx.AsyncClient) -> None:
    answer = await admin.put("/v1/checks/nightly", json=NIGHTLY | {"grace": "10x", "severity": "bad"})
    assert problem(answer, 422) == "grace: '10x' is not a duration; write for example 15m, 2h or 1d."
    assert answer.json()["problems"][1] == "severity: 'bad' is not one of critical, error, warning, info."
    assert problem(await admin.get("/v1/checks/nightly"), 404)
    assert problem(await admin.put("/v1/checks/nightly", json=[]), 422) == (
        "body: must be a JSON object, sent as application/json."
    )
    assert problem(await admin.put("/v1/checks/nightly"), 422) == "body: is required."
    assert problem(await admin.put("/v1/checks/Nightly", json=NIGHTLY), 422).startswith(
        "name: 'Nightly' cannot be a name; "
    )
    assert problem(await admin.put("/v1/checks/a%00b", json=NIGHTLY), 422)


async def test_what_the_file_declares_is_changed_in_the_file(
    system: System, admin: httpx.AsyncClient
) -> None:
    await make_check(system, origin=Origin.FILE)
    sentence = problem(await admin.put("/v1/checks/job", json=NIGHTLY), 409)
    assert sentence == "The configuration file declares check job: change it there."


async def test_a_concurrent_change_is_not_overwritten(system: System, admin: httpx.AsyncClient) -> None:
    created = await admin.put("/v1/checks/nightly", json=NIGHTLY)
    read = await admin.get("/v1/checks/nightly")
    assert created.headers["etag"] == read.headers["etag"]
    await admin.put("/v1/checks/nightly", json=NIGHTLY | {"grace": "20m"})

    headers = {"If-Match": read.headers["etag"]}
    refused = await admin.put("/v1/checks/nightly", json=NIGHTLY | {"grace": "30m"}, headers=headers)

    assert problem(refused, 412) == (
        "If-Match: it has changed since you read it. Nothing was changed. Read it again first."
    )
    assert (await admin.get("/v1/checks/nightly")).json()["definition"]["grace"] == "20m"


async def test_a_ping_does_not_invalidate_a_precondition(system: System, admin: httpx.AsyncClient) -> None:
    await admin.put("/v1/checks/nightly", json=NIGHTLY)
    read = await admin.get("/v1/checks/nightly")
    await ping(system, await read_check(system, "nightly"))
    headers = {"If-Match": read.headers["etag"]}
    changed = await admin.put("/v1/checks/nightly", json=NIGHTLY | {"grace": "30m"}, headers=headers)
    assert (changed.status_code, changed.json()["state"]) == (200, "up")


async def test_a_precondition_can_require_that_a_check_exists_or_not(
    system: System, admin: httpx.AsyncClient
) -> None:
    async def put(**headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await admin.put("/v1/checks/nightly", json=NIGHTLY, headers=named)

    assert problem(await put(if_match="*"), 412) == ("If-Match: it no longer exists. Nothing was changed.")
    assert (await put(if_none_match="*")).status_code == 201
    assert problem(await put(if_none_match="*"), 412) == (
        "If-None-Match: it already exists. Nothing was changed."
    )
    assert (await put(if_match="*")).status_code == 200


async def test_an_unchanged_check_is_not_sent_again(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system)
    for address in ("/v1/checks", "/v1/checks/job"):
        first = await admin.get(address)
        headers = {"If-None-Match": f'W/{first.headers["etag"]}, "another"'}
        second = await admin.get(address, headers=headers)
        assert (second.status_code, second.content) == (304, b"")
        assert second.headers["etag"] == first.headers["etag"]
        clock.advance(minutes=5, seconds=1)
        assert (await admin.get(address, headers=headers)).status_code == 200, "it is late now"
        await ping(system, check)
        assert (await admin.get(address, headers=headers)).status_code == 200


async def test_pausing_twice_has_one_audit_entry(system: System, admin: httpx.AsyncClient) -> None:
    await make_check(system)
    for deed in ("pause", "pause", "resume", "resume"):
        await admin.post(f"/v1/checks/job/{deed}")
    entries = await system.context.database.read(lambda db: audit.listed(db, limit=10))
    assert [(entry.action, entry.before, entry.after) for entry in reversed(entries)] == [
        ("check.pause", {"state": "new"}, {"state": "paused"}),
        ("check.resume", {"state": "paused"}, {"state": "new"}),
    ]
    assert (await read_check(system)).state is State.NEW
