"""Pings that no check expects, in the API and on the console."""

import httpx

from heartbeat.app import System


async def pinged(system: System, admin: httpx.AsyncClient, name: str) -> None:
    key = (await admin.post("/v1/ping-keys", json={"name": "jobs"})).json().get("key", "")
    assert (await admin.get(f"/ping/{key}/{name}", headers={"User-Agent": "curl/8"})).status_code == 404
    await system.ingest.settle()


async def test_the_api_lists_them(system: System, admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/v1/unexpected-pings")).json() == {"unexpected_pings": []}
    await pinged(system, admin, "nigthly-backup")
    (pings,) = (await admin.get("/v1/unexpected-pings")).json()["unexpected_pings"]
    assert {name: pings[name] for name in ("name", "key", "key_known", "count", "agent")} == {
        "name": "nigthly-backup",
        "key": "jobs",
        "key_known": True,
        "count": 1,
        "agent": "curl/8",
    }
    assert "heartbeat_unexpected_pings_names 1.0" in (await admin.get("/metrics")).text
