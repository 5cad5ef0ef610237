"""People and policies in the API."""

import httpx

from heartbeat.app import System


async def test_people_are_shown_without_secret_addresses(system: System, admin: httpx.AsyncClient) -> None:
    people = await admin.get("/v1/people")
    policies = await admin.get("/v1/policies")

    assert people.json()["people"] == [
        {
            "id": "first",
            "name": "First responder",
            "timezone": "UTC",
            "contacts": [
                {"kind": "console", "address": "terminal"},
                {"kind": "slack", "address": None},
                {"kind": "pigeon", "address": None},
            ],
            "origin": "file",
        }
    ]
    assert policies.json()["policies"] == [
        {
            "name": "ops",
            "steps": [{"page": ["first"], "wait": 300.0}],
            "default": True,
            "origin": "file",
            "definition": {"steps": [{"page": "first", "wait": "5m"}]},
        }
    ]
