"""Polling, pagination, unknown parameters, and the audit entries of answers."""

from typing import Any

import httpx
import pytest

from heartbeat import audit
from heartbeat.app import System
from tests.unit.http.conftest import SetClock, escalate, fall_silent, make_check, ping
from tests.unit.http.v1.conftest import problem

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


async def deeds(system: System) -> list[tuple[str, str, Any]]:
    entries = await system.context.database.read(lambda db: audit.listed(db, limit=100))
    return [(entry.action, entry.target, entry.after) for entry in reversed(entries)]


async def unchanged(admin: httpx.AsyncClient, address: str, tag: str) -> bool:
    answer = await admin.get(address, headers={"If-None-Match": tag})
    assert answer.status_code in (200, 304)
    assert (answer.status_code == 304) == (answer.content == b"")
    return answer.status_code == 304


async def test_unchanged_incidents_are_not_sent_again(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    addresses = ("/v1/incidents", f"/v1/incidents/{number}", "/v1/overview")
    tags = {address: (await admin.get(address)).headers["etag"] for address in addresses}
    for address, tag in tags.items():
        assert await unchanged(admin, address, tag)
    await escalate(system, clock)
    for address in addresses[:2]:
        assert not await unchanged(admin, address, tags[address]), "somebody is paged"
    tag = (await admin.get(addresses[1])).headers["etag"]
    await admin.post(f"{addresses[1]}/note", json={"words": "Looking."})
    assert not await unchanged(admin, addresses[1], tag), "there is a note"


async def test_the_overview_counts(system: System, admin: httpx.AsyncClient, clock: SetClock) -> None:
    nothing = (await admin.get("/v1/overview")).json()
    assert nothing == {
        "checks": {"new": 0, "up": 0, "down": 0, "paused": 0, "unknown": 0},
        "incidents": {"open": 0, "acknowledged": 0, "snoozed": 0},
        "unanswered_since": None,
        "newest_success_at": None,
    }
    await ping(system, await make_check(system, "well"))
    await ping(system, await make_check(system, "ill"), "/fail")
    tag = (await admin.get("/v1/overview")).headers["etag"]
    some = (await admin.get("/v1/overview")).json()
    assert (some["checks"]["up"], some["checks"]["down"], some["incidents"]["open"]) == (1, 1, 1)
    assert some["newest_success_at"] == "2024-05-03T03:00:00Z"
    await make_check(system, "another")
    assert not await unchanged(admin, "/v1/overview", tag)


async def test_pings_and_transitions_are_paginated(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system)
    for suffix in ("", "/fail", "", "/fail", ""):
        clock.advance(seconds=1)
        await ping(system, check, suffix)
    for listing in ("pings", "transitions"):
        seconds, following = [], ""
        for _ in range(3):
            page = (await admin.get(f"/v1/checks/job/{listing}?limit=2{following}")).json()
            seconds += [row["at"][17:19] for row in page[listing]]
            following = f"&before={page['next']}"
        assert seconds == ["05", "04", "03", "02", "01"]
        assert page["next"] is None
    assert problem(await admin.get("/v1/checks/job/pings?before=0"), 422).startswith("before: must be the")


async def test_each_answer_has_one_audit_entry_with_its_author(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    until = "2024-05-03T06:00:00Z"
    for verb, body in [
        ("acknowledge", {"by": "anna", "until": until}),
        ("acknowledge", {"until": until}),
        ("snooze", {"until": until}),
        ("snooze", {"until": until}),
        ("note", {"words": "Looking."}),
        ("note", {"words": "Looking."}),
        ("resolve", {}),
        ("resolve", {}),
    ]:
        await admin.post(f"/v1/incidents/{number}/{verb}", json=body)
    target, end = f"incident {number}", "2024-05-03T06:00:00+00:00"
    assert await deeds(system) == [
        ("incident.acknowledge", target, {"state": "acknowledged", "by": "anna", "until": end}),
        ("incident.snooze", target, {"state": "snoozed", "by": "admin", "until": end}),
        ("incident.note", target, {"by": "admin", "words": "Looking."}),
        ("incident.resolve", target, {"state": "resolved", "by": "admin"}),
    ]


async def test_an_applied_configuration_has_an_audit_entry_with_its_changes(
    system: System, admin: httpx.AsyncClient
) -> None:
    text = b"checks: {nightly: {every: 5m}}"
    for _ in range(2):
        assert (await admin.put("/v1/configuration", content=text)).status_code == 200
    ((action, target, values),) = await deeds(system)
    assert (action, target) == ("configuration.apply", "configuration")
    assert "+ check nightly: every 5 minutes, grace 5 min" in values["changes"]


async def test_a_misspelt_parameter_is_refused(system: System, admin: httpx.AsyncClient) -> None:
    await make_check(system)
    for address, sentence in [
        ("/v1/checks?sate=down", "sate: is not a known parameter; did you mean 'state'?"),
        ("/v1/checks/job?full=1", "full: is not a known parameter; there are none."),
        (
            "/v1/incidents?open=true&closed=false",
            "closed: is not a known parameter; there are before, limit, open.",
        ),
        ("/v1/checks?%00=1", "'\\x00': is not a known parameter; there are after, limit, state."),
    ]:
        assert problem_or_question(await admin.get(address)) == sentence
    refused = await admin.put("/v1/configuration?nam=x.yaml", content=b"checks: {}")
    assert problem_or_question(refused) == "nam: is not a known parameter; did you mean 'name'?"


def problem_or_question(answer: httpx.Response) -> str:
    assert answer.status_code == 422, answer.text
    sentence: str = answer.json()["detail"]
    return sentence
