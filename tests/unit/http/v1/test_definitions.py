"""People, policies, ping keys and status pages in the API: create, list, replace and delete them."""

from typing import Any

import httpx
import pytest

from heartbeat import audit
from heartbeat.app import System
from heartbeat.definitions import plan as definition_plan
from tests.unit.definitions.declared import parse
from tests.unit.http.conftest import SetClock, make_check, visitor
from tests.unit.http.v1.conftest import problem

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
HOOK = "https://hooks.slack.com/services/T0/B0/xyz"
ANNA: dict[str, Any] = {"name": "Anna", "contacts": [{"slack": HOOK}, {"console": "terminal"}]}
NIGHT: dict[str, Any] = {"steps": [{"page": "first", "wait": "5m"}]}
PAGE: dict[str, Any] = {"title": "Status", "components": [{"name": "Mail", "match": {"service": "mail"}}]}


async def deeds(system: System) -> list[str]:
    entries = await system.context.database.read(lambda db: audit.listed(db, limit=100))
    return [f"{entry.action} {entry.target}" for entry in reversed(entries)]


UNPROVEN: dict[str, Any] = {"after": None, "tested_at": None, "proven_at": None}


async def test_a_person_is_added_once_and_their_secrets_never_come_out(
    system: System, admin: httpx.AsyncClient
) -> None:
    created, repeated = [await admin.put("/v1/people/anna", json=ANNA) for _ in range(2)]
    assert (created.status_code, repeated.status_code) == (201, 200)
    assert created.headers["location"] == "http://test/v1/people/anna"
    slack, console = (contact["id"] for contact in created.json()["contacts"])
    document = {
        "id": "anna",
        "name": "Anna",
        "timezone": "UTC",
        "user": "anna",
        "contacts": [
            {"id": slack, "kind": "slack", "address": None} | UNPROVEN,
            {"id": console, "kind": "console", "address": "terminal"} | UNPROVEN,
        ],
        "warnings": [],
        "quiet_hours": None,
        "devices": [],
        "origin": "api",
    }
    assert created.json() == repeated.json() == (await admin.get("/v1/people/anna")).json() == document
    assert created.headers["etag"] == repeated.headers["etag"], "the secret was not encrypted anew"
    unchanged = await admin.put("/v1/people/anna", json=ANNA | {"contacts": [{"slack": None}]})
    assert unchanged.json()["contacts"] == [{"id": slack, "kind": "slack", "address": None} | UNPROVEN]
    assert await deeds(system) == ["person.make person anna", "person.change person anna"]


@pytest.mark.parametrize(
    ("address", "body", "change"),
    [
        ("/v1/people/anna", ANNA, {"timezone": "Europe/London"}),
        ("/v1/policies/night", NIGHT, {"steps": [{"page": "first", "wait": "1h"}]}),
        ("/v1/status-pages/public", PAGE, {"title": "Other"}),
    ],
)
async def test_a_definition_is_replaced_only_if_the_tag_is_current(
    system: System, admin: httpx.AsyncClient, address: str, body: Any, change: Any
) -> None:
    assert (await admin.put(address, json=body, headers={"If-None-Match": "*"})).status_code == 201
    assert problem(await admin.put(address, json=body, headers={"If-None-Match": "*"}), 412)
    first = await admin.get(address)
    listed = await admin.get(address.rpartition("/")[0])
    for response, where in ((first, address), (listed, address.rpartition("/")[0])):
        repeated = await admin.get(where, headers={"If-None-Match": response.headers["etag"]})
        assert (repeated.status_code, repeated.content) == (304, b"")
    mine = {"If-Match": first.headers["etag"]}
    changed = await admin.put(address, json=body | change, headers=mine)
    assert changed.status_code == 200
    assert problem(await admin.put(address, json=body, headers=mine), 412)
    assert (await admin.put(address, json=body, headers={"If-Match": changed.headers["etag"]})).is_success
    assert (await admin.delete(address)).status_code == 204
    assert problem(await admin.delete(address), 404).startswith("There is no ")
    assert problem(await admin.get(address), 404).startswith("There is no ")
    assert problem(await admin.put(address, json=body, headers={"If-Match": "*"}), 412)


@pytest.mark.parametrize(
    ("address", "field", "body"),
    [
        ("/v1/people", "people", ANNA | {"contacts": [{"console": "terminal"}]}),
        ("/v1/policies", "policies", NIGHT),
        ("/v1/status-pages", "status_pages", PAGE),
    ],
)
async def test_lists_are_paginated(
    system: System, admin: httpx.AsyncClient, address: str, field: str, body: Any
) -> None:
    for name in ("z1", "z2", "z3"):
        await admin.put(f"{address}/{name}", json=body)
    first = (await admin.get(address, params={"limit": 2, "after": "z"})).json()
    rest = (await admin.get(address, params={"limit": 2, "after": first["next"]})).json()
    assert [len(first[field]), len(rest[field]), first["next"], rest["next"]] == [2, 1, "z2", None]
    assert problem(await admin.get(address, params={"after": "A b"}), 422).startswith("after: ")


async def test_what_the_file_declares_is_changed_in_the_file(
    system: System, admin: httpx.AsyncClient
) -> None:
    for address, body in (("/v1/people/first", ANNA), ("/v1/policies/ops", NIGHT)):
        assert problem(await admin.put(address, json=body), 409).startswith(
            "The configuration file declares "
        )
        assert problem(await admin.delete(address), 409).startswith("The configuration file declares ")


async def test_a_definition_in_use_cannot_be_deleted(system: System, admin: httpx.AsyncClient) -> None:
    await admin.put("/v1/people/anna", json=ANNA)
    await admin.put("/v1/policies/night", json={"steps": [{"page": "anna", "wait": "5m"}]})
    await make_check(system, policy="night")
    assert problem(await admin.delete("/v1/people/anna"), 409) == (
        "Policy night pages anna: take anna out of it first."
    )
    assert problem(await admin.delete("/v1/policies/night"), 409) == (
        "Check job names policy night: give it another one first."
    )


async def test_the_default_policy_is_chosen(system: System, admin: httpx.AsyncClient) -> None:
    await admin.put("/v1/policies/night", json=NIGHT)
    assert (await admin.get("/v1/policies/ops")).json()["default"] is True
    for _ in range(2):
        assert (await admin.post("/v1/policies/night/default")).json()["default"] is True
    assert (await admin.get("/v1/policies/ops")).json()["default"] is False
    assert problem(await admin.post("/v1/policies/day/default"), 404) == "There is no policy 'day'."
    assert await deeds(system) == ["policy.make policy night", "policy.default policy night"]


async def test_a_ping_key_is_shown_once_and_pings_until_it_is_revoked(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    await make_check(system)
    created = await admin.post("/v1/ping-keys", json={"name": "house"})
    assert created.status_code == 201
    key = created.json()["key"]
    assert created.json()["ping_url"] == f"http://test/ping/{key}/SLUG"

    async def ping() -> int:
        async with visitor(system) as job:
            return (await job.get(f"/ping/{key}/job")).status_code

    assert await ping() == 200
    assert problem(await admin.post("/v1/ping-keys", json={"name": "house"}), 409)
    await system.ingest.settle()
    listed = await admin.get("/v1/ping-keys")
    assert listed.json() == {
        "ping_keys": [
            {
                "name": "house",
                "origin": "api",
                "made_at": "2024-05-03T03:00:00Z",
                "made_by": "admin",
                "last_used_at": "2024-05-03T03:00:00Z",
            }
        ],
        "next": None,
    }
    assert key not in listed.text
    assert (await admin.delete("/v1/ping-keys/house")).status_code == 204
    assert problem(await admin.delete("/v1/ping-keys/house"), 404) == "There is no ping key 'house'."
    assert await ping() == 404
    assert problem(await admin.post("/v1/ping-keys", json={"name": 5}), 422) == "name: must be text."
    assert problem(await admin.post("/v1/ping-keys", json={"name": "a", "b": 1}), 422) == (
        "b: is not a known field."
    )


async def test_an_apply_keeps_definitions_of_the_api_and_takes_over_those_in_the_file(
    system: System, admin: httpx.AsyncClient
) -> None:
    await admin.put("/v1/people/anna", json=ANNA)
    await admin.put("/v1/people/ben", json=ANNA)
    await admin.put("/v1/policies/night", json={"steps": [{"page": "ben", "wait": "5m"}]})
    await admin.put("/v1/status-pages/public", json=PAGE)
    await admin.post("/v1/ping-keys", json={"name": "house"})
    await admin.put("/v1/checks/nightly", json={"every": "5m", "policy": "night"})
    configuration = parse("people: {anna: {contacts: [{console: terminal}]}}")

    changes = await system.context.database.write(
        lambda db: definition_plan.apply(db, configuration, system.context.clock.now())
    )

    assert changes.changes == (
        '~ person anna: declared by the console or the API -> this file; name "Anna" -> "anna"; '
        "contacts slack (secret), console terminal -> console terminal",
        "- person first",
        "- policy ops",
    )
    everybody = (await admin.get("/v1/people")).json()["people"]
    assert [(entry["id"], entry["origin"]) for entry in everybody] == [("anna", "file"), ("ben", "api")]
    for address in ("policies/night", "status-pages/public", "checks/nightly"):
        assert (await admin.get(f"/v1/{address}")).json()["origin"] == "api"
    assert [entry["name"] for entry in (await admin.get("/v1/ping-keys")).json()["ping_keys"]] == ["house"]
    assert (
        await system.context.database.read(lambda db: definition_plan.difference(db, configuration))
    ).empty
    assert "night" not in await system.context.database.read(definition_plan.export)


async def test_a_plan_warns_about_definitions_that_are_still_needed(
    system: System, admin: httpx.AsyncClient
) -> None:
    await admin.put("/v1/policies/night", json=NIGHT)
    await admin.put("/v1/checks/nightly", json={"every": "5m", "policy": "ops"})
    changes = await system.context.database.read(
        lambda db: definition_plan.difference(db, parse("checks: {}"))
    )
    assert changes.changes == (
        "- person first (policy night, made by the API, pages first)",
        "- policy ops (check nightly, made by the API, names it)",
    )


async def test_a_ping_key_of_the_file_takes_over_the_same_name_and_the_same_key(
    system: System, admin: httpx.AsyncClient
) -> None:
    await admin.post("/v1/ping-keys", json={"name": "housekeeping"})
    configuration = parse('ping_keys: {housekeeping: "${HEARTBEAT_PING_KEY}"}')
    changes = await system.context.database.write(
        lambda db: definition_plan.apply(db, configuration, system.context.clock.now())
    )
    assert changes.changes[0] == (
        "~ ping key housekeeping: declared by the console or the API -> this file; "
        "from a key made by the service -> ${HEARTBEAT_PING_KEY}"
    )
    (key,) = (await admin.get("/v1/ping-keys")).json()["ping_keys"]
    assert (key["name"], key["origin"], key["made_at"]) == ("housekeeping", "file", None)


async def test_the_tag_changes_when_the_file_takes_over_a_definition(
    system: System, admin: httpx.AsyncClient
) -> None:
    address = "/v1/people/ben"
    ben = {"contacts": [{"console": "terminal"}]}
    created = await admin.put(address, json=ben)
    document = "people: {ben: {contacts: [{console: terminal}]}}"
    now = system.context.clock.now()
    await system.context.database.write(lambda db: definition_plan.apply(db, parse(document), now))
    reread = await admin.get(address, headers={"If-None-Match": created.headers["etag"]})
    assert (reread.status_code, reread.json()["origin"]) == (200, "file")
    assert problem(await admin.put(address, json=ben), 409)


async def test_a_policy_says_which_incidents_a_step_is_meant_for(admin: httpx.AsyncClient) -> None:
    hours = {"days": "mon-fri", "hours": "09:00-17:00", "timezone": "Europe/London"}
    steps = [
        {"page": "first", "wait": "5m", "only": {"severity": "critical"}},
        {"page": "first", "wait": "5m", "only": hours},
        {"page": "first", "wait": "5m"},
    ]
    answer = await admin.put("/v1/policies/night", json={"steps": steps})
    assert answer.status_code == 201
    assert [step["only"] for step in answer.json()["steps"]] == [{"severity": "critical"}, hours, None]
