"""Announcements in the API: from the draft to the last update, each step once, with its author."""

from typing import Any

import httpx
import pytest

from heartbeat.app import System
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping
from tests.unit.status.conftest import PAGE, define

AT = "/v1/status-pages/public/incidents"
WORDS = {"title": "Resets are late", "body": "We **look** into it."}


@pytest.fixture
async def defined(system: System) -> System:
    """A system with a status page."""
    await define(system, PAGE)
    return system


async def ask(admin: httpx.AsyncClient, method: str, path: str, code: int = 200, /, **body: Any) -> Any:
    answer = await admin.request(method, f"{AT}{path}", json=body or None)
    assert answer.status_code == code, answer.text
    return answer.json() if answer.content else None


async def test_an_announcement_from_draft_to_resolution(defined: System, admin: httpx.AsyncClient) -> None:
    affected = [{"component": "CPU allowance", "health": "delayed", "regions": ["us"]}]
    draft = await ask(admin, "POST", "", 201, **WORDS, affected=affected)
    assert (draft["draft"], draft["impact"], draft["status"], draft["affected"]) == (
        True,
        "minor",
        "investigating",
        affected,
    )
    path = f"/{draft['id']}"
    assert (await ask(admin, "PUT", path, **WORDS | {"title": "Later"}))["title"] == "Later"
    published = await ask(admin, "POST", f"{path}/publish")
    assert (published["draft"], published["body"]) == (False, "")
    assert published == await ask(admin, "POST", f"{path}/publish")
    assert [update["body"] for update in published["updates"]] == [WORDS["body"]]
    for _ in range(2):
        now = await ask(admin, "POST", f"{path}/updates", status="resolved", body="Over.")
    assert [update["status"] for update in now["updates"]] == ["resolved", "investigating"]
    assert now["next_statuses"] == ["postmortem"]
    assert now == await ask(admin, "GET", path)
    assert (await ask(admin, "GET", ""))["incidents"] == [now]
    await ask(admin, "DELETE", path, 422)


async def test_a_draft_can_be_deleted(defined: System, admin: httpx.AsyncClient) -> None:
    draft = await ask(admin, "POST", "", 201, **WORDS)
    await ask(admin, "DELETE", f"/{draft['id']}", 204)
    await ask(admin, "GET", f"/{draft['id']}", 404)


async def test_a_draft_comes_from_an_incident(
    defined: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(defined, labels={"component": "cpu", "region": "us"})
    await ping(defined, check)
    number = await fall_silent(defined, clock, check)
    draft = await ask(admin, "POST", "/draft", 201, incident=number)
    assert (draft["draft"], draft["incident"]) == (True, number)
    assert (await ask(admin, "POST", "/draft", 201, incident=number))["id"] == draft["id"]
    assert (
        "either an incident" in (await ask(admin, "POST", "/draft", 422, incident=1, maintenance=1))["detail"]
    )
    assert "no incident 999" in (await ask(admin, "POST", "/draft", 404, incident=999))["detail"]


async def test_announcements_are_paginated_and_can_be_unrelated(
    defined: System, admin: httpx.AsyncClient
) -> None:
    first, second = [await ask(admin, "POST", "", 201, **WORDS) for _ in range(2)]
    await ask(admin, "POST", f"/{first['id']}/publish")
    now = await ask(admin, "PUT", f"/{second['id']}/relations", not_related_to=[first["id"]])
    assert now["not_related_to"] == [first["id"]]
    listed = (await admin.get(f"{AT}?limit=1")).json()
    assert ([announcement["id"] for announcement in listed["incidents"]], listed["next"]) == (
        [second["id"]],
        second["id"],
    )
    rest = (await admin.get(f"{AT}?before={listed['next']}")).json()
    assert ([announcement["id"] for announcement in rest["incidents"]], rest["next"]) == ([first["id"]], None)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({**WORDS, "title": ""}, "title: must be one line of text."),
        ({**WORDS, "kind": "party"}, "kind: must be one of incident, maintenance."),
        ({**WORDS, "status": "late"}, "status: must be one of investigating, "),
        ({**WORDS, "body": "x" * 10_001}, "body: must have at most 10000 characters."),
        ({**WORDS, "body": "a\0b"}, "body: must not have NUL characters"),
        ({**WORDS, "affected": [{"component": "Nope"}]}, "affected: there is no component 'Nope'"),
        (
            {**WORDS, "affected": [{"component": "Mail", "health": "bad"}]},
            "affected.0.health: must be one of",
        ),
        ({**WORDS, "starts_at": "now"}, "starts_at: must be an instant with its zone"),
        ({**WORDS, "not_related_to": [2**70]}, "not_related_to.0: must be the number"),
        ({**WORDS, "not_related_to": [77]}, "not_related_to: 77 is no published announcement"),
        ({**WORDS, "more": 1}, "more: is not a known field."),
    ],
)
async def test_an_error_names_the_field(
    defined: System, admin: httpx.AsyncClient, body: dict[str, Any], sentence: str
) -> None:
    assert (await ask(admin, "POST", "", 422, **body))["detail"].startswith(sentence)


async def test_an_announcement_belongs_to_its_page(defined: System, admin: httpx.AsyncClient) -> None:
    announcement = await ask(admin, "POST", "", 201, **WORDS)
    answer = await admin.get(f"/v1/status-pages/other/incidents/{announcement['id']}")
    assert answer.status_code == 404
    assert (await admin.get("/v1/status-pages/other/incidents")).status_code == 404


async def test_publishing_needs_the_responder_role(defined: System, client: httpx.AsyncClient) -> None:
    assert (await client.post(AT, json=WORDS)).status_code == 401
