"""Defining checks by the API: whole, by the file's rules, and never over what somebody else has changed."""

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
    "labels": {"host": "vault-1"},
    "policy": "ops",
}


async def test_a_check_is_made_and_made_again(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    made = await admin.put("/v1/checks/nightly", json=NIGHTLY)
    clock.advance(minutes=1)
    again = await admin.put("/v1/checks/nightly", json=NIGHTLY)

    assert (made.status_code, again.status_code) == (201, 200)
    assert made.headers["location"] == "http://test/v1/checks/nightly"
    assert made.json() == again.json() == (await admin.get("/v1/checks/nightly")).json()
    assert (made.json()["origin"], made.json()["definition"]) == ("api", NIGHTLY)
    assert made.json()["since"] == "2024-05-03T03:00:00Z"
    deeds = await system.context.database.read(lambda db: audit.listed(db, limit=10))
    assert [(one.action, one.actor, one.via) for one in deeds] == [("check.make", "admin", "admin key")]


async def test_what_is_answered_as_the_definition_can_be_sent_back(
    system: System, admin: httpx.AsyncClient
) -> None:
    await make_check(system, manual_resume=True, description="Words.")
    shown = (await admin.get("/v1/checks/job")).json()
    again = await admin.put(f"/v1/checks/{shown['uuid']}", json=shown["definition"])
    assert (again.status_code, again.json()) == (200, shown)


async def test_a_uuid_names_only_a_check_that_there_is(system: System, admin: httpx.AsyncClient) -> None:
    name = "6f0d6a3e-1f6c-4f4c-9f0a-0d9d7a4b2f11"
    assert problem(await admin.put(f"/v1/checks/{name}", json=NIGHTLY), 404) == f"There is no check '{name}'."


async def test_faults_name_the_field_and_change_nothing(system: System, admin: httpx.AsyncClient) -> None:
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


async def test_a_change_that_somebody_else_made_meanwhile_is_not_lost(
    system: System, admin: httpx.AsyncClient
) -> None:
    made = await admin.put("/v1/checks/nightly", json=NIGHTLY)
    read = await admin.get("/v1/checks/nightly")
    assert made.headers["etag"] == read.headers["etag"]
    await admin.put("/v1/checks/nightly", json=NIGHTLY | {"grace": "20m"})

    headers = {"If-Match": read.headers["etag"]}
    refused = await admin.put("/v1/checks/nightly", json=NIGHTLY | {"grace": "30m"}, headers=headers)

    assert problem(refused, 412) == (
        "If-Match: it has changed since you read it. Nothing was changed. Read it again first."
    )
    assert (await admin.get("/v1/checks/nightly")).json()["definition"]["grace"] == "20m"


async def test_a_ping_meanwhile_hinders_no_change(system: System, admin: httpx.AsyncClient) -> None:
    await admin.put("/v1/checks/nightly", json=NIGHTLY)
    read = await admin.get("/v1/checks/nightly")
    await ping(system, await read_check(system, "nightly"))
    headers = {"If-Match": read.headers["etag"]}
    changed = await admin.put("/v1/checks/nightly", json=NIGHTLY | {"grace": "30m"}, headers=headers)
    assert (changed.status_code, changed.json()["state"]) == (200, "up")


async def test_a_change_can_want_that_it_is_there_or_that_it_is_not(
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


async def test_what_has_been_seen_is_not_sent_again(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make_check(system)
    for address in ("/v1/checks", "/v1/checks/job"):
        seen = await admin.get(address)
        headers = {"If-None-Match": f'W/{seen.headers["etag"]}, "another"'}
        again = await admin.get(address, headers=headers)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == seen.headers["etag"]
        clock.advance(minutes=5, seconds=1)
        assert (await admin.get(address, headers=headers)).status_code == 200, "it is late now"
        await ping(system, one)
        assert (await admin.get(address, headers=headers)).status_code == 200


async def test_pausing_is_written_down_once(system: System, admin: httpx.AsyncClient) -> None:
    await make_check(system)
    for deed in ("pause", "pause", "resume", "resume"):
        await admin.post(f"/v1/checks/job/{deed}")
    deeds = await system.context.database.read(lambda db: audit.listed(db, limit=10))
    assert [(one.action, one.before, one.after) for one in reversed(deeds)] == [
        ("check.pause", {"state": "new"}, {"state": "paused"}),
        ("check.resume", {"state": "paused"}, {"state": "new"}),
    ]
    assert (await read_check(system)).state is State.NEW
