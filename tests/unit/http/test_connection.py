"""The bounds on a connection, at the protocol, on virtual time."""

import pytest

from heartbeat.http import connection
from heartbeat.http.connection import HEAD_LIMIT, LEAST_RATE, MOST_FIELDS, PIPELINED, TARGET_LIMIT
from tests.unit.http.wire import OK, Side

HEAD = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"


def test_the_bounds_are_apart() -> None:
    assert connection.HEAD_BOUND < connection.REQUEST_BOUND < connection.STALL_BOUND < connection.IDLE_BOUND


async def test_a_silent_connection_is_closed_after_the_bound_on_a_head() -> None:
    side = Side()
    silent = side.line()
    await side.pass_(4)
    assert silent.is_open
    await side.pass_(1)
    assert not silent.is_open
    assert (silent.wire.written, side.cut) == (b"", {"slow": 1})


async def test_a_head_that_trickles_is_closed_with_a_sentence() -> None:
    side = Side()
    slow = side.line()
    for byte in range(4):
        await slow.send(HEAD[byte : byte + 1])
        await side.pass_(1)
    assert slow.is_open
    await side.pass_(1)
    assert not slow.is_open
    assert slow.wire.written.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("trickle", [b"", b"a"], ids=["stops", "trickles"])
async def test_a_request_is_complete_within_its_bound_or_closed(trickle: bytes) -> None:
    side = Side()
    slow = side.line()
    await slow.send(HEAD.replace(b" 5", b" 1000") + b"name")
    for _ in range(9):
        await side.pass_(1)
        await slow.send(trickle)
    assert slow.is_open
    await side.pass_(1)
    assert not slow.is_open
    assert slow.wire.written.startswith(b"HTTP/1.1 408 ")
    assert (side.heard, side.cut) == ([], {"slow": 1})


CONFIGURATION = b"PUT /v1/configuration HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n"


async def test_a_long_body_of_a_caller_with_a_key_may_come_slowly() -> None:
    side = Side(knows=True)
    slow = side.line()
    await slow.send(CONFIGURATION)
    for _ in range(5_000_000 // LEAST_RATE):
        await slow.send(b"a" * LEAST_RATE)
        await side.pass_(1)
    assert slow.is_open
    assert await slow.send(b"a" * (5_000_000 % LEAST_RATE)) == OK
    assert [len(body) for _, body in side.heard] == [5_000_000]


@pytest.mark.parametrize(("knows", "rate", "bound"), [(True, LEAST_RATE // 2, 20), (False, LEAST_RATE, 10)])
async def test_a_body_that_comes_too_slowly_or_from_a_stranger_is_closed(
    knows: bool, rate: int, bound: int
) -> None:
    side = Side(knows=knows)
    slow = side.line()
    await slow.send(CONFIGURATION)
    for _ in range(bound - 1):
        await slow.send(b"a" * rate)
        await side.pass_(1)
    assert slow.is_open
    await side.pass_(1)
    assert not slow.is_open
    assert slow.wire.written.startswith(b"HTTP/1.1 408 ")


async def test_the_next_request_of_a_connection_gets_no_time_of_the_one_before() -> None:
    side = Side(knows=True)
    line = side.line()
    assert await line.send(CONFIGURATION, *[b"a" * 100_000] * 50) == OK
    await line.send(HEAD)
    await side.pass_(10)
    assert not line.is_open


async def test_a_request_that_takes_long_to_answer_is_not_cut_off() -> None:
    side = Side()
    side.hold()
    patient = side.line()
    await patient.send(HEAD + b"hello")
    await side.pass_(300)
    assert patient.is_open
    await side.release()
    assert patient.wire.written == OK


async def test_the_time_of_a_request_begins_with_its_own_first_byte() -> None:
    side = Side()
    line = side.line()
    await line.send(GET % 1)
    await side.pass_(29)
    await line.send(HEAD)
    await side.pass_(9)
    assert await line.send(b"hello") == OK


async def test_an_idle_connection_is_closed_and_not_counted() -> None:
    side = Side()
    idle = side.line()
    assert await idle.send(GET % 1) == OK
    await side.pass_(29)
    assert idle.is_open
    await side.pass_(1)
    assert not idle.is_open
    assert side.cut == {}


async def test_an_answer_that_nobody_takes_is_aborted() -> None:
    side = Side()
    deaf = side.line(reads=False)
    await deaf.send(GET % 1)
    await side.pass_(14)
    assert deaf.is_open
    await side.pass_(2)
    assert deaf.wire.is_aborted
    assert side.cut == {"stalled": 1}


async def test_an_answer_that_is_taken_slowly_is_not_aborted() -> None:
    side = Side()
    slow = side.line(reads=False)
    await slow.send(GET % 1)
    for _ in range(5):
        await side.pass_(5)
        slow.wire.untaken -= 1
    assert not slow.wire.is_aborted


async def test_a_closed_connection_whose_answer_nobody_takes_is_aborted_too() -> None:
    side = Side()
    deaf = side.line(reads=False)
    await deaf.send(b"garbage\r\n\r\n")
    assert not deaf.is_open
    await side.pass_(16)
    assert deaf.wire.is_aborted


async def test_few_requests_wait_on_one_connection() -> None:
    side = Side()
    side.hold()
    eager = side.line()
    await eager.send(b"".join(GET % number for number in range(500)))
    await side.release()
    assert eager.wire.written == OK * PIPELINED + OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    assert [path for path, _ in side.heard] == [f"/{number}" for number in range(PIPELINED + 1)]
    assert (eager.is_open, side.cut) == (False, {"pipelined": 1})


async def test_requests_that_wait_end_with_their_connection() -> None:
    side = Side()
    side.hold()
    eager = side.line()
    await eager.send(HEAD + b"hello", HEAD)
    await eager.hang_up()
    await side.release()
    await side.pass_(1)
    assert side.heard == [("/sign-in", b"hello")]
    assert not side.state.tasks


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"CONNECT a:80 HTTP/1.1\r\n\r\n"]
)
async def test_garbage_is_counted_and_not_logged(garbage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    side = Side()
    line = side.line()
    assert (await line.send(garbage)).startswith(b"HTTP/1.1 400 ")
    kept = side.line()
    await kept.send(GET % 1)
    assert (await kept.send(garbage)).startswith(b"HTTP/1.1 400 ")
    assert (side.cut, caplog.records) == ({"malformed": 2}, [])


@pytest.mark.parametrize("garbage", [b"hello", b"GET / HTTP/7.7\r\n\r\n", b"CONNECT a:80 HTTP/1.1\r\n\r\n"])
@pytest.mark.parametrize("whole", [1, 3])
async def test_whole_requests_before_garbage_are_answered(whole: int, garbage: bytes) -> None:
    side = Side()
    side.hold()
    odd = side.line()
    await odd.send(b"".join(GET % number for number in range(whole)) + garbage, GET % 9)
    await side.release()
    assert odd.wire.written == OK * (whole - 1) + OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    assert [path for path, _ in side.heard] == [f"/{number}" for number in range(whole)]
    assert (odd.is_open, side.cut) == (False, {"malformed": 1})


async def test_a_body_with_garbage_reaches_nobody() -> None:
    side = Side()
    line = side.line()
    head = HEAD.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked")
    assert (await line.send(head, b"no length\r\n")).startswith(b"HTTP/1.1 400 ")
    assert (side.heard, side.cut) == ([], {"malformed": 1})


async def test_a_head_that_is_too_large_is_refused() -> None:
    side = Side()
    line = side.line()
    answer = await line.send(HEAD[:-2] + b"X-Large: ", b"x" * HEAD_LIMIT)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert side.cut == {"too_large": 1}


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * TARGET_LIMIT), b"414"),
        (b"GET /ping/key/job?%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a&" * (TARGET_LIMIT // 2)), b"414"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n%s\r\n" % (b"a:b\r\n" * MOST_FIELDS), b"431"),
    ],
    ids=["address", "address of a ping", "fields"],
)
async def test_a_head_that_would_take_long_to_read_is_refused(head: bytes, status: bytes) -> None:
    side = Side()
    answer = await side.line().send(head)
    assert answer.startswith(b"HTTP/1.1 %s " % status)
    assert (side.heard, side.cut) == ([], {"too_large": 1})


async def test_a_head_within_its_limits_is_heard() -> None:
    side = Side()
    head = b"GET /%s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (
        b"a" * (TARGET_LIMIT - 1),
        b"a:b\r\n" * (MOST_FIELDS - 1),
    )
    assert await side.line().send(head) == OK


async def test_requests_before_a_head_that_is_refused_are_answered() -> None:
    side = Side()
    line = side.line()
    long = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * TARGET_LIMIT)
    assert (await line.send(GET % 1 + long)).count(b"HTTP/1.1 200 ") == 1
    assert [path for path, _ in side.heard] == ["/1"]


async def test_a_long_body_is_no_large_head() -> None:
    side = Side()
    line = side.line()
    long = b"x" * 200_000
    head = HEAD.replace(b" 5", b" 200000")
    assert await line.send(head + long + HEAD[:10], HEAD[10:] + b"hello") == OK * 2
    assert [body for _, body in side.heard] == [long, b"hello"]


async def test_a_body_that_its_sender_gives_up_is_counted_and_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    side = Side()
    line = side.line()
    await line.send(HEAD)
    await line.hang_up()
    assert (side.cut, caplog.records) == ({"aborted": 1}, [])


async def test_the_oldest_connection_without_a_request_makes_room() -> None:
    side = Side(limit=3)
    side.hold()
    answered = side.line()
    await answered.send(GET % 1)
    oldest = side.line()
    side.loop.now = 1
    newer = side.line()
    newest = side.line()
    assert [line.is_open for line in (answered, oldest, newer, newest)] == [True, False, True, True]
    assert side.cut == {"crowded": 1}


async def test_the_network_with_most_places_makes_room() -> None:
    side = Side(limit=4)
    alone = side.line("198.51.100.7")
    crowd = []
    for host in range(3):
        side.loop.now += 1
        crowd.append(side.line(f"192.0.2.{host}"))
    newest = side.line("203.0.113.1")
    assert [line.is_open for line in (alone, *crowd, newest)] == [True, False, True, True, True]


async def test_where_everybody_is_being_answered_the_newcomer_goes() -> None:
    side = Side(limit=2)
    side.hold()
    busy = [side.line(), side.line()]
    for line in busy:
        await line.send(GET % 1)
    newest = side.line("203.0.113.1")
    assert [line.is_open for line in (*busy, newest)] == [True, True, False]


UPGRADE = HEAD.replace(
    b"Content-Length",
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\nContent-Length",
)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (UPGRADE, b"hello"),
        (UPGRADE.replace(b"h2c", b"websocket"), b"hello"),
        (
            UPGRADE.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
            b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        ),
    ],
    ids=["length", "websocket", "chunked"],
)
async def test_an_offer_of_another_protocol_is_ignored_however_it_is_split(
    head: bytes, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    side = Side()
    request = head + body
    for at in range(len(request) + 1):
        line = side.line()
        assert await line.send(request[:at], request[at:]) == OK, at
        assert await line.send(GET % 2) == OK
    bytewise = side.line()
    assert await bytewise.send(*(request[at : at + 1] for at in range(len(request)))) == OK
    assert await side.line().send(request * 3) == OK * 3
    assert {entry for entry in side.heard if entry[0] != "/2"} == {("/sign-in", b"hello")}
    assert (side.cut, caplog.records) == ({}, [])


async def test_an_offer_without_a_body_is_ignored_too() -> None:
    side = Side()
    offer = UPGRADE.replace(b"Content-Length: 5\r\n", b"")
    assert await side.line().send(offer + GET % 2) == OK * 2
    assert [path for path, _ in side.heard] == ["/sign-in", "/2"]


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (b"GET /a HTTP/1.0\r\n\r\n", "/a"),
        (b"GET http://example.com/a/b?c=1 HTTP/1.1\r\nHost: example.com\r\n\r\n", "/a/b"),
    ],
    ids=["1.0", "absolute"],
)
async def test_older_and_longer_forms_of_a_request_are_heard(request_: bytes, path: str) -> None:
    side = Side()
    line = side.line()
    assert (await line.send(request_)).startswith(b"HTTP/1.1 200 ")
    assert (side.heard, line.is_open) == ([(path, b"")], b"1.1" in request_)


async def test_a_client_that_asks_whether_to_send_its_body_is_told_to() -> None:
    side = Side()
    line = side.line()
    head = HEAD.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue")
    assert await line.send(head) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert await line.send(b"hello") == OK


@pytest.mark.parametrize("before", [[], [GET % 1]], ids=["new", "used"])
async def test_at_a_stop_a_request_that_is_on_its_way_is_answered(before: list[bytes]) -> None:
    side = Side()
    line = side.line()
    await line.send(*before)
    line.shut_down()
    assert line.is_open
    assert (await line.send(GET % 2)).endswith(b"connection: close\r\n\r\n" + OK.rpartition(b"\r\n\r\n")[2])
    assert not line.is_open


async def test_at_a_stop_a_connection_is_closed_if_no_request_comes() -> None:
    side = Side()
    new, used, slow = side.line(), side.line(), side.line()
    await used.send(GET % 1)
    side.hold()
    await slow.send(GET % 2)
    for line in (new, used, slow):
        line.shut_down()
        line.close_resting()
    assert (new.is_open, used.is_open, slow.is_open) == (False, False, True)
    await side.release()
    assert not slow.is_open
