"""The receiver, over the Healthchecks dialect and over a small one: bodies, bounds, commits, and what is counted."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Connection

from heartbeat.app import System
from heartbeat.checks.check import Check, Signal
from heartbeat.database import Database
from heartbeat.http import pings, server
from heartbeat.http.asgi import Scope
from heartbeat.http.pings import dialect, receiver
from heartbeat.http.pings.dialect import BadPing, Response
from heartbeat.pings import ingest, measurement
from heartbeat.pings.arrival import Arrival, ByToken, ByUuid, PingResult, Target
from heartbeat.pings.creation import CreationLimit
from heartbeat.pings.measurement import Reading
from tests.unit.http.conftest import read_check, refuse_database
from tests.unit.http.pings.conftest import KEY, call, stored

BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


@pytest.mark.parametrize(
    ("sent", "expected"),
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
    system: System, client: httpx.AsyncClient, job: Check, sent: bytes, expected: bytes | None
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(sent), 70_000):
            yield sent[at : at + 70_000]

    for content_type in ("text/plain", "application/json", "multipart/form-data", "nonsense", ""):
        headers = {"Content-Type": content_type}
        for content in (sent, chunks()):
            answer = await client.post(f"/ping/{job.uuid}/log", content=content, headers=headers)
            assert (answer.status_code, answer.text) == (200, "OK")

    assert {ping.body for ping in await stored(system)} == {expected}


async def test_a_body_that_stops_half_way_is_a_ping(
    system: System, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "BODY_BOUND", 0.01)
    begun = {"type": "http.request", "body": b"half", "more_body": True}
    length = [(b"content-length", b"100")]

    stalled = await call(system, f"/ping/{job.uuid}", messages=[begun], headers=length)
    disconnected = await call(
        system, f"/ping/{job.uuid}", messages=[begun, {"type": "http.disconnect"}], headers=length
    )

    assert (stalled, disconnected) == (200, 200)
    assert [ping.body for ping in await stored(system)] == [b"half", b"half"]


async def test_a_malformed_ping_does_not_wait_for_its_body(
    system: System, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "BODY_BOUND", 0.01)
    begun = {"type": "http.request", "body": b"half", "more_body": True}

    for length in ([], [(b"content-length", b"100")]):
        assert await call(system, f"/ping/{job.uuid}/256", messages=[begun], headers=length) == 400


@BOTH
async def test_the_sender_of_a_ping_is_stored_whatever_it_claims_to_be(system: System, job: Check) -> None:
    for headers, client in [
        ([(b"user-agent", b"curl/8.5")], ("2001:db8::1", 9)),
        ([(b"user-agent", b"nul\0here\xff\x01")], ("192.0.2.7", 9)),
        ([(b"user-agent", b"a" * 5_000)], None),
        ([(b"x-forwarded-for", b"198.51.100.1")], ("192.0.2.8", 9)),
    ]:
        assert await call(system, f"/ping/{job.uuid}", headers=headers, client=client) == 200

    assert [(ping.agent, ping.remote) for ping in await stored(system)] == [
        ("curl/8.5", "2001:db8::1"),
        ("nulhereÿ\x01", "192.0.2.7"),
        ("a" * 200, ""),
        ("", "192.0.2.8"),
    ]


async def test_all_pings_that_arrive_at_once_are_stored(
    system: System, client: httpx.AsyncClient, job: Check
) -> None:
    answers = await asyncio.gather(*(client.post(f"/ping/{job.uuid}", content=b"%d" % n) for n in range(60)))

    assert {answer.status_code for answer in answers} == {200}
    heard = await stored(system)
    assert [ping.n for ping in heard] == list(range(1, 61))
    assert {ping.body for ping in heard} == {b"%d" % n for n in range(60)}
    assert (await read_check(system)).pings == 60


async def test_an_answer_comes_after_the_commit(
    system: System, client: httpx.AsyncClient, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed, let_go = asyncio.Event(), asyncio.Event()
    write = Database.write_pings

    async def write_and_wait(self: Database, work: Any, **how: bool) -> Any:
        results = await write(self, work, **how)
        committed.set()
        await let_go.wait()
        return results

    monkeypatch.setattr(Database, "write_pings", write_and_wait)
    pinging = asyncio.create_task(client.get(f"/ping/{job.uuid}"))
    await committed.wait()

    assert len(await stored(system)) == 1
    assert not pinging.done()
    let_go.set()
    assert (await pinging).status_code == 200


async def test_a_ping_that_cannot_be_stored_is_answered_503_and_can_be_sent_again(
    system: System, client: httpx.AsyncClient, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        refuse_database(system, away)
        answer = await client.post(f"/ping/{job.uuid}")
    repeated = await client.post(f"/ping/{job.uuid}")

    assert (answer.status_code, answer.text) == (503, "the ping could not be stored; try again")
    assert answer.headers["retry-after"] == "5"
    assert repeated.status_code == 200
    assert len(await stored(system)) == 1


async def test_no_sender_waits_for_a_database_that_hangs(
    system: System, client: httpx.AsyncClient, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    write = Database.write_pings

    async def hang(self: Database, work: Any, **how: bool) -> Any:
        def slowly(db: Connection) -> Any:
            let_go.wait(5)
            return work(db)

        return await write(self, slowly, **how)

    with monkeypatch.context() as hanging:
        hanging.setattr(Database, "write_pings", hang)
        hanging.setattr(ingest, "STORE_BOUND", 0.01)
        answers = [await client.post(f"/ping/{job.uuid}") for _ in range(3)]
    let_go.set()
    await system.ingest.settle()
    repeated = await client.post(f"/ping/{job.uuid}")

    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert {answer.headers["retry-after"] for answer in answers} == {"5"}
    assert repeated.status_code == 200
    # The first was stored in the end. A ping that is sent again may count twice, but is never lost.
    assert len(await stored(system)) == 2


async def test_pings_are_counted_by_their_result(
    system: System, client: httpx.AsyncClient, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (f"/ping/{job.uuid}", f"/ping/{KEY}/new?create=1", f"/ping/{uuid4()}", "/ping/x"):
        await client.get(path)
    refuse_database(system, monkeypatch)
    await client.get(f"/ping/{job.uuid}")

    counted = {
        result: system.context.metrics.registry.get_sample_value("heartbeat_pings_total", {"result": result})
        for result in ("heard", "created", "unknown", "malformed", "unavailable")
    }
    assert counted == {"heard": 1, "created": 1, "unknown": 1, "malformed": 1, "unavailable": 1}


async def test_a_head_request_is_answered_without_a_body(system: System, job: Check) -> None:
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
    assert [ping.method for ping in await stored(system)] == ["HEAD"]


class Push:
    """A dialect of three lines: `/push/{uuid}` or `/push/{token}`, and the number of rows that the run wrote."""

    prefix = "/push/"

    def __init__(self, body_limit: int) -> None:
        self._body_limit = body_limit

    def arrival(self, scope: Scope, at: datetime, body: bytes | None) -> Arrival:
        name = scope["path"].removeprefix(self.prefix)
        if not name:
            raise BadPing(404, b"nothing is named")
        target: Target = ByUuid(name) if len(name) == 32 else ByToken(name)
        rows = {"rows": float(scope["query_string"] or 0)}
        return Arrival(target, Signal.SUCCESS, at, scope["method"], "", "push", body, measurements=rows)

    def response(self, result: PingResult) -> Response:
        statuses = {PingResult.HEARD: 202, PingResult.UNAVAILABLE: 503}
        return dialect.response(statuses.get(result, 404), result.value.encode(), [])

    def refusal(self, bad: BadPing) -> Response:
        return dialect.response(bad.status, bad.text, [])


async def test_a_long_json_body_is_read_beside_other_pings(
    system: System, client: httpx.AsyncClient, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    real = measurement.of_request

    def of_request(*args: Any, **options: Any) -> Reading:
        threads.append(threading.current_thread() is threading.main_thread())
        return real(*args, **options)

    monkeypatch.setattr(measurement, "of_request", of_request)
    monkeypatch.setattr(receiver, "LONG", 20)
    for body in (b'{"rows": 1}', b"a line that is longer", b'{"rows":                2}'):
        assert (await client.post(f"/ping/{job.uuid}", content=body)).status_code == 200

    assert threads == [True, True, False]
    assert [ping.measurements for ping in await stored(system)] == [{"rows": 1}, None, {"rows": 2}]


async def test_another_dialect_is_one_class_and_one_line_in_the_list(
    system: System, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pings, "DIALECTS", (*pings.DIALECTS, Push))
    context = system.context
    prefixes = dict(pings.receivers(system.ingest, context.clock, context.metrics, 1_000))
    transport = httpx.ASGITransport(app=prefixes["/push/"])
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        heard = await client.post(f"/push/{job.uuid.hex}?1200", content=b"all well")
        unknown = await client.post("/push/a-token", content=b"all well")
        malformed = await client.post("/push/", content=b"all well")

    assert [(answer.status_code, answer.text) for answer in (heard, unknown, malformed)] == [
        (202, "heard"),
        (404, "unknown"),
        (404, "nothing is named"),
    ]
    kept = [(ping.agent, ping.body, ping.measurements) for ping in await stored(system)]
    assert kept == [("push", b"all well", {"rows": 1200.0})]


async def test_a_ping_that_may_create_no_check_gets_one_sentence(
    system: System, client: httpx.AsyncClient, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system.ingest, "_limit", CreationLimit(in_all=0))
    refused = await client.post(f"/ping/{KEY}/new?create=1", content=b"output")
    assert (refused.status_code, refused.text) == (
        422,
        "not stored: pings have created too many checks, so this one was not created",
    )
    assert "retry-after" not in refused.headers
    known = await client.post(f"/ping/{KEY}/{job.slug}?create=1")
    assert known.status_code == 200
    registry = system.context.metrics.registry
    assert registry.get_sample_value("heartbeat_pings_total", {"result": "refused"}) == 1
