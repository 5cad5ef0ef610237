"""Every JSON response to a read has a tag, and is not sent again while it is unchanged."""

import re

import httpx
import pytest

from heartbeat.app import System
from heartbeat.http import app as http_app
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping
from tests.unit.http.test_gates import api
from tests.unit.status.conftest import PAGE, define

NOT_JSON = {
    "/v1/docs",
    "/v1/checks/{name}/pings/{n}/body",
    "/v1/configuration",
    "/v1/incidents/{number}/postmortem",
    "/v1/on-call/text",
}
"""HTML, the bytes of a ping body, YAML, and Markdown."""
AN_HOUR = {"starts_at": "2024-05-03T14:00:00Z", "ends_at": "2024-05-03T15:00:00Z"}

TURNS = {"people": "anna", "shift": "1w", "from": "2024-05-03"}


async def furnished(system: System, admin: httpx.AsyncClient, clock: SetClock) -> dict[str, str]:
    """Create one of everything. Return the values of address parameters by the path before them."""
    await define(system, PAGE)
    job = await make_check(system)
    await ping(system, job)
    incident = await fall_silent(system, clock, job)
    responses = {
        "people": await admin.put("/v1/people/anna", json={"contacts": [{"console": "terminal"}]}),
        "policies": await admin.put("/v1/policies/night", json={"steps": [{"page": "anna", "wait": "5m"}]}),
        "teams": await admin.put("/v1/teams/all", json={"people": "anna"}),
        "channels": await admin.put("/v1/channels/room", json={"contacts": [{"console": "terminal"}]}),
        "rotations": await admin.put("/v1/rotations/infra", json={"layers": [TURNS]}),
        "rotations/infra/calendar": await admin.put("/v1/rotations/infra/calendar"),
        "people/anna/calendar": await admin.put("/v1/people/anna/calendar"),
        "notifiers": await admin.put("/v1/notifiers/ntfy", json={"token": "tk_one"}),
        "maintenance": await admin.post(
            "/v1/maintenance", json={"title": "Move", "match": {"host": "a"}} | AN_HOUR
        ),
        "announcements": await admin.post(
            f"/v1/status-pages/{PAGE.slug}/incidents", json={"title": "Late", "body": "We look."}
        ),
    }
    assert all(response.is_success for response in responses.values()), responses
    return {
        "checks": "job",
        "incidents": str(incident),
        "people": "anna",
        "policies": "night",
        "teams": "all",
        "channels": "room",
        "rotations": "infra",
        "notifiers": "ntfy",
        "status-pages": PAGE.slug,
        "maintenance": str(responses["maintenance"].json()["id"]),
        f"{PAGE.slug}/incidents": str(responses["announcements"].json()["id"]),
    }


def filled(path: str, places: dict[str, str]) -> str:
    """Return an address with its parameters filled in."""
    while parameter := re.search(r"/((?:[^/{}]+/)?[^/{}]+)/{[^}]+}", path):
        behind = parameter[1] if parameter[1] in places else parameter[1].rpartition("/")[2]
        path = path.replace(path[parameter.start(1) : parameter.end()], f"{parameter[1]}/{places[behind]}", 1)
    return path


async def test_every_json_response_has_a_tag(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    places = await furnished(system, admin, clock)
    addresses = {
        path for method, path, _ in api(http_app.build(system.context)) if method == "GET"
    } - NOT_JSON
    assert len(addresses) > 20
    failures = {}
    for address in sorted(filled(path, places) for path in addresses):
        first = await admin.get(address)
        tag = first.headers.get("etag", "")
        second = await admin.get(address, headers={"If-None-Match": tag})
        if (first.status_code, bool(tag), second.status_code, second.content) != (200, True, 304, b""):
            failures[address] = (first.status_code, tag, second.status_code)
    assert failures == {}


@pytest.mark.parametrize("which", ["pings", "transitions"])
async def test_a_changed_list_is_sent_again(
    system: System, admin: httpx.AsyncClient, clock: SetClock, which: str
) -> None:
    job = await make_check(system)
    address = f"/v1/checks/job/{which}"
    tag = (await admin.get(address)).headers["etag"]
    await ping(system, job)
    await fall_silent(system, clock, job)
    assert (await admin.get(address, headers={"If-None-Match": tag})).status_code == 200
