"""People and policies in the API."""

from typing import Any

import httpx

from heartbeat.app import System

UNPROVEN: dict[str, Any] = {"after": None, "tested_at": None, "proven_at": None}


async def test_people_are_shown_without_secret_addresses(system: System, admin: httpx.AsyncClient) -> None:
    people = await admin.get("/v1/people")
    policies = await admin.get("/v1/policies")

    assert people.json()["people"] == [
        {
            "id": "first",
            "name": "First responder",
            "timezone": "UTC",
            "user": "first",
            "quiet_hours": None,
            "contacts": [
                {"kind": "console", "address": "terminal"} | UNPROVEN,
                {"kind": "slack", "address": None} | UNPROVEN,
                {"kind": "pigeon", "address": None} | UNPROVEN,
            ],
            "warnings": [],
            "devices": [],
            "origin": "file",
        }
    ]
    assert policies.json()["policies"] == [
        {
            "name": "ops",
            "steps": [{"page": ["first"], "wait": 300.0, "round_robin": False}],
            "default": True,
            "origin": "file",
            "definition": {"steps": [{"page": "first", "wait": "5m"}]},
        }
    ]


async def test_a_test_page_tells_the_outcome_at_each_contact(
    system: System, admin: httpx.AsyncClient
) -> None:
    answer = await admin.post("/v1/people/first/test-page")
    assert answer.status_code == 200
    assert (answer.json()["person"], answer.json()["severity"]) == ("first", "error")
    outcomes = {contact["kind"]: contact["outcome"] for contact in answer.json()["contacts"]}
    assert outcomes == {"console": "accepted", "slack": "unreachable", "pigeon": "refused"}
    again = await admin.post("/v1/people/first/test-page")
    assert (again.status_code, again.headers["retry-after"]) == (429, "10")
    contact = (await admin.get("/v1/people/first")).json()["contacts"][0]
    assert (contact["tested_at"], contact["proven_at"]) == ("2024-05-03T03:00:00Z", None)
    assert (await admin.post("/v1/people/nobody/test-page")).status_code == 404
