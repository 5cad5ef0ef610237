"""The configuration file, applied through the API."""

from typing import Any

import httpx

from heartbeat.actor import Actor
from heartbeat.app import System
from heartbeat.http.asgi import ACTOR, Message
from tests.unit.http.conftest import ADMIN_KEY
from tests.unit.http.v1.conftest import problem

CONFIGURATION = """
people: {first: {name: First responder, contacts: [{console: terminal}]}}
policies: {ops: [{page: first, wait: 5m}]}
checks:
  nightly: {schedule: "0 3 * * *", timezone: Europe/London, labels: {host: a}}
"""


async def test_a_configuration_is_applied(system: System, admin: httpx.AsyncClient) -> None:
    answers = [await admin.put("/v1/configuration", content=CONFIGURATION) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert any("nightly" in change for change in answers[0].json()["changes"])
    assert answers[1].json() == {"changes": [], "expected": []}
    assert (await admin.get("/v1/checks/nightly")).json()["origin"] == "file"


async def test_a_faulty_configuration_changes_nothing_and_lists_every_problem(
    system: System, admin: httpx.AsyncClient
) -> None:
    faulty = CONFIGURATION + "  other: {every: never}\nnonsense: 1\n"

    answer = await admin.put("/v1/configuration?name=prod.yaml", content=faulty)

    assert problem(answer, 422) == "Nothing was changed: the configuration has 2 problems."
    assert all(line.startswith("prod.yaml:") for line in answer.json()["problems"])
    assert problem(await admin.get("/v1/checks/nightly"), 404)


async def test_a_check_that_pinged_is_deleted_only_if_the_request_says_so(
    system: System, admin: httpx.AsyncClient
) -> None:
    first = await admin.put("/v1/configuration", content=CONFIGURATION)
    (expected,) = first.json()["expected"]
    assert expected.startswith("nightly must ping by ")
    uuid = (await admin.get("/v1/checks/nightly")).json()["uuid"]
    assert (await admin.get(f"/ping/{uuid}")).status_code == 200
    without = CONFIGURATION.partition("checks:")[0]

    refused = await admin.put("/v1/configuration", content=without)
    assert "would delete 1 check that pinged before, with its history: nightly." in problem(refused, 409)
    assert (await admin.get("/v1/checks/nightly")).status_code == 200

    answer = await admin.put("/v1/configuration?delete=true", content=without)
    assert answer.status_code == 200
    assert problem(await admin.get("/v1/checks/nightly"), 404)


async def test_the_caller_is_known_to_the_connection_before_the_body_comes(system: System) -> None:
    """The connection then gives a long body more time."""
    state: dict[str, Any] = {}
    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/v1/configuration",
        "query_string": b"",
        "headers": [(b"x-api-key", ADMIN_KEY.encode())],
        "state": state,
    }
    known: list[Actor] = []

    async def receive() -> Message:
        known.append(state[ACTOR])
        return {"type": "http.request", "body": b"checks: {}"}

    async def send(_message: Message) -> None:
        """Nobody reads the answer."""

    await system.asgi(scope, receive, send)
    assert [actor.name for actor in known] == ["admin"]
