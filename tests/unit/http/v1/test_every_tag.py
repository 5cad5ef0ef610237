"""Whatever the API answers in JSON to whoever looks carries a tag, and is not sent again while it is as it was."""

import re

import httpx
import pytest

from heartbeat.app import System
from heartbeat.http import app as http_app
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping
from tests.unit.http.test_gates import api
from tests.unit.status.conftest import PAGE, define

NO_JSON = {"/v1/docs", "/v1/checks/{name}/pings/{n}/body", "/v1/configuration"}
"""A page, bytes that a job has sent, and YAML."""
AN_HOUR = {"starts_at": "2024-05-03T14:00:00Z", "ends_at": "2024-05-03T15:00:00Z"}


async def furnished(system: System, admin: httpx.AsyncClient, clock: SetClock) -> dict[str, str]:
    """Something of everything; how the places in addresses are to be filled, by what they stand behind."""
    await define(system, PAGE)
    job = await make_check(system)
    await ping(system, job)
    incident = await fall_silent(system, clock, job)
    made = {
        "people": await admin.put("/v1/people/anna", json={"contacts": [{"console": "terminal"}]}),
        "policies": await admin.put("/v1/policies/night", json={"steps": [{"page": "anna", "wait": "5m"}]}),
        "notifiers": await admin.put("/v1/notifiers/ntfy", json={"token": "tk_one"}),
        "maintenance": await admin.post(
            "/v1/maintenance", json={"title": "Move", "match": {"host": "a"}} | AN_HOUR
        ),
        "announcements": await admin.post(
            f"/v1/status-pages/{PAGE.slug}/incidents", json={"title": "Late", "body": "We look."}
        ),
    }
    assert all(one.is_success for one in made.values()), made
    return {
        "checks": "job",
        "incidents": str(incident),
        "people": "anna",
        "policies": "night",
        "notifiers": "ntfy",
        "status-pages": PAGE.slug,
        "maintenance": str(made["maintenance"].json()["id"]),
        f"{PAGE.slug}/incidents": str(made["announcements"].json()["id"]),
    }


def filled(path: str, places: dict[str, str]) -> str:
    """The address of something that there is."""
    while found := re.search(r"/((?:[^/{}]+/)?[^/{}]+)/{[^}]+}", path):
        behind = found[1] if found[1] in places else found[1].rpartition("/")[2]
        path = path.replace(path[found.start(1) : found.end()], f"{found[1]}/{places[behind]}", 1)
    return path


async def test_every_answer_in_json_has_a_tag(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    places = await furnished(system, admin, clock)
    addresses = {path for method, path, _ in api(http_app.build(system.context)) if method == "GET"} - NO_JSON
    assert len(addresses) > 20
    wrong = {}
    for address in sorted(filled(path, places) for path in addresses):
        first = await admin.get(address)
        tag = first.headers.get("etag", "")
        again = await admin.get(address, headers={"If-None-Match": tag})
        if (first.status_code, bool(tag), again.status_code, again.content) != (200, True, 304, b""):
            wrong[address] = (first.status_code, tag, again.status_code)
    assert wrong == {}


@pytest.mark.parametrize("which", ["pings", "transitions"])
async def test_what_is_new_is_sent(
    system: System, admin: httpx.AsyncClient, clock: SetClock, which: str
) -> None:
    job = await make_check(system)
    address = f"/v1/checks/job/{which}"
    tag = (await admin.get(address)).headers["etag"]
    await ping(system, job)
    await fall_silent(system, clock, job)
    assert (await admin.get(address, headers={"If-None-Match": tag})).status_code == 200
