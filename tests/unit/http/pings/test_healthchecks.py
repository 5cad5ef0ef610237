"""The Healthchecks dialect as real clients speak it, through the whole application and a real database.

Source: the public description of the Healthchecks pinging API, and what runitor, borgmatic and curl do.
"""

from uuid import uuid4

import httpx
import pytest

from heartbeat.app import System
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Signal, State
from heartbeat.checks.progress import Amount
from heartbeat.checks.replay import UNREADABLE
from heartbeat.http.pings.healthchecks import MOST_PARAMETERS, NO_AMOUNT, NO_DONE, TOO_MANY
from tests.unit.http.conftest import (
    SetClock,
    fall_silent,
    incident_of,
    make_check,
    read_check,
    refuse_database,
)
from tests.unit.http.pings.conftest import KEY, stored

VERBS = ("HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MEANINGS = {
    "": (Signal.SUCCESS, None),
    "/start": (Signal.START, None),
    "/fail": (Signal.FAIL, None),
    "/log": (Signal.LOG, None),
    "/progress": (Signal.LOG, None),
    "/0": (Signal.SUCCESS, 0),
    "/1": (Signal.FAIL, 1),
    "/255": (Signal.FAIL, 255),
    "/007": (Signal.FAIL, 7),
}


@pytest.mark.parametrize("suffix", MEANINGS)
@pytest.mark.parametrize("by_key", [False, True], ids=["uuid", "key"])
async def test_every_form_of_address_has_its_meaning(
    system: System, client: httpx.AsyncClient, job: Check, by_key: bool, suffix: str
) -> None:
    base = f"/ping/{KEY}/job" if by_key else f"/ping/{job.uuid}"

    answer = await client.get(base + suffix)

    assert (answer.status_code, answer.text) == (200, "OK")
    [ping] = await stored(system)
    assert (ping.signal, ping.exit_status) == MEANINGS[suffix]


@pytest.mark.parametrize("suffix", ["", "/fail", "/0", "/log"])
async def test_a_ping_may_name_the_time_of_its_run(
    system: System, client: httpx.AsyncClient, job: Check, suffix: str
) -> None:
    answer = await client.get(f"/ping/{job.uuid}{suffix}?at=2020-01-01T00:00:00Z&m.rows=many")
    assert (answer.status_code, answer.text) == (200, "OK")
    [ping] = await stored(system)
    assert ping.at.year > 2020
    assert ping.misread == (
        "at was 2020-01-01 00:00:00 UTC, when heartbeat could hear pings, so the ping counts from its arrival."
        ' "rows" was left out: "many" is not a number.'
    )


async def test_a_time_that_cannot_be_read_is_said_on_the_check(
    system: System, client: httpx.AsyncClient, job: Check
) -> None:
    assert (await client.get(f"/ping/{job.uuid}?at=2026-11-29T02:00:00")).status_code == 200
    [ping] = await stored(system)
    assert ping.misread == UNREADABLE


@pytest.mark.parametrize("by_key", [False, True], ids=["uuid", "key"])
async def test_progress_is_told_of_a_run_and_stored_in_it(
    system: System, client: httpx.AsyncClient, job: Check, by_key: bool
) -> None:
    base, rid = f"/ping/{KEY}/job" if by_key else f"/ping/{job.uuid}", uuid4()
    await client.get(f"{base}/start?rid={rid}")
    answer = await client.get(f"{base}/progress?done=300&total=900&rid={rid}")
    assert (answer.status_code, answer.text) == (200, "OK")
    check = await read_check(system)
    (run,) = check.runs
    assert run.rid == rid.hex
    assert run.progress is not None
    assert run.progress.amount == Amount(300, 900)
    assert [ping.signal for ping in await stored(system)] == [Signal.START]
    assert check.pings == 1


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("/log?m.done=300&m.total=900", None),
        ("/log?metric=done:300&metric=total:900", None),
        ("/log", b'{"done": 300, "total": 900}'),
        ("/progress", b'{"done": 300, "total": 900}'),
        ("/progress?m.done=300&total=900", None),
    ],
)
async def test_the_numbers_of_a_ping_tell_the_progress_of_its_run(
    system: System, client: httpx.AsyncClient, job: Check, address: str, body: bytes | None
) -> None:
    await client.get(f"/ping/{job.uuid}/start")
    answer = await client.post(f"/ping/{job.uuid}{address}", content=body)
    assert answer.status_code == 200
    (run,) = (await read_check(system)).runs
    assert run.progress is not None
    assert run.progress.amount == Amount(300, 900)


@pytest.mark.parametrize(
    "query", ["", "done=", "done=many", "done=-1", "done=nan", "total=900", "done=1e999"]
)
async def test_progress_that_is_not_understood_is_a_log_entry_that_says_so(
    system: System, client: httpx.AsyncClient, job: Check, query: str
) -> None:
    answer = await client.get(f"/ping/{job.uuid}/progress?{query}")
    assert answer.status_code == 200
    [ping] = await stored(system)
    assert (ping.signal, ping.misread) == (Signal.LOG, NO_AMOUNT if "done" in query else NO_DONE)
    assert (await read_check(system)).runs == ()


async def test_a_measured_duration_is_the_only_one(
    system: System, client: httpx.AsyncClient, job: Check
) -> None:
    await client.get(f"/ping/{job.uuid}?m.duration=99")
    await client.get(f"/ping/{job.uuid}/start")
    await client.get(f"/ping/{job.uuid}?m.duration=99&m.rows=1")
    last, _, first = await stored(system)
    if first.n > last.n:
        first, last = last, first
    assert (first.measurements, first.misread) == ({"duration": 99}, None)
    assert last.duration is not None
    assert last.measurements == {"rows": 1}
    assert (last.misread or "").startswith('"duration" was left out: the run began with a ping')


async def test_every_verb_pings(system: System, client: httpx.AsyncClient, job: Check) -> None:
    for verb in VERBS:
        answer = await client.request(verb, f"/ping/{job.uuid}", content=b"" if verb == "HEAD" else b"text")
        assert answer.status_code == 200

    assert [(ping.method, ping.body) for ping in await stored(system)] == [
        (verb, None if verb == "HEAD" else b"text") for verb in VERBS
    ]


async def test_a_slash_at_the_end_is_right_only_after_the_bare_uuid(
    system: System, client: httpx.AsyncClient, job: Check
) -> None:
    assert (await client.get(f"/ping/{job.uuid}/")).status_code == 200
    for path in (
        f"/ping/{job.uuid}//",
        f"/ping/{job.uuid}/start/",
        f"/ping/{job.uuid}/0/",
        f"/ping/{KEY}/job/",
        f"/ping/{KEY}/job/fail/",
    ):
        assert (await client.get(path)).status_code == 404, path
    assert len(await stored(system)) == 1


async def test_an_address_that_names_no_check_is_not_found(
    system: System, client: httpx.AsyncClient, job: Check
) -> None:
    for path in (
        "/ping/",
        "/ping//",
        "/ping/x",
        f"/ping/{uuid4()}",
        f"/ping/{uuid4()}/fail",
        f"/ping/{str(job.uuid).upper()}",
        f"/ping/{job.uuid.hex}",
        f"/ping/{job.uuid}/nonsense",
        f"/ping/{job.uuid}/START",
        f"/ping/{job.uuid}/-1",
        f"/ping/{job.uuid}/1.0",
        f"/ping/{job.uuid}/%D9%A1",
        f"/ping/{job.uuid}/start/0",
        f"/ping/{job.uuid}%00",
        f"/ping/{KEY}",
        f"/ping/{KEY}/other",
        f"/ping/{KEY}/JOB",
        f"/ping/{KEY}/j%00b",
        f"/ping/{KEY}/{'x' * 101}?create=1",
        f"/ping/{KEY}/job/nonsense",
        "/ping/another-key/job",
        "/ping/%C3%A9%FF/job",
        "/ping//job",
    ):
        answer = await client.get(path)
        assert (answer.status_code, answer.text) == (404, "not found"), path
    assert await stored(system) == []


@pytest.mark.parametrize("status", ["256", "999", "4294967296", "1" * 5000])
async def test_an_exit_status_is_at_most_255(client: httpx.AsyncClient, job: Check, status: str) -> None:
    for base in (f"/ping/{job.uuid}", f"/ping/{KEY}/job"):
        answer = await client.get(f"{base}/{status}")
        assert (answer.status_code, answer.text) == (400, "invalid url format")


async def test_every_answer_has_the_headers_that_clients_read(
    client: httpx.AsyncClient, job: Check, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [
        await client.get(path)
        for path in (
            f"/ping/{job.uuid}",
            f"/ping/{KEY}/new?create=1",
            f"/ping/{job.uuid}/256",
            f"/ping/{job.uuid}?rid=x",
            f"/ping/{uuid4()}",
        )
    ]
    refuse_database(system, monkeypatch)
    answers.append(await client.get(f"/ping/{job.uuid}"))

    assert [answer.status_code for answer in answers] == [200, 201, 400, 400, 404, 503]
    for answer in answers:
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["content-length"] == str(len(answer.content))
        assert answer.headers["ping-body-limit"] == "1000"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cache-control"] == "max-age=0, no-cache, no-store, must-revalidate, private"


async def test_several_runs_are_open_at_once_each_by_its_rid(
    system: System, client: httpx.AsyncClient, job: Check, clock: SetClock
) -> None:
    first, second = uuid4(), uuid4()
    for seconds, suffix in [
        (0, f"/start?rid={first}"),
        (10, f"/start?rid={second}"),
        (10, "/start"),
        (10, f"?rid={str(first).upper()}"),
        (10, f"/fail?rid={second}"),
        (10, "/0"),
        (10, f"/0?rid={second}"),
    ]:
        clock.advance(seconds=seconds)
        assert (await client.get(f"/ping/{job.uuid}{suffix}")).status_code == 200

    ended = [
        (ping.rid, None if ping.duration is None else ping.duration.total_seconds())
        for ping in (await stored(system))[3:]
    ]
    assert ended == [(first, 30), (second, 30), (None, 30), (second, None)]
    assert (await read_check(system)).runs == ()


@pytest.mark.parametrize("rid", ["", "x", "123", "%00", "g" * 32, "0" * 33])
async def test_a_rid_is_a_uuid(system: System, client: httpx.AsyncClient, job: Check, rid: str) -> None:
    for base in (f"/ping/{job.uuid}", f"/ping/{KEY}/job/start"):
        answer = await client.get(f"{base}?rid={rid}")
        assert (answer.status_code, answer.text) == (400, "invalid uuid format")
    assert await stored(system) == []


async def test_odd_query_strings_do_not_matter(client: httpx.AsyncClient, job: Check) -> None:
    for query in (
        "?",
        "?&&=;%",
        "?%FF=%00",
        "?create",
        "?create=2",
        f"?rid={uuid4()}&rid=x",
        "?" + "a&" * 5000,
    ):
        assert (await client.get(f"/ping/{job.uuid}{query}")).status_code == 200, query


async def test_start_and_log_never_change_the_state(
    system: System, client: httpx.AsyncClient, job: Check, clock: SetClock
) -> None:
    for suffix in ("/start", "/log"):
        await client.post(f"/ping/{job.uuid}{suffix}")
    assert (await read_check(system)).state is State.NEW

    number = await fall_silent(system, clock, job)
    for suffix in ("/start", "/log"):
        await client.post(f"/ping/{job.uuid}{suffix}")

    assert (await read_check(system)).state is State.DOWN
    assert await incident_of(system, job) == number


async def test_a_failure_turns_it_down_and_a_success_up(
    system: System, client: httpx.AsyncClient, job: Check
) -> None:
    await client.get(f"/ping/{job.uuid}/3")
    failed = await read_check(system)
    await incident_of(system, job)
    await client.get(f"/ping/{job.uuid}/0")
    well = await read_check(system)

    assert (failed.state, failed.cause) == (State.DOWN, Cause.FAILED)
    assert (well.state, well.cause) == (State.UP, None)
    with pytest.raises(KeyError):
        await incident_of(system, job)


@pytest.mark.parametrize(
    ("by_hand", "suffix", "state"),
    [
        (False, "", State.UP),
        (False, "/fail", State.DOWN),
        (False, "/start", State.PAUSED),
        (False, "/log", State.PAUSED),
        (True, "", State.PAUSED),
        (True, "/fail", State.PAUSED),
    ],
)
async def test_a_success_or_failure_resumes_a_paused_check_unless_it_is_resumed_by_hand(
    system: System,
    client: httpx.AsyncClient,
    admin: httpx.AsyncClient,
    by_hand: bool,
    suffix: str,
    state: State,
) -> None:
    paused = await make_check(system, manual_resume=by_hand)
    await admin.post("/v1/checks/job/pause")

    assert (await client.get(f"/ping/{paused.uuid}{suffix}")).status_code == 200
    assert (await read_check(system)).state is state


async def test_a_first_ping_creates_its_check(system: System, client: httpx.AsyncClient, job: Check) -> None:
    answers = [
        await client.post(f"/ping/{KEY}/new{suffix}")
        for suffix in ("", "?create=0", "/start?create=1", "?create=1", "/fail?create=1", "")
    ]

    assert [(answer.status_code, answer.text) for answer in answers] == [
        (404, "not found"),
        (404, "not found"),
        (201, "Created"),
        (200, "OK"),
        (200, "OK"),
        (200, "OK"),
    ]
    created = await read_check(system, "new")
    assert (created.origin, created.pings) == ("ping", 4)


async def test_only_a_valid_key_creates_checks(client: httpx.AsyncClient, job: Check) -> None:
    assert (await client.get("/ping/another-key/new?create=1")).status_code == 404
    # A ping by uuid creates no check: nobody chooses a uuid.
    assert (await client.get(f"/ping/{uuid4()}?create=1")).status_code == 404


async def test_numbers_of_the_address_and_of_a_json_body_are_kept(
    system: System, client: httpx.AsyncClient, job: Check
) -> None:
    rid = uuid4()
    numbers = "metric=rows:12&metric=left%3D7&m.ratio=-0.5&m.left=8"
    answers = [
        await client.get(f"/ping/{job.uuid}?{numbers}"),
        await client.post(f"/ping/{KEY}/job/fail?rid={rid}&m.rows=1", content=b'{"disk": {"free": 3}}'),
        await client.post(f"/ping/{job.uuid}/log", content=b"rows=12"),
    ]
    assert [answer.status_code for answer in answers] == [200] * 3
    kept = await stored(system)
    assert [ping.measurements for ping in kept] == [
        {"rows": 12, "left": 8, "ratio": -0.5},
        {"rows": 1, "disk.free": 3},
        None,
    ]
    assert (kept[1].rid, kept[1].misread) == (rid, None)


@pytest.mark.parametrize(
    ("query", "body", "sentence"),
    [
        ("metric=rows:many", b"", '"rows" was left out: "many" is not a number.'),
        ("m.rows=NaN", b"", '"rows" was left out: it is not a finite number.'),
        ("a&" * MOST_PARAMETERS + "m.rows=1", b"", TOO_MANY),
        ("", b'{"rows": ', "The JSON in the body was left out: it is not valid at line 1, column 10."),
        ("", b'{"a": "' + b"x" * 1_000, "The JSON in the body was left out: its end was cut off."),
        ("", b'{"a":' * 180, "The JSON in the body was left out: it is not valid at line 1, column 901."),
    ],
)
async def test_a_ping_counts_whatever_its_numbers_are(
    system: System, client: httpx.AsyncClient, job: Check, query: str, body: bytes, sentence: str
) -> None:
    answer = await client.post(f"/ping/{job.uuid}?{query}", content=body)
    assert (answer.status_code, answer.text) == (200, "OK")
    (ping,) = await stored(system)
    assert (ping.measurements, ping.misread) == (None, sentence)
    assert (await read_check(system)).state is State.UP
