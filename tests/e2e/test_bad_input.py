"""Whatever comes over the wire: good pings are heard, the rest is refused in few words and costs little."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.e2e import wire
from tests.e2e.conftest import began
from tests.e2e.patience import eventually
from tests.e2e.service import Service, configuration

pytestmark = pytest.mark.e2e

HALF_OPEN = 60
MANY = 1_500
FLOOD = 100_000_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all of this: none of it may harm what comes after."""
    home = tmp_path_factory.mktemp("bad-input")
    checks = {f"job-{n}": "every: 1h" for n in range(9)}
    with began(home, configuration(checks, ["{console: terminal}"])) as service:
        yield service


def test_half_open_connections_starve_nobody_and_are_closed(service: Service) -> None:
    with ExitStack() as stack:
        halves = [stack.enter_context(wire.connected(service.port)) for _ in range(HALF_OPEN)]
        for half in halves:
            half.sendall(wire.ping("job-0")[:30])
        for _ in range(50):
            assert service.ping("job-0").text == "OK"
        # Five seconds is the bound on a head; the first of them has waited a little already.
        assert wire.seconds_until_closed(halves[0]) > 2
        for half in halves:
            assert wire.seconds_until_closed(half) < 3
    assert service.ping("job-0").text == "OK"


def test_unfinished_requests_starve_nobody_and_are_closed(service: Service) -> None:
    paths = [
        b"/sign-in",
        b"/join/abc",
        b"/v1/keys",
        b"/v1/checks/job-0",
        b"/status/public/subscribe",
        b"/answer/x",
    ]
    with ExitStack() as stack:
        unfinished = [stack.enter_context(wire.connected(service.port)) for _ in range(HALF_OPEN)]
        for number, connection in enumerate(unfinished):
            head = b"POST %b HTTP/1.1\r\nHost: here\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            connection.sendall(head % paths[number % len(paths)] + b"Content-Length: 1000\r\n\r\nname=a")
        for _ in range(50):
            assert service.ping("job-0").text == "OK"
        for connection in unfinished:
            assert wire.seconds_until_closed(connection) < 12


def test_an_offer_of_another_protocol_is_ignored(service: Service) -> None:
    offer = b"Host: here\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAA"
    request = wire.ping("job-7", b"disk full").replace(b"Host: here", offer)
    for at in (20, len(request) - 11, len(request) - 9, len(request) - 4):
        with wire.connected(service.port) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(request[:at])
            assert service.ping("job-0").text == "OK"
            connection.sendall(request[at:])
            assert wire.one_answer(connection) == (200, b"OK")
    heard = service.get("/v1/checks/job-7/pings")["pings"]
    assert [one["body_bytes"] for one in heard] == [len(b"disk full")] * 4


def test_a_body_that_trickles_is_a_ping_with_what_came(service: Service) -> None:
    with wire.connected(service.port) as slow:
        slow.sendall(wire.ping("job-1", b"half of it", length=1_000))
        assert service.ping("job-1").text == "OK"
        assert wire.one_answer(slow) == (200, b"OK")
    slow_one = next(one for one in service.get("/v1/checks/job-1/pings")["pings"] if one["body_bytes"])
    assert service.ask("GET", f"/v1/checks/job-1/pings/{slow_one['n']}/body").content == b"half of it"


def test_a_body_that_is_too_long_is_cut_and_heard(service: Service) -> None:
    answer = service.ping("job-2", "POST", content=b"x" * 3_000_000)
    assert (answer.status_code, answer.text) == (200, "OK")
    limit = int(answer.headers["Ping-Body-Limit"])
    assert [one["body_bytes"] for one in service.get("/v1/checks/job-2/pings")["pings"]] == [limit]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
        b"GET\r\n\r\n",
        b"GET /ping/ HTTP/9.9\r\n\r\n",
        b"\0" * 10_000 + b"\r\n\r\n",
        b"GET /ping/\xff\xfe HTTP/1.1\r\nHost: here\r\n\r\n",
        b"POST /ping/x HTTP/1.1\r\nHost: here\r\nContent-Length: minus one\r\n\r\n",
    ],
)
def test_garbage_is_refused_in_one_sentence(service: Service, garbage: bytes) -> None:
    with wire.connected(service.port) as connection:
        connection.sendall(garbage)
        said = wire.all_of(connection)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert 0 < len(said.partition(b"\r\n\r\n")[2]) < 100


@pytest.mark.parametrize("line", [b"X-Flood: and so on, and on\r\n", b"without an end "])
def test_a_flood_of_headers_is_refused_and_costs_no_memory(service: Service, line: bytes) -> None:
    before = _most_memory(service)
    block = line * (1_000_000 // len(line))
    sent = 0
    with wire.connected(service.port) as connection:
        connection.sendall(b"GET /ping/key/job-3 HTTP/1.1\r\nHost: here\r\nX-First: ")
        with suppress(ConnectionResetError, BrokenPipeError):
            while sent < FLOOD:
                connection.sendall(block)
                sent += len(block)
        with suppress(ConnectionResetError, BrokenPipeError):
            wire.all_of(connection)
    assert sent < FLOOD / 2
    assert _most_memory(service) - before < 50_000_000
    assert service.ping("job-3").text == "OK"


def test_a_head_that_is_too_large_is_told_so(service: Service) -> None:
    with wire.connected(service.port) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: here\r\nX-Large: " + b"x" * 200_000)
        assert wire.all_of(connection).startswith(b"HTTP/1.1 431 ")


def test_pipelined_pings_are_answered_each(service: Service) -> None:
    with wire.connected(service.port) as connection:
        connection.sendall(b"".join(wire.ping("job-4", b"number %d" % n) for n in range(20)))
        said = b""
        while said.count(b"\r\n\r\nOK") < 20:
            said += connection.recv(65_536)
    heard = service.get("/v1/checks/job-4/pings?limit=100")["pings"]
    assert [one["n"] for one in heard] == list(range(20, 0, -1))
    assert service.ask("GET", "/v1/checks/job-4/pings/20/body").content == b"number 19"


def test_more_connections_than_a_process_may_open_by_default(service: Service) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < MANY + 1_000:
        pytest.fail(f"this machine allows a process {hard} open files, and the test needs {MANY + 1_000}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, MANY + 1_000), hard))
    with ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(wire.connected(service.port))
        assert service.ping("job-5").text == "OK"
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    "path",
    [
        "a-key-that-nobody-has/job-6",
        "a-key-that-nobody-has/job-6?create=1",
        "a-ping-key-for-the-tests/unknown",
        "01234567-89ab-cdef-0123-456789abcdef",
        "a-ping-key-for-the-tests/job-6/and/more",
        "a-ping-key-for-the-tests/job-6/dance",
    ],
)
def test_what_is_unknown_is_404(service: Service, path: str) -> None:
    answer = service.ping(path)
    assert (answer.status_code, answer.text) == (404, "not found")
    assert service.get("/v1/checks/job-6")["pings"] == 0


def test_strangers_write_nothing_into_the_log(service: Service) -> None:
    before = service.output()
    form = b"POST /sign-in HTTP/1.1\r\nHost: here\r\nContent-Length: 300\r\nContent-Type: "
    multipart = b"multipart/form-data; boundary=x\r\n\r\n" + b"--x\r\nno header\r\n\r\n".ljust(300, b"-")
    for said in (
        b"\x16\x03\x01\x02\x00" * 100,
        b"GET / HTTP/1.1\r\nHost : odd\r\n\r\n",
        form + b"application/x-www-form-urlencoded\r\n\r\nname=a",
        form + multipart,
        form + b"application/json\r\n\r\n".ljust(320, b"["),
        form.replace(b"/sign-in", b"/v1/keys") + b"application/json\r\n\r\n[",
        wire.ping("job-8", b"half", length=100),
        wire.ping("job-8").replace(b"Host", b"Upgrade: h2c\r\nConnection: Upgrade\r\nHost"),
        wire.ping("job-8").replace(b"Host", b"Content-Encoding: nonsense\r\nExpect: nothing\r\nHost"),
    ):
        for _ in range(20):
            with wire.connected(service.port) as connection:
                connection.sendall(said)
    assert service.ping("job-8").text == "OK"
    assert service.output() == before


def test_no_harm_was_done(service: Service) -> None:
    eventually(lambda: service.ask("GET", "/readyz").status_code == 200, within=10, what="readiness")
    assert "Traceback" not in service.output()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", service.port)) == 0


def _most_memory(service: Service) -> int:
    """The most memory that the service has ever held, in bytes."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
