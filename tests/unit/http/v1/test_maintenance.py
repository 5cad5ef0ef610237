"""Maintenance windows in the API: create, list, replace and end them."""

from typing import Any

import httpx
import pytest

from heartbeat.app import System
from tests.unit.http.conftest import SetClock, escalate, fall_silent, incident_of, make_check
from tests.unit.http.v1.conftest import problem

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
MOVE: dict[str, Any] = {"title": "Move", "match": {"host": "a"}, "ends_at": "2024-05-03T05:00:00Z"}


async def make(admin: httpx.AsyncClient, key: str | None = None, **changes: Any) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await admin.post("/v1/maintenance", json=MOVE | changes, headers=headers)


async def test_a_created_window_has_all_its_fields(system: System, admin: httpx.AsyncClient) -> None:
    await make_check(system, labels={"host": "a"})
    await make_check(system, "other", labels={"host": "b"})
    created = await make(admin)
    assert created.status_code == 201
    number = created.json()["id"]
    assert created.headers["location"] == f"http://test/v1/maintenance/{number}"
    document = {
        "id": number,
        "title": "Move",
        "description": "",
        "match": {"host": "a"},
        "starts_at": "2024-05-03T03:00:00Z",
        "ends_at": "2024-05-03T05:00:00Z",
        "phase": "active",
        "made_by": "admin",
        "made_at": "2024-05-03T03:00:00Z",
        "checks": 1,
        "repeats": None,
        "kind": "maintenance",
        "holding": [],
    }
    assert created.json() == document | {"ringing": []}
    read = await admin.get(f"/v1/maintenance/{number}")
    assert read.json() == document
    assert read.headers["etag"] == created.headers["etag"]
    reread = await admin.get(f"/v1/maintenance/{number}", headers={"If-None-Match": read.headers["etag"]})
    assert reread.status_code == 304


async def test_a_repeated_request_creates_one_window(system: System, admin: httpx.AsyncClient) -> None:
    first, repeated, other = [await make(admin, key) for key in ("r1", "r1", "r2")]
    assert [response.status_code for response in (first, repeated, other)] == [201, 200, 201]
    assert first.json() == repeated.json()
    assert first.json()["id"] != other.json()["id"]
    assert problem(await make(admin, "r1", title="Other"), 422) == (
        "Idempotency-Key: another window was created with this key. Use a new one."
    )
    assert problem(await make(admin, "x" * 201), 422).startswith("Idempotency-Key: must have at most 200")


async def test_a_window_holds_pages_until_it_ends(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system, labels={"host": "a"})
    number = (await make(admin)).json()["id"]
    incident = await fall_silent(system, clock, check)
    story = (await admin.get(f"/v1/incidents/{incident}")).json()
    assert (story["state"], story["next_at"]) == ("open", "2024-05-03T05:00:00Z")
    assert story["timeline"][-1]["words"] == "held until 03 May 05:00 UTC: maintenance Move"

    for _ in range(2):
        ended = await admin.post(f"/v1/maintenance/{number}/end")
        assert (ended.status_code, ended.json()["phase"], ended.json()["ends_at"]) == (
            200,
            "past",
            "2024-05-03T03:06:00Z",
        )
    await escalate(system, clock)
    assert [page["kind"] for page in (await admin.get(f"/v1/incidents/{incident}")).json()["pages"]] == [
        "page"
    ]


async def test_the_answer_lists_checks_that_already_page(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system, labels={"host": "a"})
    await fall_silent(system, clock, check)
    await escalate(system, clock)
    number = await incident_of(system, check)
    assert (await make(admin)).json()["ringing"] == [{"check": "job", "incident": number}]


async def test_windows_are_paginated_and_filtered_by_phase(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    for title, starts, ends in (("past", 3, 4), ("active", 3, 6), ("upcoming", 5, 6)):
        await make(
            admin, title=title, starts_at=f"2024-05-03T0{starts}:00:00Z", ends_at=f"2024-05-03T0{ends}:00:00Z"
        )
    clock.advance(hours=1)
    for phase in ("past", "active", "upcoming"):
        listed = (await admin.get("/v1/maintenance", params={"phase": phase})).json()
        assert [(window["title"], window["phase"]) for window in listed["maintenance"]] == [(phase, phase)]
    first = (await admin.get("/v1/maintenance?limit=2")).json()
    rest = (await admin.get(f"/v1/maintenance?limit=2&before={first['next']}")).json()
    assert [window["title"] for window in first["maintenance"] + rest["maintenance"]] == [
        "upcoming",
        "active",
        "past",
    ]
    assert rest["next"] is None
    assert problem(await admin.get("/v1/maintenance?phase=soon"), 422) == (
        "phase: must be one of upcoming, active, past."
    )


async def test_a_window_is_replaced_only_if_the_tag_is_current(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    created = await make(admin)
    address = f"/v1/maintenance/{created.json()['id']}"
    clock.advance(minutes=10)
    mine = {"If-Match": created.headers["etag"]}
    changed = await admin.put(address, json=MOVE | {"ends_at": "2024-05-03T06:00:00Z"}, headers=mine)
    assert (changed.status_code, changed.json()["ends_at"]) == (200, "2024-05-03T06:00:00Z")
    assert changed.json()["starts_at"] == "2024-05-03T03:00:00Z", "it began when it began"
    assert problem(await admin.put(address, json=MOVE, headers=mine), 412)
    clock.advance(hours=6)
    later = MOVE | {"ends_at": "2024-05-03T20:00:00Z"}
    assert problem(await admin.put(address, json=later), 409).endswith("is over: make another one.")
    assert (await admin.delete(address)).status_code == 204
    for answer in (
        await admin.delete(address),
        await admin.get(address),
        await admin.put(address, json=later),
        await admin.post(f"{address}/end"),
    ):
        assert problem(answer, 404).startswith("There is no maintenance ")


async def test_an_upcoming_window_cannot_end(system: System, admin: httpx.AsyncClient) -> None:
    number = (await make(admin, starts_at="2024-05-03T04:00:00Z")).json()["id"]
    assert problem(await admin.post(f"/v1/maintenance/{number}/end"), 409) == (
        f"Maintenance {number} has not begun: delete it instead."
    )


async def test_errors_name_the_field(system: System, admin: httpx.AsyncClient) -> None:
    assert problem(await make(admin, ends_at="2024-09-03T05:00:00Z"), 422) == (
        "ends_at: must be at most 30 days after starts_at."
    )
    assert problem(await admin.get(f"/v1/maintenance/{2**63}"), 422).startswith("number: must be the number")


SUNDAYS = {
    "rrule": "FREQ=WEEKLY;BYDAY=SU",
    "starts": "2024-05-05T01:00",
    "timezone": "Europe/London",
    "duration": "4h",
}


async def test_a_window_recurs_and_has_its_next_occurrences(admin: httpx.AsyncClient) -> None:
    body = {"title": "Patch", "match": {"host": "a"}, "repeats": SUNDAYS}
    created = await admin.post("/v1/maintenance", json=body)
    assert created.status_code == 201, created.text
    window = created.json()
    assert (window["starts_at"], window["ends_at"], window["phase"]) == (
        "2024-05-05T00:00:00Z",
        "2024-05-05T04:00:00Z",
        "upcoming",
    )
    days = [one["starts_at"][5:10] for one in window["repeats"].pop("following")]
    assert days == ["05-05", "05-12", "05-19", "05-26", "06-02"]
    assert window["repeats"] == SUNDAYS | {"words": "every week on Sunday at 01:00 for 4 h, Europe/London"}
    changed = await admin.put(
        f"/v1/maintenance/{window['id']}",
        json=body | {"repeats": SUNDAYS | {"duration": "2h"}},
        headers={"If-Match": created.headers["etag"]},
    )
    assert changed.json()["ends_at"] == "2024-05-05T02:00:00Z"
    for phase, numbers in (("upcoming", [window["id"]]), ("past", []), ("active", [])):
        listed = (await admin.get("/v1/maintenance", params={"phase": phase})).json()["maintenance"]
        assert [one["id"] for one in listed] == numbers


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rrule": "FREQ=HOURLY"}, "repeats.rrule: needs FREQ, one of DAILY, WEEKLY, MONTHLY, YEARLY."),
        ({"rrule": "FREQ=DAILY", "duration": "1d"}, "repeats.duration: each window must end before the next"),
        ({"duration": "8d"}, "repeats.duration: must be more than nothing and at most 7 days."),
        ({"starts": "2024-05-05T01:00Z"}, "repeats.starts: must be a local time without a zone"),
        ({"timezone": "Mars"}, "repeats.timezone: 'Mars' is no time zone"),
        ({"until": "never"}, "repeats"),
    ],
)
async def test_a_recurrence_with_a_fault_is_refused(
    admin: httpx.AsyncClient, change: dict[str, str], sentence: str
) -> None:
    body = {"title": "Patch", "match": {"host": "a"}, "repeats": SUNDAYS | change}
    assert problem(await admin.post("/v1/maintenance", json=body), 422).startswith(sentence)


async def test_a_window_has_times_or_recurs_not_both(admin: httpx.AsyncClient) -> None:
    body = {"title": "Patch", "match": {"host": "a"}}
    both = body | {"repeats": SUNDAYS, "ends_at": "2024-05-03T05:00:00Z"}
    assert problem(await admin.post("/v1/maintenance", json=both), 422) == (
        "ends_at: leave it out: `repeats` has the times."
    )
    assert "ends_at" in problem(await admin.post("/v1/maintenance", json=body), 422)
