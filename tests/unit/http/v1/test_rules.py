"""The trial of a rule through the API."""

import httpx
import pytest

from heartbeat.app import System
from tests.unit.http.conftest import SetClock, make_check, ping, read_check, visitor
from tests.unit.http.v1.conftest import problem
from tests.unit.http.v1.test_access import make_key

TRY = "/v1/checks/job/rules/try"


async def test_a_rule_is_tried_on_the_past_and_nothing_is_changed(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system)
    await ping(system, check, "?m.rows=0")
    await system.beside.rollup.roll()
    await system.context.database.write(lambda db: db.exec_driver_sql("DELETE FROM pings"))
    for rows in (12, 0, 0):
        clock.advance(hours=24)
        await ping(system, check, f"?m.rows={rows}")
    before = await read_check(system)
    answer = await admin.post(TRY, json={"rule": "rows > 0", "for": 2})
    broken = {"why": "rows must be > 0, was 0", "value": 0.0}
    assert answer.json() == {
        "rule": "rows > 0, for 2 runs",
        "since": "2024-05-04T03:00:00Z",
        "runs": 3,
        "falls": 1,
        "broken_runs": [
            broken | {"at": "2024-05-06T03:00:00Z", "down": True},
            broken | {"at": "2024-05-05T03:00:00Z", "down": False},
        ],
        "days": 1,
        "judged": "by the lowest and highest value of each hour",
        "broken_days": [{"day": "2024-05-03", "hours": 1, "why": "rows must be > 0, was 0"}],
    }
    assert await read_check(system) == before


async def test_a_reader_may_try_a_rule(system: System, admin: httpx.AsyncClient) -> None:
    await make_check(system)
    async with visitor(system, **{"X-Api-Key": await make_key(admin, "read")}) as program:
        answer = await program.post(TRY, json={"rule": 'body has "done"', "severity": "critical"})
    assert (answer.status_code, answer.json()["rule"]) == (200, 'body has "done", critical')


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            {"rule": "rows > many"},
            "column 8: Write a number or a duration, such as 5000, 15m or 3x, not 'many'.",
        ),
        (
            {"rule": "rows > 0", "for": 21},
            "for: '21' is no number of runs; write for example 2 runs, at most 20.",
        ),
        (
            {"rule": "rows > 0", "runs": 2},
            "runs: a rule has no such field; there are for, name, rule, severity.",
        ),
        ({}, "rule: "),
        ({"rule": 5}, "rule: must be text."),
    ],
)
async def test_a_wrong_rule_is_refused_with_its_column(
    system: System, admin: httpx.AsyncClient, body: dict[str, object], sentence: str
) -> None:
    await make_check(system)
    assert sentence in problem(await admin.post(TRY, json=body), 422)


async def test_a_rule_is_tried_on_a_check_that_exists(system: System, admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/v1/checks/none/rules/try", json={"rule": "rows > 0"})
    assert problem(answer, 404) == "There is no check 'none'."
