"""Users, API keys and the audit log in the API."""

import httpx
import pytest

from heartbeat.app import System
from tests.unit.access.conftest import PASSWORD, add
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock, make_check, read_check, visitor


async def make_key(admin: httpx.AsyncClient, *scopes: str, **more: str) -> str:
    """Create a key with these scopes and return it."""
    answer = await admin.post("/v1/keys", json={"name": "deploy", "scopes": list(scopes)} | more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


async def test_a_key_is_shown_once_and_listed_with_its_prefix(
    system: System, admin: httpx.AsyncClient
) -> None:
    key = await make_key(admin, "read", "write")
    listed = (await admin.get("/v1/keys")).json()
    assert key not in str(listed)
    (entry,) = listed["keys"]
    assert (entry["name"], entry["prefix"], entry["scopes"]) == ("deploy", key[:9], ["read", "write"])
    assert (entry["role"], entry["made_by"], entry["last_used_at"]) == ("responder", "admin", None)


@pytest.mark.parametrize(
    ("scopes", "more", "looks", "pauses", "rules"),
    [
        (["read"], {}, 200, 403, 403),
        (["write"], {}, 200, 200, 403),
        (["write"], {"role": "admin"}, 200, 200, 200),
        (["ping"], {}, 403, 403, 403),
    ],
)
async def test_a_key_can_do_only_what_its_scopes_allow(
    system: System,
    admin: httpx.AsyncClient,
    scopes: list[str],
    more: dict[str, str],
    looks: int,
    pauses: int,
    rules: int,
) -> None:
    await make_check(system)
    async with visitor(system, **{"X-Api-Key": await make_key(admin, *scopes, **more)}) as program:
        assert (await program.get("/v1/checks/job")).status_code == looks
        assert (await program.post("/v1/checks/job/pause")).status_code == pauses
        assert (await program.get("/v1/audit")).status_code == rules
        assert (await program.get("/metrics")).status_code == looks


async def test_the_error_for_a_read_only_key_names_the_missing_scope(
    system: System, admin: httpx.AsyncClient
) -> None:
    await make_check(system)
    async with visitor(system, **{"X-Api-Key": await make_key(admin, "read")}) as program:
        refused = (await program.post("/v1/checks/job/pause")).json()["detail"]
    assert (
        refused
        == "This needs a key with the scope write and the role responder. The key deploy can only read."
    )


async def test_a_key_acts_under_its_name_and_its_use_is_recorded(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    await make_check(system)
    async with visitor(system, Authorization=f"Bearer {await make_key(admin, 'write')}") as program:
        await program.post("/v1/checks/job/pause")
    newest = (await admin.get("/v1/audit?target=check job")).json()["audit"][0]
    assert (newest["actor"], newest["via"], newest["action"]) == ("deploy", "key deploy", "check.pause")
    assert (newest["before"], newest["after"]) == ({"state": "new"}, {"state": "paused"})
    (entry,) = (await admin.get("/v1/keys")).json()["keys"]
    assert entry["last_used_at"] == NOW.isoformat().replace("+00:00", "Z")


async def test_a_key_with_the_scope_ping_can_ping(
    system: System, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await make_check(system)
    key = await make_key(admin, "ping")
    assert (await client.get(f"/ping/{key}/job")).status_code == 200
    assert (await read_check(system)).pings == 1
    refused = await admin.delete("/v1/ping-keys/key:deploy")
    assert (refused.status_code, "API key deploy" in refused.json()["detail"]) == (409, True)
    assert (await admin.delete("/v1/keys/deploy")).status_code == 204
    assert (await client.get(f"/ping/{key}/job")).status_code == 404


async def test_an_expired_key_is_refused(system: System, admin: httpx.AsyncClient, clock: SetClock) -> None:
    key = await make_key(admin, "read", ends_at="2024-05-03T04:00:00Z")
    async with visitor(system, Authorization=f"Bearer {key}") as program:
        assert (await program.get("/v1/checks")).status_code == 200
        clock.advance(hours=1)
        refused = await program.get("/v1/checks")
        assert (refused.status_code, "expired" in refused.json()["detail"]) == (401, True)
    assert (await admin.delete("/v1/keys/deploy")).status_code == 204
    assert (await admin.delete("/v1/keys/deploy")).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"name": "A", "scopes": ["read"]}, 422, "name: must be"),
        ({"name": "a", "scopes": []}, 422, "scopes: must name"),
        ({"name": "a", "scopes": ["write"], "role": "viewer"}, 422, "role: a key that writes"),
        ({"name": "a", "scopes": ["read"], "role": "root"}, 422, "role: must be one of"),
        ({"name": "a", "scopes": ["read"], "ends_at": "soon"}, 422, "ends_at: must be an instant"),
        ({"name": "deploy", "scopes": ["read"]}, 409, "key named deploy already"),
    ],
)
async def test_an_invalid_key_request_is_refused_with_a_reason(
    admin: httpx.AsyncClient, body: dict[str, object], status: int, sentence: str
) -> None:
    await make_key(admin, "read")
    refused = await admin.post("/v1/keys", json=body)
    assert (refused.status_code, sentence in refused.json()["detail"]) == (status, True), refused.text


async def test_a_user_is_invited_changed_disabled_and_reset(system: System, admin: httpx.AsyncClient) -> None:
    await system.context.database.write(add)
    invited = await admin.post("/v1/users", json={"name": "bob", "role": "viewer"})
    assert invited.status_code == 201
    bob = invited.json()
    assert (bob["state"], bob["link"].startswith("http://test/join/")) == ("invited", True)
    assert (await admin.post("/v1/users", json={"name": "bob", "role": "viewer"})).status_code == 409
    async with visitor(system) as browser:
        form = {"password": PASSWORD, "again": PASSWORD}
        assert (await browser.post(bob["link"].removeprefix("http://test"), data=form)).status_code == 303
    assert (await admin.post("/v1/users/bob/role", json={"role": "admin"})).json()["role"] == "admin"
    assert (await admin.post("/v1/users/bob/disable")).json()["state"] == "disabled"
    assert (await admin.post("/v1/users/bob/enable")).json()["state"] == "active"
    assert (await admin.post("/v1/users/bob/reset")).json()["state"] == "active"
    listed = (await admin.get("/v1/users")).json()["users"]
    assert [(user["name"], user["state"]) for user in listed] == [("anna", "active"), ("bob", "invited")]
    assert "argon2" not in str(listed)


async def test_the_last_admin_cannot_be_removed(system: System, admin: httpx.AsyncClient) -> None:
    await system.context.database.write(add)
    for path, body in (("role", {"role": "viewer"}), ("disable", None), ("reset", None)):
        refused = await admin.post(f"/v1/users/anna/{path}", json=body)
        assert (refused.status_code, "last admin" in refused.json()["detail"]) == (409, True)
    for path, body in (("role", {"role": "viewer"}), ("disable", None), ("enable", None), ("reset", None)):
        assert (await admin.post(f"/v1/users/nobody/{path}", json=body)).status_code == 404


async def test_the_audit_log_is_paginated(system: System, admin: httpx.AsyncClient) -> None:
    for name in ("a", "b", "c"):
        await admin.post("/v1/keys", json={"name": name, "scopes": ["read"]})
    first = (await admin.get("/v1/audit?limit=2")).json()
    rest = (await admin.get(f"/v1/audit?limit=2&before={first['next']}")).json()
    assert [entry["target"] for entry in [*first["audit"], *rest["audit"]]] == ["key c", "key b", "key a"]
    assert rest["next"] is None
