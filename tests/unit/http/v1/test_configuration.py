"""The configuration file, applied through the API."""

import httpx

from heartbeat.app import System
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
    assert answers[1].json() == {"changes": []}
    assert (await admin.get("/v1/checks/nightly")).json()["origin"] == "file"


async def test_a_faulty_configuration_changes_nothing_and_lists_every_problem(
    system: System, admin: httpx.AsyncClient
) -> None:
    faulty = CONFIGURATION + "  other: {every: never}\nnonsense: 1\n"

    answer = await admin.put("/v1/configuration?name=prod.yaml", content=faulty)

    assert problem(answer, 422) == "Nothing was changed: the configuration has 2 problems."
    assert all(line.startswith("prod.yaml:") for line in answer.json()["problems"])
    assert problem(await admin.get("/v1/checks/nightly"), 404)
