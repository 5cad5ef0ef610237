"""The socket on which the service listens."""

import socket

import pytest

from heartbeat.http import server
from heartbeat.settings import EVERY_ADDRESS


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
