"""People, policies, ping keys and status pages by the API: made, read page by page, changed safely, taken away."""

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
    found = await system.context.database.read(lambda db: audit.listed(db, limit=100))
    return [f"{one.action} {one.target}" for one in reversed(found)]


async def test_a_person_is_added_once_and_their_secrets_never_come_out(
    system: System, admin: httpx.AsyncClient
) -> None:
    made, again = [await admin.put("/v1/people/anna", json=ANNA) for _ in range(2)]
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.headers["location"] == "http://test/v1/people/anna"
    shown = {
        "id": "anna",
        "name": "Anna",
        "timezone": "UTC",
        "contacts": [{"kind": "slack", "address": None}, {"kind": "console", "address": "terminal"}],
        "origin": "api",
    }
    assert made.json() == again.json() == (await admin.get("/v1/people/anna")).json() == shown
    assert made.headers["etag"] == again.headers["etag"], "the secret was not encrypted anew"
    kept = await admin.put("/v1/people/anna", json=ANNA | {"contacts": [{"slack": None}]})
    assert kept.json()["contacts"] == [{"kind": "slack", "address": None}]
    assert await deeds(system) == ["person.make person anna", "person.change person anna"]


@pytest.mark.parametrize(
    ("address", "body", "change"),
    [
        ("/v1/people/anna", ANNA, {"timezone": "Europe/London"}),
        ("/v1/policies/night", NIGHT, {"steps": [{"page": "first", "wait": "1h"}]}),
        ("/v1/status-pages/public", PAGE, {"title": "Other"}),
    ],
)
async def test_whole_definitions_are_changed_only_by_who_has_seen_the_last(
    system: System, admin: httpx.AsyncClient, address: str, body: Any, change: Any
) -> None:
    assert (await admin.put(address, json=body, headers={"If-None-Match": "*"})).status_code == 201
    assert problem(await admin.put(address, json=body, headers={"If-None-Match": "*"}), 412)
    seen = await admin.get(address)
    listed = await admin.get(address.rpartition("/")[0])
    for one, where in ((seen, address), (listed, address.rpartition("/")[0])):
        again = await admin.get(where, headers={"If-None-Match": one.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    mine = {"If-Match": seen.headers["etag"]}
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
async def test_lists_come_page_by_page(
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


async def test_whatever_is_needed_cannot_go(system: System, admin: httpx.AsyncClient) -> None:
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
    made = await admin.post("/v1/ping-keys", json={"name": "house"})
    assert made.status_code == 201
    key = made.json()["key"]
    assert made.json()["ping_url"] == f"http://test/ping/{key}/SLUG"

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


async def test_what_the_api_made_outlives_an_apply_and_what_the_file_declares_too_is_taken_over(
    system: System, admin: httpx.AsyncClient
) -> None:
    await admin.put("/v1/people/anna", json=ANNA)
    await admin.put("/v1/people/ben", json=ANNA)
    await admin.put("/v1/policies/night", json={"steps": [{"page": "ben", "wait": "5m"}]})
    await admin.put("/v1/status-pages/public", json=PAGE)
    await admin.post("/v1/ping-keys", json={"name": "house"})
    await admin.put("/v1/checks/nightly", json={"every": "5m", "policy": "night"})
    wanted = parse("people: {anna: {contacts: [{console: terminal}]}}")

    done = await system.context.database.write(
        lambda db: definition_plan.apply(db, wanted, system.context.clock.now())
    )

    assert done.changes == (
        '~ person anna: declared by the API -> this file; name "Anna" -> "anna"; '
        "contacts slack (secret), console terminal -> console terminal",
        "- person first",
        "- policy ops",
    )
    everybody = (await admin.get("/v1/people")).json()["people"]
    assert [(one["id"], one["origin"]) for one in everybody] == [("anna", "file"), ("ben", "api")]
    for address in ("policies/night", "status-pages/public", "checks/nightly"):
        assert (await admin.get(f"/v1/{address}")).json()["origin"] == "api"
    assert [one["name"] for one in (await admin.get("/v1/ping-keys")).json()["ping_keys"]] == ["house"]
    assert (await system.context.database.read(lambda db: definition_plan.difference(db, wanted))).empty
    assert "night" not in await system.context.database.read(definition_plan.export)


async def test_a_plan_says_who_is_left_without_what_goes(system: System, admin: httpx.AsyncClient) -> None:
    await admin.put("/v1/policies/night", json=NIGHT)
    await admin.put("/v1/checks/nightly", json={"every": "5m", "policy": "ops"})
    found = await system.context.database.read(lambda db: definition_plan.difference(db, parse("checks: {}")))
    assert found.changes == (
        "- person first (policy night, made by the API, pages first)",
        "- policy ops (check nightly, made by the API, names it)",
    )


async def test_a_ping_key_of_the_file_takes_over_the_same_name_and_the_same_key(
    system: System, admin: httpx.AsyncClient
) -> None:
    await admin.post("/v1/ping-keys", json={"name": "housekeeping"})
    wanted = parse('ping_keys: {housekeeping: "${HEARTBEAT_PING_KEY}"}')
    done = await system.context.database.write(
        lambda db: definition_plan.apply(db, wanted, system.context.clock.now())
    )
    assert done.changes[0] == (
        "~ ping key housekeeping: declared by the API -> this file; "
        "from a key made by the service -> ${HEARTBEAT_PING_KEY}"
    )
    (key,) = (await admin.get("/v1/ping-keys")).json()["ping_keys"]
    assert (key["name"], key["origin"], key["made_at"]) == ("housekeeping", "file", None)


async def test_an_answer_is_new_where_the_file_takes_over_what_the_api_has_made(
    system: System, admin: httpx.AsyncClient
) -> None:
    address = "/v1/people/ben"
    ben = {"contacts": [{"console": "terminal"}]}
    made = await admin.put(address, json=ben)
    document = "people: {ben: {contacts: [{console: terminal}]}}"
    now = system.context.clock.now()
    await system.context.database.write(lambda db: definition_plan.apply(db, parse(document), now))
    again = await admin.get(address, headers={"If-None-Match": made.headers["etag"]})
    assert (again.status_code, again.json()["origin"]) == (200, "file")
    assert problem(await admin.put(address, json=ben), 409)
