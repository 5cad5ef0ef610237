"""The API under /v1: what can be read and done, what comes of it, and that no input breaks it."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.origin import Origin
from heartbeat.app import System
from heartbeat.checks.check import State
from heartbeat.checks.schedule import Cron, Every
from heartbeat.http.v1 import checks
from tests.unit.http.conftest import (
    SetClock,
    escalate,
    fall_silent,
    make_check,
    ping,
    read_check,
    refuse_database,
)

UNTIL = "2024-05-03T06:00:00Z"
CONFIGURATION = """
people: {first: {name: First responder, contacts: [{console: terminal}]}}
policies: {ops: [{page: first, wait: 5m}]}
checks:
  nightly: {schedule: "0 3 * * *", timezone: Europe/London, labels: {host: a}}
"""


def problem(answer: httpx.Response, status: int) -> str:
    """The sentence of a problem document of this status."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
        answer.text
    )
    told = answer.json()
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told["title"]
    sentence: str = told["detail"]
    assert sentence.endswith(".")
    return sentence


async def test_a_check_tells_all_that_is_known_of_it(system: System, admin: httpx.AsyncClient) -> None:
    one = await make_check(
        system,
        "daily",
        schedule=Cron("0 3 * * *", "Europe/London"),
        grace=timedelta(minutes=15),
        max_runtime=timedelta(hours=2),
        labels={"host": "a"},
        description="Resets the counters.",
    )
    await ping(system, one)

    answer = await admin.get("/v1/checks/daily")

    assert answer.json() == {
        "slug": "daily",
        "uuid": str(one.uuid),
        "name": "daily",
        "description": "Resets the counters.",
        "labels": {"host": "a"},
        "schedule": {
            "cron": "0 3 * * *",
            "timezone": "Europe/London",
            "words": "at 03:00 every day, Europe/London",
        },
        "grace": 900.0,
        "max_runtime": 7200.0,
        "severity": "error",
        "policy": None,
        "state": "up",
        "cause": None,
        "since": "2024-05-03T03:00:00Z",
        "last_heard_at": "2024-05-03T03:00:00Z",
        "last_ok_at": "2024-05-03T03:00:00Z",
        "due_at": "2024-05-04T02:00:00Z",
        "deadline": "2024-05-04T02:15:00Z",
        "pings": 1,
        "origin": "api",
        "incident": None,
        "ping_url": f"http://test/ping/{one.uuid}",
        "definition": {
            "description": "Resets the counters.",
            "schedule": "0 3 * * *",
            "timezone": "Europe/London",
            "grace": "15m",
            "max_runtime": "2h",
            "labels": {"host": "a"},
        },
    }
    assert (await admin.get(f"/v1/checks/{one.uuid}")).json() == answer.json()
    assert (await admin.get(f"/v1/checks/{str(one.uuid).upper()}")).json() == answer.json()


async def test_a_check_is_late_between_its_due_time_and_its_deadline(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make_check(system)

    async def state() -> Any:
        return (await admin.get("/v1/checks/job")).json()["state"]

    assert await state() == "new"
    await ping(system, one)
    assert await state() == "up"
    clock.advance(minutes=5, seconds=1)
    assert await state() == "late"
    number = await fall_silent(system, clock, one)
    shown = (await admin.get("/v1/checks/job")).json()
    assert (shown["state"], shown["cause"], shown["incident"]) == ("down", "silent", number)


async def test_checks_are_listed_page_by_page(system: System, admin: httpx.AsyncClient) -> None:
    for number in range(5):
        await make_check(system, f"job-{number}")

    found, after = [], ""
    for _ in range(3):
        page = (
            await admin.get("/v1/checks", params={"limit": 2} | ({"after": after} if after else {}))
        ).json()
        found.append([one["slug"] for one in page["checks"]])
        after = page["next"]

    assert found == [["job-0", "job-1"], ["job-2", "job-3"], ["job-4"]]
    assert after is None
    assert (await admin.get("/v1/checks?limit=5")).json()["next"] is None


async def test_checks_are_listed_by_the_state_that_is_shown(
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
    # So few are looked at for one page that each state takes several.
    monkeypatch.setattr(checks, "SCANNED", 2)

    listed: dict[str, list[str]] = {}
    for state in State:
        slugs, after = [], ""
        while after is not None:
            params = {"state": state.value, "limit": 1} | ({"after": after} if after else {})
            page = (await admin.get("/v1/checks", params=params)).json()
            slugs += [one["slug"] for one in page["checks"]]
            assert {one["state"] for one in page["checks"]} <= {state}
            after = page["next"]
        listed[state.value] = slugs

    assert listed == {
        "new": ["f-new"],
        "up": ["b-up"],
        "late": ["a-late", "e-new"],
        "down": ["c-down"],
        "paused": ["d-paused"],
    }


async def test_pause_and_resume_can_be_asked_twice(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make_check(system)
    number = await fall_silent(system, clock, one)

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


async def test_what_the_file_declares_is_deleted_in_the_file(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make_check(system, origin=Origin.FILE)
    number = await fall_silent(system, clock, one)

    sentence = problem(await admin.delete("/v1/checks/job"), 409)

    assert sentence == "The configuration file declares check job: delete it there."
    assert (await read_check(system)).state is State.DOWN
    assert (await admin.get(f"/v1/incidents/{number}")).json()["state"] == "open"


async def test_deleting_a_check_ends_its_incident(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make_check(system)
    number = await fall_silent(system, clock, one)

    assert (await admin.delete(f"/v1/checks/{one.uuid}")).status_code == 204
    assert problem(await admin.delete("/v1/checks/job"), 404) == "There is no check 'job'."
    story = (await admin.get(f"/v1/incidents/{number}")).json()
    assert story["state"] == "resolved"
    assert [(s["check"], s["title"], s["cleared_why"]) for s in story["symptoms"]] == [
        (None, "job", "deleted by admin")
    ]


async def test_pings_are_listed_without_their_bodies(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make_check(system)
    await ping(system, one, "/start")
    clock.advance(seconds=90)
    await ping(system, one, "/7", b"failed\n\xff\0")

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
        },
        pings[1] | {"n": 1, "type": "start", "exit_status": None, "duration": None, "body_bytes": 0},
    ]
    assert [one["n"] for one in (await admin.get("/v1/checks/job/pings?limit=1")).json()["pings"]] == [2]


async def test_a_body_comes_as_it_was_and_inert(system: System, admin: httpx.AsyncClient) -> None:
    one = await make_check(system)
    hostile = b"<script>alert(1)</script>\xff\0"
    await ping(system, one, body=hostile)
    await ping(system, one)

    answer = await admin.get("/v1/checks/job/pings/1/body")

    assert (answer.status_code, answer.content) == (200, hostile)
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == 'attachment; filename="job-1.txt"'
    for number in (2, 3, 2**62):
        sentence = problem(await admin.get(f"/v1/checks/job/pings/{number}/body"), 404)
        assert sentence == f"Ping {number} of job has no stored body."


async def test_transitions_are_told_newest_first(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make_check(system)
    await ping(system, one)
    await fall_silent(system, clock, one)

    told = (await admin.get("/v1/checks/job/transitions")).json()["transitions"]

    assert told == [
        {"at": "2024-05-03T03:06:00Z", "state": "down", "cause": "silent", "why": "was not heard in time"},
        {"at": "2024-05-03T03:00:00Z", "state": "up", "cause": None, "why": ""},
    ]
    assert len((await admin.get("/v1/checks/job/transitions?limit=1")).json()["transitions"]) == 1


async def test_incidents_are_listed_page_by_page(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    ones = [await make_check(system, slug) for slug in ("a", "b", "c")]
    await fall_silent(system, clock, *ones)
    await ping(system, ones[1])

    first = (await admin.get("/v1/incidents?limit=2")).json()
    rest = (await admin.get("/v1/incidents", params={"before": first["next"]})).json()
    still = (await admin.get("/v1/incidents?open=true")).json()

    assert [one["id"] for one in first["incidents"]] == [3, 2]
    assert ([one["id"] for one in rest["incidents"]], rest["next"]) == ([1], None)
    assert sorted(one["title"] for one in still["incidents"]) == ["a", "c"]


async def test_an_incident_tells_its_story(system: System, admin: httpx.AsyncClient, clock: SetClock) -> None:
    one = await make_check(system)
    await ping(system, one, body=b"all\nwell")
    number = await fall_silent(system, clock, one)
    await escalate(system, clock)
    await system.courier.dispatch()
    await system.courier.settle(1)

    story = (await admin.get(f"/v1/incidents/{number}")).json()

    assert {name: story[name] for name in ("title", "cause", "state", "occurrence", "policy")} == {
        "title": "job",
        "cause": "silent",
        "state": "open",
        "occurrence": 1,
        "policy": "ops",
    }
    assert story["symptoms"] == [
        {
            "check": "job",
            "title": "job",
            "cause": "silent",
            "severity": "error",
            "since": "2024-05-03T03:06:00Z",
            "expected_at": "2024-05-03T03:05:00Z",
            "last_heard_at": "2024-05-03T03:00:00Z",
            "began_at": None,
            "last_well_at": "2024-05-03T03:00:00Z",
            "last_said": "well",
            "why": "was not heard in time",
            "raised_at": "2024-05-03T03:06:00Z",
            "cleared_at": None,
            "cleared_why": None,
        }
    ]
    assert [entry["kind"] for entry in story["timeline"]][:2] == ["down", "paged"]
    [page] = story["pages"]
    assert (page["kind"], page["person"], page["state"]) == ("page", "first", "delivered")
    assert [(tried["via"], tried["outcome"]) for tried in page["attempts"]] == [("console", "accepted")]


async def test_an_acknowledgement_counts_once_and_expires(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    address = f"/v1/incidents/{number}/acknowledge"

    first = await admin.post(address, json={"by": "first", "occurrence": 1})
    clock.advance(minutes=1)
    again = await admin.post(address)

    assert first.json() == {"outcome": "acknowledged", "by": "first", "until": "2024-05-03T07:06:00Z"}
    assert again.json() == first.json() | {"outcome": "acknowledged already"}
    story = (await admin.get(f"/v1/incidents/{number}")).json()
    assert (story["state"], story["acknowledged_by"]) == ("acknowledged", "first")
    assert [entry["kind"] for entry in story["timeline"]].count("acknowledged") == 1


async def test_an_acknowledgement_of_another_occurrence_changes_nothing(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))

    answer = await admin.post(f"/v1/incidents/{number}/acknowledge", json={"occurrence": 7})

    assert problem(answer, 409) == (
        f"occurrence: incident {number} is now in occurrence 1. Nothing was changed. "
        "Read it again and answer that one."
    )
    assert (await admin.get(f"/v1/incidents/{number}")).json()["state"] == "open"


async def test_a_snooze_is_told_once(system: System, admin: httpx.AsyncClient, clock: SetClock) -> None:
    number = await fall_silent(system, clock, await make_check(system))

    answers = [
        await admin.post(f"/v1/incidents/{number}/snooze", json={"until": UNTIL, "by": "first"})
        for _ in range(2)
    ]

    assert [answer.json() for answer in answers] == [
        {"outcome": "snoozed", "by": "first", "until": UNTIL}
    ] * 2
    story = (await admin.get(f"/v1/incidents/{number}")).json()
    assert (story["state"], story["next_at"]) == ("snoozed", UNTIL)
    assert [entry["kind"] for entry in story["timeline"]].count("snoozed") == 1


@pytest.mark.parametrize("verb", ["acknowledge", "snooze"])
@pytest.mark.parametrize(
    "until",
    [
        "2024-05-03T03:06:00Z",
        "2024-05-10T03:06:01Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
    ],
)
async def test_no_quiet_is_for_ever_nor_for_the_past(
    system: System, admin: httpx.AsyncClient, clock: SetClock, verb: str, until: str
) -> None:
    number = await fall_silent(system, clock, await make_check(system))

    answer = await admin.post(f"/v1/incidents/{number}/{verb}", json={"until": until})

    assert problem(answer, 422) == "until: must be in the future, at most 7 days from now."


async def test_resolving_arms_afresh_what_is_still_silent(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))

    answers = [await admin.post(f"/v1/incidents/{number}/resolve") for _ in range(2)]

    assert [answer.json()["outcome"] for answer in answers] == ["resolved", "resolved already"]
    assert (await read_check(system)).state is State.NEW
    # Whatever else is answered to what is over converges as well.
    for verb, asked in (("acknowledge", {}), ("snooze", {"until": UNTIL})):
        late = await admin.post(f"/v1/incidents/{number}/{verb}", json=asked)
        assert (late.status_code, late.json()) == (
            200,
            {"outcome": "resolved already", "by": "admin", "until": None},
        )


async def test_a_note_is_kept_once(system: System, admin: httpx.AsyncClient, clock: SetClock) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    address = f"/v1/incidents/{number}/note"

    outcomes = [
        (await admin.post(address, json={"words": words, "by": by})).json()["outcome"]
        for words, by in (("disk full", "first"), ("disk full", "first"), ("disk full", "second"))
    ]

    assert outcomes == ["noted", "noted already", "noted"]
    story = (await admin.get(f"/v1/incidents/{number}")).json()
    notes = [(entry["words"], entry["by"]) for entry in story["timeline"] if entry["kind"] == "note"]
    assert notes == [("disk full", "first"), ("disk full", "second")]


@pytest.mark.parametrize("verb", ["acknowledge", "snooze", "resolve", "note"])
async def test_what_is_no_incident_cannot_be_answered(
    system: System, admin: httpx.AsyncClient, verb: str
) -> None:
    asked = {"snooze": {"until": UNTIL}, "note": {"words": "x"}}.get(verb, {})

    assert problem(await admin.post(f"/v1/incidents/9/{verb}", json=asked), 404) == "There is no incident 9."
    assert problem(await admin.get("/v1/incidents/9"), 404) == "There is no incident 9."


async def test_a_change_wakes_the_ticker(
    system: System, admin: httpx.AsyncClient, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken = asyncio.Event()
    monkeypatch.setattr(system.ticker, "wake", woken.set)
    number = await fall_silent(system, clock, await make_check(system))

    for address in (f"/v1/incidents/{number}/resolve", "/v1/checks/job/pause", "/v1/checks/job/resume"):
        woken.clear()
        await admin.post(address)
        assert woken.is_set(), address


async def test_a_configuration_is_applied(system: System, admin: httpx.AsyncClient) -> None:
    answers = [await admin.put("/v1/configuration", content=CONFIGURATION) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert any("nightly" in change for change in answers[0].json()["changes"])
    assert answers[1].json() == {"changes": []}
    assert (await admin.get("/v1/checks/nightly")).json()["origin"] == "file"


async def test_a_wrong_configuration_changes_nothing_and_tells_every_problem(
    system: System, admin: httpx.AsyncClient
) -> None:
    wrong = CONFIGURATION + "  other: {every: never}\nnonsense: 1\n"

    answer = await admin.put("/v1/configuration?name=prod.yaml", content=wrong)

    assert problem(answer, 422) == "Nothing was changed: the configuration has 2 problems."
    assert all(line.startswith("prod.yaml:") for line in answer.json()["problems"])
    assert problem(await admin.get("/v1/checks/nightly"), 404)


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


async def test_the_api_describes_itself(system: System, admin: httpx.AsyncClient) -> None:
    described = (await admin.get("/v1/openapi.json")).json()

    assert all(path.startswith("/v1/") for path in described["paths"])
    operations = [one for verbs in described["paths"].values() for one in verbs.values()]
    assert len({one["operationId"] for one in operations}) == len(operations) >= 17
    for one in operations:
        assert one["description"]
        assert one["security"]
        assert "application/problem+json" in one["responses"]["default"]["content"]
        # Not the framework's own, which answers otherwise.
        assert one["responses"].get("422", {}).keys() <= {"$ref"}
    # No kind is called by the name of its module, as two of one name would be.
    assert not [name for name in described["components"]["schemas"] if "_" in name or "-" in name]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_no_input_breaks_it(system: System, admin: httpx.AsyncClient, clock: SetClock) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    incident, check = f"/v1/incidents/{number}", "/v1/checks/job"
    for address, status in [
        ("/v1/checks/a%00b", 404),
        ("/v1/checks/%FF%FE", 404),
        ("/v1/checks/%ED%A0%80", 404),
        ("/v1/checks/..%2F..%2Fetc", 404),
        (f"/v1/checks/{'x' * 5000}", 404),
        (f"/v1/checks/{uuid4()}", 404),
        ("/v1/checks?after=", 200),
        ("/v1/checks?after=a%00b", 422),
        ("/v1/checks?after=%FF", 422),
        ("/v1/checks?limit=0", 422),
        ("/v1/checks?limit=201", 422),
        ("/v1/checks?limit=1e3", 422),
        ("/v1/checks?limit=", 422),
        (f"/v1/checks?limit={'9' * 5000}", 422),
        ("/v1/checks?limit=1&limit=2", 200),
        ("/v1/checks?%00=%00&&&=;%", 422),
        ("/v1/checks?state=DOWN", 422),
        (f"{check}/pings?limit=-1", 422),
        (f"{check}/pings/0/body", 422),
        (f"{check}/pings/{2**63 - 1}/body", 404),
        (f"{check}/pings/{2**63}/body", 422),
        (f"{check}/pings/x/body", 422),
        ("/v1/incidents?before=0", 422),
        (f"/v1/incidents?before={2**63 - 1}", 200),
        (f"/v1/incidents?before={10**30}", 422),
        ("/v1/incidents?open=perhaps", 422),
        ("/v1/incidents/-1", 422),
        ("/v1/incidents/1.5", 422),
        (f"/v1/incidents/{2**63 - 1}", 404),
        (f"/v1/incidents/{10**30}", 422),
        ("/v1/incidents/%00", 422),
        ("/v1/", 404),
        ("/v1", 404),
        ("/v1/nothing", 404),
        ("/v1/checks/", 404),
    ]:
        answer = await admin.get(address)
        assert answer.status_code == status, (address, answer.text)
        if status >= 400:
            problem(answer, status)
    for address, content, status in [
        (f"{incident}/acknowledge", b"", 200),
        (f"{incident}/acknowledge", b"null", 200),
        (f"{incident}/acknowledge", b"[]", 422),
        (f"{incident}/acknowledge", b"{", 422),
        (f"{incident}/acknowledge", b"\xff", 400),
        (f"{incident}/acknowledge", b"[" * 100_000, 400),
        (f"{incident}/acknowledge", b'{"occurrence": ' + b"9" * 5000 + b"}", 400),
        (f"{incident}/acknowledge", b'{"occurrence": 36893488147419103232}', 422),
        (f"{incident}/acknowledge", b'{"occurrence": 1.5}', 422),
        (f"{incident}/acknowledge", b'{"occurrence": NaN}', 422),
        (f"{incident}/acknowledge", b'{"occurence": 1}', 422),
        (f"{incident}/acknowledge", b'{"until": 1714712345}', 422),
        (f"{incident}/acknowledge", b'{"until": "2024-05-03T06:00:00"}', 422),
        (f"{incident}/acknowledge", b'{"until": "9999-12-31T23:59:59-23:00"}', 422),
        (f"{incident}/acknowledge", b'{"until": "tomorrow"}', 422),
        (f"{incident}/acknowledge", b'{"by": "a\\u0000b"}', 422),
        (f"{incident}/acknowledge", b'{"by": "a\\nb"}', 422),
        (f"{incident}/acknowledge", b'{"by": ""}', 422),
        (f"{incident}/acknowledge", b'{"by": "' + b"x" * 201 + b'"}', 422),
        (f"{incident}/acknowledge", b'{"by": "\\ud800"}', 422),
        (f"{incident}/snooze", b"", 422),
        (f"{incident}/snooze", b"{}", 422),
        (f"{incident}/note", b'{"words": "a\\u0000b"}', 422),
        (f"{incident}/note", b'{"words": "\\ud800"}', 422),
        (f"{incident}/note", b'{"words": ""}', 422),
        (f"{incident}/note", b'{"words": 5}', 422),
        (f"{incident}/note", b'{"words": "' + b"x" * 10_001 + b'"}', 422),
        (f"{incident}/note", '{"words": "späte Zeile\\n\\t✓ \\u2028"}'.encode(), 200),
        ("/v1/checks/a%00b/pause", b"", 404),
        ("/v1/checks", b"", 405),
        (f"{incident}/resolve", b'{"by": "\xc3\xa9t\xc3\xa9"}', 200),
    ]:
        answer = await admin.post(address, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == status, (address, content[:50], answer.text)
        if status >= 400:
            problem(answer, status)
    for content in (b"\xff\xfe", b"\0", b"checks: [", b"", b"- " * 50_000, b"a: &a [*a]"):
        answer = await admin.put("/v1/configuration", content=content)
        assert answer.status_code in (200, 422), (content[:20], answer.text)
    assert problem(await admin.put("/v1/configuration?name=a%00b"), 422)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"limit": "x"}, "limit: must be a whole number from 1 to 200."),
        ({"state": "x"}, "state: must be one of new, up, late, down, paused."),
    ],
)
async def test_a_problem_names_the_field(admin: httpx.AsyncClient, asked: dict[str, str], words: str) -> None:
    assert problem(await admin.get("/v1/checks", params=asked), 422) == words


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ('{"until": "soon"}', "until: must be an instant with its zone, such as 2026-05-02T08:30:00Z."),
        ("{}", "until: is required."),
        ('{"until": "2024-05-03T06:00:00Z", "x": 1}', "x: is not a known field."),
        ('{"until": 1', "body: is not valid JSON (at character 11)."),
        ("", "body: is required."),
        ("5", "body: must be a JSON object, sent as application/json."),
    ],
)
async def test_a_problem_names_the_field_of_a_body(admin: httpx.AsyncClient, asked: str, words: str) -> None:
    json = {"Content-Type": "application/json"}

    answer = await admin.post("/v1/incidents/1/snooze", content=asked, headers=json)

    assert problem(answer, 422) == words


async def test_a_form_is_no_json(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/v1/incidents/1/acknowledge", data={"by": "first"})

    assert problem(answer, 422) == "body: must be a JSON object, sent as application/json."


@pytest.mark.parametrize(
    ("verb", "address", "limit"),
    [("POST", "/v1/incidents/1/note", 1_000_000), ("PUT", "/v1/configuration", 5_000_000)],
)
async def test_a_body_that_is_too_large_is_refused(
    admin: httpx.AsyncClient, verb: str, address: str, limit: int
) -> None:
    async def chunks(size: int) -> Any:
        for _ in range(size // 100_000):
            yield b" " * 100_000
        yield b" " * (size % 100_000)

    words = f"The body is too large. This address accepts at most {limit // 1_000_000} MB."
    json = {"Content-Type": "application/json"}
    for content in (b" " * (limit + 1), chunks(limit + 1)):
        answer = await admin.request(verb, address, content=content, headers=json)
        assert problem(answer, 413) == words
    for content in (b" " * limit, chunks(limit)):
        answer = await admin.request(verb, address, content=content, headers=json)
        assert answer.status_code in (200, 422)


async def test_a_database_that_is_away_is_told_with_a_time_to_come_back(
    system: System, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_database(system, monkeypatch)

    for answer in (await admin.get("/v1/checks"), await admin.post("/v1/checks/job/pause")):
        assert problem(answer, 503) == "The database does not answer. It is safe to repeat the request."
        assert answer.headers["retry-after"] == "5"


async def test_what_breaks_is_told_without_its_inside(
    system: System, monkeypatch: pytest.MonkeyPatch, admin: httpx.AsyncClient
) -> None:
    def broken(db: Connection) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(desk, "people", broken)
    transport = httpx.ASGITransport(app=system.asgi, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=admin.headers
    ) as caller:
        answer = await caller.get("/v1/people")

    assert problem(answer, 500) == "Internal error. The log has the details."
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_host_that_makes_no_sense_breaks_nothing(admin: httpx.AsyncClient) -> None:
    for host in (b"[", b"a b", b"\xff", b"x:y:z", b""):
        answer = await admin.get("/v1/checks/none", headers={b"Host": host})
        assert problem(answer, 404)


async def test_every_answer_keeps_a_browser_in_its_bounds(
    admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    for caller, address in (
        (admin, "/v1/checks"),
        (admin, "/v1/nothing"),
        (client, "/v1/checks"),
        (client, "/x"),
    ):
        headers = (await caller.get(address)).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


async def test_elsewhere_a_browser_gets_a_page_and_others_the_words(client: httpx.AsyncClient) -> None:
    shown = await client.get("/nothing", headers={"Accept": "text/html"})
    said = await client.get("/nothing")

    assert (shown.status_code, shown.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "This address does not exist." in shown.text
    assert (said.status_code, said.text) == (404, "This address does not exist.")
