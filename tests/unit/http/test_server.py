"""The socket on which the service listens: its addresses, and how it bounds each connection."""

import asyncio
import socket
from contextlib import ExitStack

import pytest
import uvloop

from heartbeat.http import server
from heartbeat.http.server import ACCEPTED, RECEIVE_BUFFER, SEND_BUFFER
from heartbeat.settings import EVERY_ADDRESS

CLIENTS = 40


def reachable(listener: socket.socket) -> list[str]:
    """The addresses of this machine at which the socket answers."""
    found = []
    for host in ("127.0.0.1", "::1"):
        try:
            socket.create_connection((host, listener.getsockname()[1]), timeout=5).close()
            found.append(host)
        except OSError:
            continue
    return found


def test_every_address_is_ipv6_and_ipv4() -> None:
    with server.listening(EVERY_ADDRESS, 0) as listener:
        assert listener.family == socket.AF_INET6
        assert reachable(listener) == ["127.0.0.1", "::1"]


def test_every_address_is_ipv4_alone_on_a_machine_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_has_ipv6", lambda: False)
    with server.listening(EVERY_ADDRESS, 0) as listener:
        assert reachable(listener) == ["127.0.0.1"]


def test_several_connections_are_accepted_in_one_turn() -> None:
    """While others send a lot, a turn is long: whoever is accepted one in a turn waits for seconds."""
    assert uvloop.run(_turns()) <= CLIENTS // ACCEPTED + 5


async def _turns() -> int:
    """Return after how many turns of the event loop all clients were accepted."""
    loop, accepted, turns = asyncio.get_running_loop(), 0, 0

    class Counted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            nonlocal accepted
            accepted += 1

    with ExitStack() as stack:
        listener = stack.enter_context(server.listening("127.0.0.1", 0))
        serving = [await loop.create_server(Counted, sock=each) for each in server.repeated(listener)]
        for _ in range(CLIENTS):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        while accepted < CLIENTS:
            await asyncio.sleep(0)
            turns += 1
        for one in serving:
            one.close()
    return turns


def test_little_is_kept_of_a_connection_that_never_reads_or_is_never_read() -> None:
    with (
        server.listening("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        # Linux counts its own needs too, as much again.
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * SEND_BUFFER
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 2 * RECEIVE_BUFFER
