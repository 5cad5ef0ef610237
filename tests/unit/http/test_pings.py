"""The ping protocol as real clients speak it, through the whole application and a real database.

Source: the public description of the Healthchecks pinging API, and what runitor, borgmatic and curl do.
"""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterable, Sequence
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Connection

from heartbeat import check, definitions, ingest, ring
from heartbeat.app import System
from heartbeat.check import Check, Signal, State
from heartbeat.database import Database
from heartbeat.http import pings, server
from heartbeat.ring import Kept
from tests.unit.http.conftest import (
    SetClock,
    fall_silent,
    incident_of,
    make_check,
    read_check,
    refuse_database,
)

KEY = "a-ping-key-for-tests"
BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
VERBS = ("HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MEANINGS = {
    "": (Signal.SUCCESS, None),
    "/start": (Signal.START, None),
    "/fail": (Signal.FAIL, None),
    "/log": (Signal.LOG, None),
    "/0": (Signal.SUCCESS, 0),
    "/1": (Signal.FAIL, 1),
    "/255": (Signal.FAIL, 255),
    "/007": (Signal.FAIL, 7),
}


@pytest.fixture
async def job(system: System) -> Check:
    """A check that is pinged, in an installation that knows a ping key."""

    def know(db: Connection) -> None:
        definitions.replace_ping_keys(db, {"tests": sha256(KEY.encode()).hexdigest()})

    await system.door.database.write(know)
    return await make_check(system)


async def kept(system: System, slug: str = "job") -> list[Kept]:
    """The pings that are kept of a check, oldest first."""
    one = await read_check(system, slug)
    return list(reversed(await system.door.database.read(lambda db: ring.last_pings(db, one.id))))


async def call(
    system: System,
    path: str,
    *,
    messages: Iterable[dict[str, Any]] = ({"type": "http.request"},),
    headers: Sequence[tuple[bytes, bytes]] = (),
    client: tuple[str, int] | None = ("192.0.2.7", 5),
) -> int:
    """A request of which each message is given, as a server would pass it on; then silence. The status."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": list(headers),
        "client": client,
    }
    coming = iter(messages)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        for message in coming:
            return message
        return await asyncio.Future()

    async def send(message: Any) -> None:
        sent.append(message)

    await system.asgi(scope, receive, send)
    status: int = sent[0]["status"]
    return status


@pytest.mark.parametrize("suffix", MEANINGS)
@pytest.mark.parametrize("by_key", [False, True], ids=["uuid", "key"])
async def test_every_form_of_address(
    system: System, client: httpx.AsyncClient, job: Check, by_key: bool, suffix: str
) -> None:
    base = f"/ping/{KEY}/job" if by_key else f"/ping/{job.uuid}"

    answer = await client.get(base + suffix)

    assert (answer.status_code, answer.text) == (200, "OK")
    [one] = await kept(system)
    assert (one.signal, one.exit_status) == MEANINGS[suffix]


async def test_every_verb_pings(system: System, client: httpx.AsyncClient, job: Check) -> None:
    for verb in VERBS:
        answer = await client.request(verb, f"/ping/{job.uuid}", content=b"" if verb == "HEAD" else b"said")
        assert answer.status_code == 200

    assert [(one.method, one.body) for one in await kept(system)] == [
        (verb, None if verb == "HEAD" else b"said") for verb in VERBS
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
    assert len(await kept(system)) == 1


async def test_what_names_no_check_is_not_found(
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
    assert await kept(system) == []


@pytest.mark.parametrize("status", ["256", "999", "4294967296", "1" * 5000])
async def test_an_exit_status_is_at_most_255(client: httpx.AsyncClient, job: Check, status: str) -> None:
    for base in (f"/ping/{job.uuid}", f"/ping/{KEY}/job"):
        answer = await client.get(f"{base}/{status}")
        assert (answer.status_code, answer.text) == (400, "invalid url format")


async def test_the_headers_that_clients_read(
    client: httpx.AsyncClient, job: Check, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [
        await client.get(path)
        for path in (
            f"/ping/{job.uuid}",
            f"/ping/{KEY}/fresh?create=1",
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
    one, other = uuid4(), uuid4()
    for seconds, suffix in [
        (0, f"/start?rid={one}"),
        (10, f"/start?rid={other}"),
        (10, "/start"),
        (10, f"?rid={str(one).upper()}"),
        (10, f"/fail?rid={other}"),
        (10, "/0"),
        (10, f"/0?rid={other}"),
    ]:
        clock.advance(seconds=seconds)
        assert (await client.get(f"/ping/{job.uuid}{suffix}")).status_code == 200

    ended = [
        (ping.rid, None if ping.duration is None else ping.duration.total_seconds())
        for ping in (await kept(system))[3:]
    ]
    assert ended == [(one, 30), (other, 30), (None, 30), (other, None)]
    assert (await read_check(system)).runs == ()


@pytest.mark.parametrize("rid", ["", "x", "123", "%00", "g" * 32, "0" * 33])
async def test_a_rid_is_a_uuid(system: System, client: httpx.AsyncClient, job: Check, rid: str) -> None:
    for base in (f"/ping/{job.uuid}", f"/ping/{KEY}/job/start"):
        answer = await client.get(f"{base}?rid={rid}")
        assert (answer.status_code, answer.text) == (400, "invalid uuid format")
    assert await kept(system) == []


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


async def test_start_and_log_never_change_what_is_known(
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

    assert (failed.state, failed.cause) == (State.DOWN, check.Cause.FAILED)
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
async def test_what_a_ping_does_to_a_paused_check(
    system: System,
    client: httpx.AsyncClient,
    admin: httpx.AsyncClient,
    by_hand: bool,
    suffix: str,
    state: State,
) -> None:
    one = await make_check(system, manual_resume=by_hand)
    await admin.post("/v1/checks/job/pause")

    assert (await client.get(f"/ping/{one.uuid}{suffix}")).status_code == 200
    assert (await read_check(system)).state is state


async def test_a_first_ping_makes_its_check(system: System, client: httpx.AsyncClient, job: Check) -> None:
    answers = [
        await client.post(f"/ping/{KEY}/fresh{suffix}")
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
    made = await read_check(system, "fresh")
    assert (made.origin, made.pings) == ("ping", 4)


async def test_only_who_has_the_key_makes_checks(client: httpx.AsyncClient, job: Check) -> None:
    assert (await client.get("/ping/another-key/fresh?create=1")).status_code == 404
    # By uuid nothing is made: nobody chooses those.
    assert (await client.get(f"/ping/{uuid4()}?create=1")).status_code == 404


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (b"", None),
        (b"all well\n", b"all well\n"),
        (b"x" * 1_000, b"x" * 1_000),
        (b"x" * 1_001, b"x" * 1_000),
        (b"x" * 3_000_000, b"x" * 1_000),
        (bytes(range(256)), bytes(range(256))),
    ],
    ids=["empty", "short", "limit", "over", "huge", "bytes"],
)
@BOTH
async def test_bodies_are_cut_and_never_refused(
    system: System, client: httpx.AsyncClient, job: Check, said: bytes, heard: bytes | None
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(said), 70_000):
            yield said[at : at + 70_000]

    for content_type in ("text/plain", "application/json", "multipart/form-data", "nonsense", ""):
        headers = {"Content-Type": content_type}
        for content in (said, chunks()):
            answer = await client.post(f"/ping/{job.uuid}/log", content=content, headers=headers)
            assert (answer.status_code, answer.text) == (200, "OK")

    assert {one.body for one in await kept(system)} == {heard}


async def test_a_body_that_stops_half_way_is_a_ping(
    system: System, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pings, "BODY_BOUND", 0.01)
    begun = {"type": "http.request", "body": b"half", "more_body": True}
    length = [(b"content-length", b"100")]

    stalled = await call(system, f"/ping/{job.uuid}", messages=[begun], headers=length)
    gone = await call(
        system, f"/ping/{job.uuid}", messages=[begun, {"type": "http.disconnect"}], headers=length
    )

    assert (stalled, gone) == (200, 200)
    assert [one.body for one in await kept(system)] == [b"half", b"half"]


async def test_a_malformed_ping_does_not_wait_for_its_body(
    system: System, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pings, "BODY_BOUND", 0.01)
    begun = {"type": "http.request", "body": b"half", "more_body": True}

    assert await call(system, f"/ping/{job.uuid}/256", messages=[begun]) == 400


@BOTH
async def test_who_pinged_is_kept_whatever_they_say_of_themselves(system: System, job: Check) -> None:
    for headers, client in [
        ([(b"user-agent", b"curl/8.5")], ("2001:db8::1", 9)),
        ([(b"user-agent", b"nul\0here\xff\x01")], ("192.0.2.7", 9)),
        ([(b"user-agent", b"a" * 5_000)], None),
        ([(b"x-forwarded-for", b"198.51.100.1")], ("192.0.2.8", 9)),
    ]:
        assert await call(system, f"/ping/{job.uuid}", headers=headers, client=client) == 200

    assert [(one.agent, one.remote) for one in await kept(system)] == [
        ("curl/8.5", "2001:db8::1"),
        ("nulhereÿ\x01", "192.0.2.7"),
        ("a" * 200, ""),
        ("", "192.0.2.8"),
    ]


async def test_pings_at_once_are_all_kept(system: System, client: httpx.AsyncClient, job: Check) -> None:
    answers = await asyncio.gather(*(client.post(f"/ping/{job.uuid}", content=b"%d" % n) for n in range(60)))

    assert {answer.status_code for answer in answers} == {200}
    heard = await kept(system)
    assert [one.n for one in heard] == list(range(1, 61))
    assert {one.body for one in heard} == {b"%d" % n for n in range(60)}
    assert (await read_check(system)).pings == 60


async def test_an_answer_comes_after_the_commit(
    system: System, client: httpx.AsyncClient, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed, told = asyncio.Event(), asyncio.Event()
    write = Database.write_pings

    async def write_and_wait(self: Database, work: Any) -> Any:
        done = await write(self, work)
        committed.set()
        await told.wait()
        return done

    monkeypatch.setattr(Database, "write_pings", write_and_wait)
    pinging = asyncio.create_task(client.get(f"/ping/{job.uuid}"))
    await committed.wait()

    assert len(await kept(system)) == 1
    assert not pinging.done()
    told.set()
    assert (await pinging).status_code == 200


async def test_what_cannot_be_stored_is_to_be_sent_again(
    system: System, client: httpx.AsyncClient, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        refuse_database(system, away)
        answer = await client.post(f"/ping/{job.uuid}")
    again = await client.post(f"/ping/{job.uuid}")

    assert (answer.status_code, answer.text) == (503, "the ping could not be stored; try again")
    assert answer.headers["retry-after"] == "5"
    assert again.status_code == 200
    assert len(await kept(system)) == 1


async def test_a_database_that_hangs_keeps_nobody_waiting(
    system: System, client: httpx.AsyncClient, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    write = Database.write_pings

    async def hang(self: Database, work: Any) -> Any:
        def slowly(db: Connection) -> Any:
            let_go.wait(5)
            return work(db)

        return await write(self, slowly)

    with monkeypatch.context() as hanging:
        hanging.setattr(Database, "write_pings", hang)
        hanging.setattr(ingest, "STORE_BOUND", 0.01)
        answers = [await client.post(f"/ping/{job.uuid}") for _ in range(3)]
    let_go.set()
    await system.ingest.settle()
    again = await client.post(f"/ping/{job.uuid}")

    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert {answer.headers["retry-after"] for answer in answers} == {"5"}
    assert again.status_code == 200
    # The first was stored in the end; who was told to come again may count twice, never not at all.
    assert len(await kept(system)) == 2


async def test_pings_are_counted_by_what_became_of_them(
    system: System, client: httpx.AsyncClient, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (f"/ping/{job.uuid}", f"/ping/{KEY}/new?create=1", f"/ping/{uuid4()}", "/ping/x"):
        await client.get(path)
    refuse_database(system, monkeypatch)
    await client.get(f"/ping/{job.uuid}")

    counted = {
        result: system.door.metrics.registry.get_sample_value("heartbeat_pings_total", {"result": result})
        for result in ("heard", "created", "unknown", "malformed", "unavailable")
    }
    assert counted == {"heard": 1, "created": 1, "unknown": 1, "malformed": 1, "unavailable": 1}


async def test_a_head_request_gets_a_head(system: System, job: Check) -> None:
    """Through the real server: it is what leaves the body out."""
    serving = server.configured(system.asgi)
    serving.config.load()
    serving.lifespan = serving.config.lifespan_class(serving.config)
    listening = socket.create_server(("127.0.0.1", 0))
    await serving.startup(sockets=[listening])
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    request = f"HEAD /ping/{job.uuid} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    writer.write(request.encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    await serving.shutdown(sockets=[listening])

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert [one.method for one in await kept(system)] == ["HEAD"]
