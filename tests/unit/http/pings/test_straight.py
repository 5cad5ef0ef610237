"""The short way of the plainest pings: it answers and stores as the way of all requests does, within its bounds."""

import gc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import uuid4

import pytest

from heartbeat.app import System
from heartbeat.checks.check import Check
from heartbeat.http import pings
from heartbeat.http.connection import PIPELINED
from heartbeat.http.pings.straight import StraightPing
from heartbeat.pings.arrival import Arrival, PingResult, StoredPing
from heartbeat.pings.ingest import Answer, Ingest
from tests.unit.http.conftest import make_check, refuse_database
from tests.unit.http.pings.conftest import KEY, stored
from tests.unit.http.wire import Side, settled

TRUSTED, STRANGER, MAPPED, IPV6 = "127.0.0.1", "192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7"
BASE = b"Host: heartbeat.test\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A request, as the packets of a client. `is_plain` says whether it goes the short way."""

    name: str
    packets: tuple[bytes, ...]
    is_plain: bool
    client: str = STRANGER


def request(line: str, headers: bytes = BASE, body: bytes = b"") -> bytes:
    return line.encode("latin-1") + b"\r\n" + headers + b"\r\n" + body


def corpus(uuid: str) -> Iterator[Case]:
    """Yield requests of every kind: what clients send, what they might, and what none should."""
    short, by_key = f"/ping/{uuid}", f"/ping/{KEY}/job"
    for method in ("GET", "POST", "HEAD", "PUT", "OPTIONS", "get", "BREW"):
        for path in (short, by_key):
            plain = method in ("GET", "POST")
            yield Case(f"{method} {path}", (request(f"{method} {path} HTTP/1.1"),), plain)
    for path in (f"/ping/{uuid4()}", f"/ping/{KEY}/nobody", f"/ping/wrong/{uuid}", f"/ping/{KEY}/start"):
        yield Case(f"plain {path}", (request(f"GET {path} HTTP/1.1"),), True)
    for path in (
        *(
            f"{base}/{end}"
            for base in (short, by_key)
            for end in ("start", "fail", "log", "0", "1", "256", "", "x")
        ),
        *(
            f"{base}?{query}"
            for base in (short, by_key)
            for query in ("", "create=1", f"rid={uuid4()}", "rid=1")
        ),
        f"{short}#fragment",
        short.upper(),
        short.replace("-", ""),
        short.replace("p", "%70"),
        f"http://heartbeat.test{short}",
        f"/{short}",
        f"/heartbeat{short}",
        f"/ping/{KEY}/Job",
        f"/ping/{KEY}/{'a' * 101}",
        f"/ping/{'k' * 101}/job",
        f"/ping/{KEY}%2Fjob",
        "/ping/k~y/job",
        "/ping/",
        "/ping",
        "/livez",
    ):
        yield Case(f"other {path}", (request(f"GET {path} HTTP/1.1"),), False)
    for version in ("HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/1.1 "):
        yield Case(version, (request(f"GET {short} {version}"),), False)
    line = f"POST {short} HTTP/1.1"
    for name, headers, is_plain in (
        ("no headers", b"", True),
        ("no agent", b"Host: a\r\n", True),
        ("empty agent", b"User-Agent:\r\n", True),
        ("long agent", b"User-Agent: " + b"a" * 5_000 + b"\r\n", True),
        ("odd agent", b"User-Agent: \xff\xfe\xc3\xa4 \"'\\ \t x\r\n", True),
        ("two agents", b"User-Agent: one\r\nuser-agent: two\r\n", True),
        ("no length", b"Content-Length: 0\r\n", True),
        ("kept alive", b"Connection: Keep-Alive\r\nAccept-Encoding: gzip\r\n", True),
        ("spaces", b"HOST:   a   \r\nUser-AGENT:\t b \t\r\n", True),
        ("odd connection", b"Connection: upgrade, x\r\n", True),
        ("closed", b"Connection: close\r\n", False),
        ("closed and kept", b"Connection: keep-alive, close\r\n", False),
        ("two lengths", b"Content-Length: 0\r\nContent-Length: 0\r\n", False),
        ("zeros", b"Content-Length: 00\r\n", False),
        ("negative", b"Content-Length: -1\r\n", False),
        ("type", b"Content-Type: text/plain\r\n", False),
        ("cookie", b"Cookie: a=b\r\n", False),
        ("trace", b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n", False),
        ("nul", b"User-Agent: a\0b\r\n", False),
        ("fold", b"User-Agent: a\r\n b\r\n", False),
        ("space in a name", b"User-Agent : a\r\n", False),
        ("no name", b": a\r\n", False),
        ("line feeds", b"User-Agent: a\nAccept: b\r\n", False),
        ("offer", b"Connection: Upgrade\r\nUpgrade: h2c\r\n", True),
        ("expected", b"Expect: 100-continue\r\nContent-Length: 0\r\n", False),
        ("forwarded", b"X-Forwarded-For: 198.51.100.1\r\n", False),
        ("forwarded scheme", b"X-Forwarded-Proto: https\r\n", False),
        ("chunked and empty", b"Transfer-Encoding: chunked\r\n\r\n0\r\n", False),
    ):
        for client in (STRANGER, TRUSTED):
            yield Case(f"{name} from {client}", (request(line, headers),), is_plain, client)
    for client in (MAPPED, IPV6, ""):
        yield Case(f"from {client}", (request(line),), True, client)
    yield Case("a body", (request(line, b"Content-Length: 5\r\n", b"hello"),), False)
    yield Case(
        "a chunk", (request(line, b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"),), False
    )
    yield Case("more than its length", (request(line, b"Content-Length: 0\r\n", b"hello"),), True)
    whole = request(line)
    yield Case("byte by byte", tuple(whole[at : at + 1] for at in range(len(whole))), True)
    yield Case("three in a packet", (whole * 3,), True)
    yield Case("three in a row", (whole,) * 3, True)
    yield Case("one and a half", (whole + whole[:40], whole[40:]), True)
    yield Case("garbage after it", (whole + b"\x16\x03\x01\r\n\r\n",), True)
    yield Case("another after it", (whole + request("GET /livez HTTP/1.1"),), True)
    yield Case("after another", (request("GET /livez HTTP/1.1") + whole,), False)
    yield Case("after a ping with a body", (request(line, b"Content-Length: 2\r\n", b"ok") + whole,), False)
    yield Case("many", (whole * (PIPELINED + 5),), True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a client sees, and what is kept of its pings."""

    written: bytes
    is_open: bool
    cut: dict[str, int]
    stored: list[StoredPing]


class Ways:
    """Both ways into a system. `taken` counts the pings that went the short one."""

    def __init__(self, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken = 0
        self._system = system
        assert system.straight is not None
        put = system.straight.put

        def counted(arrival: Arrival, answer: Answer) -> None:
            self.taken += 1
            put(arrival, answer)

        monkeypatch.setattr(system.straight, "put", counted)

    async def outcome(self, case: Case, *, short: bool) -> Outcome:
        """Send a request one of the ways."""
        side = Side(app=self._system.asgi, straight=self._system.straight if short else None)
        line, before = side.line(case.client), await stored(self._system)
        await line.send(*case.packets)
        await self.settle()
        last = before[-1].n if before else 0
        # A run that the other way began may end with this one.
        rows = [
            replace(ping, n=ping.n - last, duration=None)
            for ping in await stored(self._system)
            if ping.n > last
        ]
        return Outcome(line.wire.written, line.is_open, dict(side.cut), rows)

    async def settle(self) -> None:
        """Let every ping be answered, also those that wait for one before."""
        for _ in range(PIPELINED + 10):
            await settled()
            if self._system.ingest._draining is None:
                return
            await self._system.ingest.settle()


@pytest.fixture
def ways(system: System, monkeypatch: pytest.MonkeyPatch) -> Ways:
    return Ways(system, monkeypatch)


async def test_both_ways_answer_and_store_alike(system: System, ways: Ways, job: Check) -> None:
    await make_check(system, "start")
    for case in corpus(str(job.uuid)):
        usual = await ways.outcome(case, short=False)
        assert ways.taken == 0
        short = await ways.outcome(case, short=True)
        assert short == usual, case.name
        assert bool(ways.taken) is case.is_plain, case.name
        ways.taken = 0


@pytest.mark.parametrize("kind", ["postgres"])
async def test_both_ways_store_the_same_on_the_other_database(system: System, ways: Ways, job: Check) -> None:
    for case in corpus(str(job.uuid)):
        if case.is_plain:
            assert await ways.outcome(case, short=True) == await ways.outcome(case, short=False), case.name


async def test_a_wrong_byte_anywhere_is_answered_alike_by_both_ways(
    system: System, ways: Ways, job: Check
) -> None:
    whole = request(f"GET /ping/{job.uuid} HTTP/1.1")
    for at in range(len(whole)):
        for byte in b"\0 /%":
            packet = whole[:at] + bytes([byte]) + whole[at + 1 :]
            case, ways.taken = Case(f"{byte} at {at}", (packet,), False), 0
            short = await ways.outcome(case, short=True)
            if ways.taken:
                assert short == await ways.outcome(case, short=False), packet


async def test_a_database_that_is_away_is_told_alike_by_both_ways(
    system: System, ways: Ways, job: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case("away", (request(f"GET /ping/{job.uuid} HTTP/1.1"),), True)
    with monkeypatch.context() as away:
        refuse_database(system, away)
        side, usual = Side(app=system.asgi, straight=system.straight), Side(app=system.asgi)
        answers = []
        for line in (side.line(), usual.line()):
            await line.send(*case.packets)
            await ways.settle()
            answers.append((line.wire.written, line.is_open))
    assert answers[0] == answers[1]
    assert answers[0][0].startswith(b"HTTP/1.1 503 ")
    assert ways.taken == 1


async def test_pings_of_both_ways_are_counted_alike(system: System, ways: Ways, job: Check) -> None:
    def heard() -> float | None:
        return system.context.metrics.registry.get_sample_value("heartbeat_pings_total", {"result": "heard"})

    case = Case("plain", (request(f"GET /ping/{job.uuid} HTTP/1.1"),), True)
    await ways.outcome(case, short=True)
    assert heard() == 1
    await ways.outcome(case, short=False)
    assert heard() == 2


class Slow(Ingest):
    """A line of pings that are answered when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Answer] = []

    def put(self, arrival: Arrival, answer: Answer) -> None:
        self.waiting.append(answer)

    async def answer(self, result: PingResult = PingResult.HEARD) -> None:
        waiting, self.waiting = self.waiting, []
        for answer in waiting:
            answer(result)
        await settled()


PING = request(f"GET /ping/{uuid4()} HTTP/1.1")


@pytest.fixture
def slow(system: System) -> Slow:
    return Slow()


@pytest.fixture
def side(system: System, slow: Slow) -> Side:
    """A server whose plainest pings wait, and whose other requests are answered at once."""
    context = system.context
    return Side(straight=pings.straight(slow, context.clock, context.metrics, 1_000))


async def test_a_ping_that_waits_for_its_commit_is_not_cut_off(side: Side, slow: Slow) -> None:
    line = side.line()
    await line.send(PING)
    await side.pass_(300)
    assert (line.wire.written, line.is_open) == (b"", True)
    await slow.answer()
    assert line.wire.written.startswith(b"HTTP/1.1 200 OK\r\n")
    await side.pass_(29)
    assert line.is_open
    await side.pass_(1)
    assert (line.is_open, side.cut) == (False, {})


async def test_a_head_that_begins_with_a_ping_has_the_bound_of_every_head(side: Side) -> None:
    line = side.line()
    await line.send(PING[:-2])
    await side.pass_(5)
    assert (line.is_open, side.cut) == (False, {"slow": 1})


async def test_few_requests_wait_for_a_ping(side: Side, slow: Slow) -> None:
    line = side.line()
    await line.send(PING + b"".join(request(f"GET /{n} HTTP/1.1") for n in range(500)))
    assert len(slow.waiting) == 1
    await slow.answer()
    assert line.wire.written.count(b"HTTP/1.1 200 OK") == 1 + PIPELINED
    assert [path for path, _ in side.heard] == [f"/{n}" for n in range(PIPELINED)]
    assert (line.is_open, side.cut) == (False, {"pipelined": 1})


async def test_the_answer_to_a_ping_that_nobody_takes_is_aborted(side: Side, slow: Slow) -> None:
    line = side.line(reads=False)
    await line.send(PING)
    await slow.answer()
    await side.pass_(16)
    assert line.wire.is_aborted
    assert side.cut == {"stalled": 1}


async def test_a_client_that_takes_no_answers_is_no_longer_answered_straight(side: Side, slow: Slow) -> None:
    line = side.line(reads=False)
    line.pause()
    await line.send(PING)
    assert slow.waiting == []
    await line.hang_up()


async def test_nothing_is_written_to_a_client_that_hung_up(side: Side, slow: Slow) -> None:
    line = side.line()
    await line.send(PING)
    await line.hang_up()
    await slow.answer()
    assert line.wire.written == b""


async def test_an_answered_ping_leaves_the_collector_nothing(side: Side, slow: Slow) -> None:
    """All pings wait while it collects: the pings of a few seconds would cost them a tenth of one."""
    line = side.line()
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(3):
            await line.send(PING)
            await slow.answer()
        gc.collect()
        assert [left for left in gc.garbage if isinstance(left, StraightPing | Arrival)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


async def test_at_a_stop_a_ping_is_answered_and_its_connection_closed(side: Side, slow: Slow) -> None:
    line = side.line()
    await line.send(PING)
    line.shut_down()
    assert line.is_open
    await slow.answer()
    assert line.wire.written.endswith(b"\r\nconnection: close\r\n\r\nOK")
    assert not line.is_open


async def test_at_a_stop_a_ping_that_is_on_its_way_is_heard(side: Side, slow: Slow) -> None:
    line = side.line()
    line.shut_down()
    await line.send(PING)
    line.close_resting()
    await slow.answer()
    assert line.wire.written.endswith(b"\r\nconnection: close\r\n\r\nOK")
    assert not line.is_open


async def test_a_ping_that_is_not_stored_when_the_process_ends_is_sent_again(side: Side, slow: Slow) -> None:
    line = side.line()
    await line.send(PING)
    line.shut_down()
    line.turn_away()
    assert line.wire.written.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 5\r\n" in line.wire.written
    assert b"\r\nconnection: close\r\n\r\n" in line.wire.written
    written = line.wire.written
    await slow.answer()
    assert line.wire.written == written
