"""Incidents in the API: their details, and the answers to them."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from heartbeat.app import System
from heartbeat.checks.check import State
from tests.unit.alerting.conftest import deliver_waiting
from tests.unit.http.conftest import SetClock, escalate, fall_silent, make_check, ping, read_check, recover
from tests.unit.http.v1.conftest import problem

UNTIL = "2024-05-03T06:00:00Z"


async def test_incidents_are_paginated(system: System, admin: httpx.AsyncClient, clock: SetClock) -> None:
    checks = [await make_check(system, slug) for slug in ("a", "b", "c")]
    await fall_silent(system, clock, *checks)
    await recover(system, clock, checks[1])

    first = (await admin.get("/v1/incidents?limit=2")).json()
    rest = (await admin.get("/v1/incidents", params={"before": first["next"]})).json()
    unresolved = (await admin.get("/v1/incidents?open=true")).json()

    assert [incident["id"] for incident in first["incidents"]] == [3, 2]
    assert ([incident["id"] for incident in rest["incidents"]], rest["next"]) == ([1], None)
    assert sorted(incident["title"] for incident in unresolved["incidents"]) == ["a", "c"]


async def test_an_incident_is_a_draft_of_its_postmortem(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system)
    await ping(system, check)
    number = await fall_silent(system, clock, check)
    await admin.post(f"/v1/incidents/{number}/acknowledge", json={"by": "first"})
    drafted = await admin.get(f"/v1/incidents/{number}/postmortem")
    assert drafted.headers["content-type"] == "text/markdown; charset=utf-8"
    assert drafted.text.startswith("# job: post-mortem (draft)\n")
    assert "acknowledged by First responder" in drafted.text
    missing = await admin.get("/v1/incidents/99/postmortem")
    assert problem(missing, 404) == "There is no incident 99."


async def test_a_report_counts_the_pages_of_a_week(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system)
    await ping(system, check)
    number = await fall_silent(system, clock, check)
    await escalate(system, clock)
    await system.context.database.write(lambda db: deliver_waiting(db, clock.at))
    await admin.post(f"/v1/incidents/{number}/acknowledge", json={"by": "first"})
    clock.at += timedelta(hours=1)
    report = (await admin.get("/v1/reports/pages")).json()
    assert report["people"] == [
        {
            "person": "first",
            "name": "First responder",
            "pages": report["pages"],
            "night": report["pages"],
            "acknowledged": 1,
            "median": report["answers"]["median"],
        }
    ]
    assert report["answers"] | {"median": 0, "worst": 0} == {
        "acknowledged": 1,
        "unanswered": 0,
        "median": 0,
        "worst": 0,
        "worst_incident": number,
    }
    assert [(noisy["slug"], noisy["incidents"]) for noisy in report["noisiest"]] == [("job", 1)]
    earlier = {"since": "2024-01-01T00:00:00Z", "until": "2024-01-08T00:00:00Z"}
    assert (await admin.get("/v1/reports/pages", params=earlier)).json()["pages"] == 0
    backwards = {"since": earlier["until"], "until": earlier["since"]}
    refused = await admin.get("/v1/reports/pages", params=backwards)
    assert problem(refused, 422) == "until: must be after since, by at most 366 days."


async def test_an_incident_has_its_symptoms_timeline_and_pages(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(system)
    await ping(system, check, body=b"all\nwell")
    number = await fall_silent(system, clock, check)
    await escalate(system, clock)
    await system.courier.dispatch()
    await system.courier.settle(1)

    details = (await admin.get(f"/v1/incidents/{number}")).json()

    assert {name: details[name] for name in ("title", "cause", "state", "occurrence", "policy")} == {
        "title": "job",
        "cause": "silent",
        "state": "open",
        "occurrence": 1,
        "policy": "ops",
    }
    assert details["symptoms"] == [
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
            "waits_for": None,
        }
    ]
    assert [entry["kind"] for entry in details["timeline"]][:2] == ["down", "paged"]
    [page] = details["pages"]
    assert (page["kind"], page["person"], page["state"]) == ("page", "first", "delivered")
    assert (page["onward_at"], page["not_before"]) == (None, None)
    tries = [(tried["via"], tried["contact"], tried["outcome"]) for tried in page["attempts"]]
    assert tries == [("console", "terminal", "accepted")]


async def test_an_acknowledgement_counts_once_and_expires(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    address = f"/v1/incidents/{number}/acknowledge"

    first = await admin.post(address, json={"by": "first", "occurrence": 1})
    clock.advance(minutes=1)
    repeated = await admin.post(address)

    assert first.json() == {
        "outcome": "acknowledged",
        "by": "First responder",
        "until": "2024-05-03T07:06:00Z",
        "incident": None,
    }
    assert repeated.json() == first.json() | {"outcome": "acknowledged already"}
    story = (await admin.get(f"/v1/incidents/{number}")).json()
    assert (story["state"], story["acknowledged_by"]) == ("acknowledged", "First responder")
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


async def test_a_repeated_snooze_has_one_timeline_entry(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))

    answers = [
        await admin.post(f"/v1/incidents/{number}/snooze", json={"until": UNTIL, "by": "first"})
        for _ in range(2)
    ]

    assert [answer.json() for answer in answers] == [
        {"outcome": "snoozed", "by": "First responder", "until": UNTIL, "incident": None}
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
async def test_a_quiet_must_end_in_the_future_and_within_a_week(
    system: System, admin: httpx.AsyncClient, clock: SetClock, verb: str, until: str
) -> None:
    number = await fall_silent(system, clock, await make_check(system))

    answer = await admin.post(f"/v1/incidents/{number}/{verb}", json={"until": until})

    assert problem(answer, 422) == "until: must be in the future, at most 7 days from now."


async def test_resolving_arms_silent_checks_again(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))

    answers = [await admin.post(f"/v1/incidents/{number}/resolve") for _ in range(2)]

    assert [answer.json()["outcome"] for answer in answers] == ["resolved", "resolved already"]
    assert (await read_check(system)).state is State.NEW
    # Whatever else is answered to what is over converges as well.
    for verb, body in (("acknowledge", {}), ("snooze", {"until": UNTIL})):
        late = await admin.post(f"/v1/incidents/{number}/{verb}", json=body)
        assert (late.status_code, late.json()) == (
            200,
            {"outcome": "resolved already", "by": "admin", "until": None, "incident": None},
        )


async def test_the_next_person_is_paged_now_on_request(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    await admin.post(f"/v1/incidents/{number}/acknowledge", json={"by": "first"})

    answers = [await admin.post(f"/v1/incidents/{number}/page-next", json={"by": "first"}) for _ in range(2)]

    assert [answer.json()["outcome"] for answer in answers] == ["paging", "paging already"]
    story = (await admin.get(f"/v1/incidents/{number}")).json()
    assert (story["state"], story["acknowledged_by"]) == ("open", None)
    (asked,) = [entry for entry in story["timeline"] if entry["kind"] == "handed on"]
    assert (asked["by"], asked["words"]) == (
        "First responder",
        "First responder asked to page the next person now",
    )
    await admin.post(f"/v1/incidents/{number}/resolve")
    late = await admin.post(f"/v1/incidents/{number}/page-next")
    assert late.json()["outcome"] == "resolved already"


async def test_a_repeated_note_is_kept_once(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    address = f"/v1/incidents/{number}/note"

    outcomes = [
        (await admin.post(address, json={"words": text, "by": by})).json()["outcome"]
        for text, by in (("disk full", "first"), ("disk full", "first"), ("disk full", "second"))
    ]

    assert outcomes == ["noted", "noted already", "noted"]
    story = (await admin.get(f"/v1/incidents/{number}")).json()
    notes = [(entry["words"], entry["by"]) for entry in story["timeline"] if entry["kind"] == "note"]
    assert notes == [("disk full", "First responder"), ("disk full", "second")]


@pytest.mark.parametrize(
    "verb",
    ["acknowledge", "snooze", "page-next", "resolve", "note", "take-over", "unacknowledge", "reassign"],
)
async def test_an_unknown_incident_cannot_be_answered(
    system: System, admin: httpx.AsyncClient, verb: str
) -> None:
    body = {"snooze": {"until": UNTIL}, "note": {"words": "x"}, "reassign": {"to": "first"}}.get(verb, {})

    assert problem(await admin.post(f"/v1/incidents/9/{verb}", json=body), 404) == "There is no incident 9."
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


async def test_an_incident_changes_hands(system: System, admin: httpx.AsyncClient, clock: SetClock) -> None:
    at = f"/v1/incidents/{await fall_silent(system, clock, await make_check(system))}"
    await admin.post(f"{at}/acknowledge", json={"by": "first"})

    taken = [(await admin.post(f"{at}/take-over", json={"by": "ben"})).json() for _ in range(2)]
    assert [(one["outcome"], one["by"]) for one in taken] == [
        ("acknowledged", "ben"),
        ("acknowledged already", "ben"),
    ]
    given_back = [(await admin.post(f"{at}/unacknowledge")).json()["outcome"] for _ in range(2)]
    assert given_back == ["paging", "paging already"]
    incident = (await admin.get(at)).json()
    assert (incident["state"], incident["occurrence"]) == ("open", 2)
    stale = await admin.post(f"{at}/take-over", json={"occurrence": 1})
    assert stale.status_code == 409
    assigned = [(await admin.post(f"{at}/reassign", json={"to": "first"})).json() for _ in range(2)]
    assert [one["outcome"] for one in assigned] == ["reassigned", "reassigned already"]
    assert problem(await admin.post(f"{at}/reassign", json={"to": "nobody"}), 422) == (
        "to: nobody can be paged as nobody: the name is unknown, or has no contact. Nothing was changed."
    )
    await escalate(system, clock)
    assert [entry["words"] for entry in (await admin.get(at)).json()["timeline"]][-3:] == [
        "admin withdrew the acknowledgement of ben",
        "admin reassigned it to First responder",
        "reassigned: First responder",
    ]


async def test_several_incidents_are_answered_at_once_each_with_its_outcome(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    for slug in ("a", "b", "c"):
        await fall_silent(system, clock, await make_check(system, slug))
    await admin.post("/v1/incidents/2/resolve")
    chosen = [
        {"incident": 1, "occurrence": 1},
        {"incident": 2},
        {"incident": 3, "occurrence": 7},
        {"incident": 9},
    ]
    body = {"answer": "acknowledge", "incidents": chosen, "by": "first"}

    outcomes = (await admin.post("/v1/incidents/answer", json=body)).json()["incidents"]

    assert [(one["incident"], one["outcome"], one["by"]) for one in outcomes] == [
        (1, "acknowledged", "First responder"),
        (2, "resolved already", "admin"),
        (3, "stale", None),
        (9, "missing", None),
    ]
    assert outcomes[3]["problem"] == "There is no incident 9."
    states = [one["state"] for one in (await admin.get("/v1/incidents")).json()["incidents"]]
    assert states == ["open", "resolved", "acknowledged"]
    for answer, until, state in (
        ("snooze", UNTIL, "snoozed"),
        ("take-over", None, "acknowledged"),
        ("resolve", None, "resolved"),
    ):
        both = {"answer": answer, "incidents": [{"incident": 1}, {"incident": 3}], "until": until}
        assert (await admin.post("/v1/incidents/answer", json=both)).status_code == 200
        states = [one["state"] for one in (await admin.get("/v1/incidents")).json()["incidents"]]
        assert states == [state, "resolved", state]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"answer": "snooze"}, "until: a snooze needs the time of its end."),
        ({"answer": "resolve", "until": UNTIL}, "until: leave it out. What is resolved does not page again."),
        ({"answer": "acknowledge", "incidents": []}, "incidents: "),
        ({"answer": "acknowledge", "incidents": [{"incident": 1}] * 101}, "incidents: "),
        ({"answer": "forget"}, "answer: "),
        ({"answer": "acknowledge", "until": "2025-01-01T00:00:00Z"}, "until: must be in the future"),
    ],
)
async def test_an_answer_to_several_incidents_is_refused_as_a_whole(
    system: System, admin: httpx.AsyncClient, clock: SetClock, body: dict[str, object], sentence: str
) -> None:
    await fall_silent(system, clock, await make_check(system))
    refused = await admin.post("/v1/incidents/answer", json={"incidents": [{"incident": 1}]} | body)
    assert problem(refused, 422).startswith(sentence)
    assert (await admin.get("/v1/incidents/1")).json()["state"] == "open"


async def test_incidents_are_merged_and_split(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    first, second = await make_check(system, "a"), await make_check(system, "b")
    source, target = await fall_silent(system, clock, first), await fall_silent(system, clock, second)
    at = f"/v1/incidents/{source}"
    merged = [(await admin.post(f"{at}/merge", json={"into": target})).json() for _ in range(2)]
    assert [(one["outcome"], one["incident"]) for one in merged] == [
        ("merged", target),
        ("merged already", target),
    ]
    assert (await admin.get(at)).json()["merged_into"] == target
    late = (await admin.post(f"{at}/acknowledge")).json()
    assert (late["outcome"], late["incident"]) == ("resolved already", target)
    refused = await admin.post(f"/v1/incidents/{target}/merge", json={"into": source})
    assert problem(refused, 409) == f"Incident {source} is over. Nothing was changed."
    assert problem(await admin.post(f"{at}/merge", json={"into": 99}), 404).endswith("or no incident 99.")

    apart = (await admin.post(f"/v1/incidents/{target}/split", json={"checks": ["a"]})).json()
    assert (apart["outcome"], apart["by"]) == ("split", "admin")
    assert [
        one["check"] for one in (await admin.get(f"/v1/incidents/{apart['incident']}")).json()["symptoms"]
    ] == ["a"]
    again = await admin.post(f"/v1/incidents/{target}/split", json={"checks": ["a"]})
    assert (
        problem(again, 409)
        == "Only jobs that are down in this incident can be split off. Nothing was changed."
    )
    assert problem(await admin.post("/v1/incidents/99/split", json={"checks": ["a"]}), 404)
