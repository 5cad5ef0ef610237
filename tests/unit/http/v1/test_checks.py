"""Checks in the API: their state, pings and transitions; pause, resume, delete."""

from datetime import time, timedelta
from typing import Any

import httpx
import pytest

from alerting.origin import Origin
from heartbeat.app import System
from heartbeat.checks.check import State, Tolerance
from heartbeat.checks.expectation import Expectation, RunLimit
from heartbeat.checks.schedule import Cron, Every
from heartbeat.checks.tables import checks as checks_table
from heartbeat.http.v1 import checks
from tests.unit.http.conftest import (
    SetClock,
    fall_silent,
    make_check,
    ping,
    read_check,
)
from tests.unit.http.v1.conftest import problem


async def test_a_check_has_all_its_fields(system: System, admin: httpx.AsyncClient) -> None:
    check = await make_check(
        system,
        "daily",
        schedule=Cron("0 3 * * *", "Europe/London"),
        grace=timedelta(minutes=15),
        max_runtime=timedelta(hours=2),
        expectation=Expectation(
            RunLimit(3, timedelta(hours=1)),
            timedelta(seconds=30),
            finish_by=time(6),
            timezone="Europe/London",
        ),
        labels={"host": "a"},
        description="Resets the counters.",
        runbook="https://wiki.example.com/daily",
        alert_after=Tolerance(failures=3),
    )
    await ping(system, check)

    answer = await admin.get("/v1/checks/daily")

    assert answer.json() == {
        "slug": "daily",
        "uuid": str(check.uuid),
        "name": "daily",
        "description": "Resets the counters.",
        "runbook": "https://wiki.example.com/daily",
        "labels": {"host": "a"},
        "schedule": {
            "cron": "0 3 * * *",
            "timezone": "Europe/London",
            "words": "at 03:00 every day, Europe/London, to finish by 06:00, at most 3 runs in 1 h, each at least 30 s",
        },
        "grace": 900.0,
        "max_runtime": 7200.0,
        "until_done": False,
        "stuck_after": None,
        "min_runtime": 30.0,
        "at_most": "3 per 1h",
        "one_at_a_time": False,
        "finish_by": "06:00",
        "window": None,
        "alert_after": {"failures": 3, "missed": 1},
        "rules": [],
        "after": [],
        "measure": "json",
        "failures": 0,
        "missed": 0,
        "severity": "error",
        "policy": None,
        "state": "up",
        "cause": None,
        "since": "2024-05-03T03:00:00Z",
        "last_heard_at": "2024-05-03T03:00:00Z",
        "last_ok_at": "2024-05-03T03:00:00Z",
        "due_at": "2024-05-04T02:00:00Z",
        "deadline": "2024-05-04T02:15:00Z",
        "runs": [],
        "pings": 1,
        "origin": "api",
        "incident": None,
        "ping_url": f"http://test/ping/{check.uuid}",
        "time_zone_question": None,
        "definition": {
            "description": "Resets the counters.",
            "runbook": "https://wiki.example.com/daily",
            "schedule": "0 3 * * *",
            "timezone": "Europe/London",
            "grace": "15m",
            "max_runtime": "2h",
            "at_most": "3 per 1h",
            "min_runtime": "30s",
            "finish_by": "06:00",
            "alert_after": {"failures": 3},
            "labels": {"host": "a"},
        },
    }
    assert (await admin.get(f"/v1/checks/{check.uuid}")).json() == answer.json()
    assert (await admin.get(f"/v1/checks/{str(check.uuid).upper()}")).json() == answer.json()


async def test_a_check_has_the_progress_of_its_runs(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(
        system, until_done=True, max_runtime=timedelta(hours=20), stuck_after=timedelta(minutes=15)
    )
    rid = "f7a0c980-65d9-4075-a996-6b8a016b00bb"
    await ping(system, check, f"/start?rid={rid}")
    for done in (0, 30, 60, 90):
        await ping(system, check, f"/progress?done={done}&total=900&m.rows={2 * done}&rid={rid}")
        clock.advance(minutes=1)
    await ping(system, check, f"/progress?done=90&total=900&m.left=much&rid={rid}")

    document = (await admin.get("/v1/checks/job")).json()

    assert (document["until_done"], document["max_runtime"], document["stuck_after"]) == (True, 72_000, 900)
    assert document["definition"]["max_runtime"] == "until done, at most 20h"
    assert document["runs"] == [
        {
            "rid": rid,
            "started_at": "2024-05-03T03:00:00Z",
            "overran": False,
            "done": 90.0,
            "total": 900.0,
            "per_hour": 1800.0,
            "reported_at": "2024-05-03T03:04:00Z",
            "moved_at": "2024-05-03T03:03:00Z",
            "ends_at": "2024-05-03T03:31:00Z",
            "stuck_at": "2024-05-03T03:18:00Z",
            "measurements": {"rows": 180.0},
            "misread": '"left" was left out: "much" is not a number.',
        }
    ]


async def test_a_check_is_late_between_its_due_time_and_its_deadline(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system)

    async def state() -> Any:
        return (await admin.get("/v1/checks/job")).json()["state"]

    assert await state() == "new"
    await ping(system, check)
    assert await state() == "up"
    clock.advance(minutes=5, seconds=1)
    assert await state() == "late"
    number = await fall_silent(system, clock, check)
    document = (await admin.get("/v1/checks/job")).json()
    assert (document["state"], document["cause"], document["incident"]) == ("down", "silent", number)


async def test_checks_are_paginated(system: System, admin: httpx.AsyncClient) -> None:
    for number in range(5):
        await make_check(system, f"job-{number}")

    slices, following = [], ""
    for _ in range(3):
        page = (
            await admin.get("/v1/checks", params={"limit": 2} | ({"after": following} if following else {}))
        ).json()
        slices.append([check["slug"] for check in page["checks"]])
        following = page["next"]

    assert slices == [["job-0", "job-1"], ["job-2", "job-3"], ["job-4"]]
    assert following is None
    assert (await admin.get("/v1/checks?limit=5")).json()["next"] is None


async def test_checks_can_be_listed_by_their_current_state(
    system: System, admin: httpx.AsyncClient, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, up, down, paused, _new = [
        await make_check(system, slug) for slug in ("a-late", "b-up", "c-down", "d-paused", "e-new")
    ]
    await ping(system, late)
    await admin.post(f"/v1/checks/{paused.slug}/pause")
    clock.advance(minutes=4)
    await ping(system, up)
    await ping(system, down, "/fail")
    await make_check(system, "f-new", schedule=Every(timedelta(minutes=10)))
    clock.advance(minutes=1, seconds=1)
    unheard = await make_check(system, "g-unknown")
    unknown = checks_table.update().where(checks_table.c.id == unheard.id).values(unheard=True)
    await system.context.database.write(lambda db: db.execute(unknown))
    # So few are looked at for one page that each state takes several.
    monkeypatch.setattr(checks, "SCANNED", 2)

    listed: dict[str, list[str]] = {}
    for state in State:
        slugs, following = [], ""
        while following is not None:
            params = {"state": state.value, "limit": 1} | ({"after": following} if following else {})
            page = (await admin.get("/v1/checks", params=params)).json()
            slugs += [check["slug"] for check in page["checks"]]
            assert {check["state"] for check in page["checks"]} <= {state}
            following = page["next"]
        listed[state.value] = slugs

    assert listed == {
        "new": ["f-new"],
        "up": ["b-up"],
        "late": ["a-late", "e-new"],
        "down": ["c-down"],
        "unknown": ["g-unknown"],
        "paused": ["d-paused"],
    }


async def test_pause_and_resume_can_be_repeated(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system)
    number = await fall_silent(system, clock, check)

    for _ in range(2):
        paused = await admin.post("/v1/checks/job/pause")
        assert (paused.status_code, paused.json()["state"], paused.json()["incident"]) == (
            200,
            "paused",
            None,
        )
    assert (await admin.get(f"/v1/incidents/{number}")).json()["state"] == "resolved"
    for _ in range(2):
        resumed = await admin.post("/v1/checks/job/resume")
        assert (resumed.status_code, resumed.json()["state"]) == (200, "new")
        clock.advance(seconds=1)
    # The second resumption changed nothing: it is still expected from the first one on.
    assert resumed.json()["since"] == "2024-05-03T03:06:00Z"


async def test_a_check_of_the_file_cannot_be_deleted(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system, origin=Origin.FILE)
    number = await fall_silent(system, clock, check)

    sentence = problem(await admin.delete("/v1/checks/job"), 409)

    assert sentence == "The configuration file declares check job: delete it there."
    assert (await read_check(system)).state is State.DOWN
    assert (await admin.get(f"/v1/incidents/{number}")).json()["state"] == "open"


async def test_deleting_a_check_ends_its_incident(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system)
    number = await fall_silent(system, clock, check)

    assert (await admin.delete(f"/v1/checks/{check.uuid}")).status_code == 204
    assert problem(await admin.delete("/v1/checks/job"), 404) == "There is no check 'job'."
    story = (await admin.get(f"/v1/incidents/{number}")).json()
    assert story["state"] == "resolved"
    assert [(s["check"], s["title"], s["cleared_why"]) for s in story["symptoms"]] == [
        (None, "job", "deleted by admin")
    ]


async def test_pings_are_listed_without_their_bodies(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system)
    await ping(system, check, "/start")
    clock.advance(seconds=90)
    await ping(system, check, "/7", b"failed\n\xff\0")

    pings = (await admin.get("/v1/checks/job/pings")).json()["pings"]

    assert pings == [
        {
            "n": 2,
            "at": "2024-05-03T03:01:30Z",
            "type": "fail",
            "exit_status": 7,
            "rid": None,
            "duration": 90.0,
            "method": "POST",
            "remote": "127.0.0.1",
            "agent": f"python-httpx/{httpx.__version__}",
            "body_bytes": 9,
            "measurements": None,
            "misread": None,
        },
        pings[1] | {"n": 1, "type": "start", "exit_status": None, "duration": None, "body_bytes": 0},
    ]
    assert [check["n"] for check in (await admin.get("/v1/checks/job/pings?limit=1")).json()["pings"]] == [2]


async def test_pings_are_listed_with_their_numbers(system: System, admin: httpx.AsyncClient) -> None:
    check = await make_check(system)
    await ping(system, check, "", b'{"rows": 12, "ratio": 0.5, "left": 1e999}')
    (listed,) = (await admin.get("/v1/checks/job/pings")).json()["pings"]
    assert listed["measurements"] == {"rows": 12, "ratio": 0.5}
    assert listed["misread"] == '"left" was left out: it is not a finite number.'


async def test_the_numbers_of_a_check_are_listed_by_day_and_one_of_them_by_hour(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system)
    for hours, rows in ((0, 12), (1, 7.5), (24, 3)):
        clock.advance(hours=hours)
        await ping(system, check, "", b'{"rows": %a, "left": 0}' % rows)
    await system.beside.rollup.roll()

    address = "/v1/checks/job/measurements"
    listed = (await admin.get(address)).json()["measurements"]
    assert [measurement["name"] for measurement in listed] == ["body_size", "left", "rows"]
    first = {"day": "2024-05-03", "count": 2, "lowest": 7.5, "median": 9.75, "highest": 12.0, "hours": None}
    second = {"day": "2024-05-04", "count": 1, "lowest": 3.0, "median": 3.0, "highest": 3.0, "hours": None}
    assert listed[2]["days"] == [first, second]

    (rows,) = (await admin.get(f"{address}?measurement=rows&days=1")).json()["measurements"]
    hour = {"hour": 4, "count": 1, "lowest": 3.0, "median": 3.0, "highest": 3.0}
    assert rows == {"name": "rows", "days": [second | {"hours": [hour]}]}
    assert (await admin.get(f"{address}?measurement=nothing")).json() == {"measurements": []}
    assert problem(await admin.get("/v1/checks/nothing/measurements"), 404)
    for query in ("days=0", "days=401", "measurement=" + "a" * 64):
        assert problem(await admin.get(f"{address}?{query}"), 422)


async def test_a_ping_body_is_returned_unchanged_and_inert(system: System, admin: httpx.AsyncClient) -> None:
    check = await make_check(system)
    hostile = b"<script>alert(1)</script>\xff\0"
    await ping(system, check, body=hostile)
    await ping(system, check)

    answer = await admin.get("/v1/checks/job/pings/1/body")

    assert (answer.status_code, answer.content) == (200, hostile)
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == 'attachment; filename="job-1.txt"'
    for number in (2, 3, 2**62):
        sentence = problem(await admin.get(f"/v1/checks/job/pings/{number}/body"), 404)
        assert sentence == f"Ping {number} of job has no stored body."


async def test_transitions_are_listed_newest_first(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system)
    await ping(system, check)
    await fall_silent(system, clock, check)

    transitions = (await admin.get("/v1/checks/job/transitions")).json()["transitions"]

    assert transitions == [
        {"at": "2024-05-03T03:06:00Z", "state": "down", "cause": "silent", "why": "was not heard in time"},
        {"at": "2024-05-03T03:00:00Z", "state": "up", "cause": None, "why": ""},
    ]
    assert len((await admin.get("/v1/checks/job/transitions?limit=1")).json()["transitions"]) == 1
