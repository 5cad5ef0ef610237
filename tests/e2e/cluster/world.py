"""The world beyond the cluster: a name server, and PostgreSQL by TCP."""

import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Self

from tests.e2e.cluster.network import OUTSIDE, Network
from tests.e2e.meanwhile import Meanwhile

_A, _IN = 1, 1
_NO_SUCH_NAME = 3


class Names(Meanwhile):
    """A name server for these names: IPv4 addresses, and nothing else."""

    def __init__(self, network: Network, address: str, known: Callable[[], Mapping[str, str]]) -> None:
        self.address = network.also(OUTSIDE, address)
        self._known = known
        with network.within(OUTSIDE):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind((address, 53))
        self._socket.settimeout(0.1)
        super().__init__(self._serve)

    def __exit__(self, *given: object) -> None:
        super().__exit__(*given)
        self._socket.close()

    def _serve(self) -> None:
        while not self.over.is_set():
            with suppress(TimeoutError):
                question, caller = self._socket.recvfrom(4096)
                self._socket.sendto(answered(question, self._known()), caller)


def answered(question: bytes, known: Mapping[str, str]) -> bytes:
    """The answer to a question of DNS."""
    labels, place = [], 12
    while length := question[place]:
        labels.append(question[place + 1 : place + 1 + length].decode())
        place += 1 + length
    (kind,) = struct.unpack_from(">H", question, place + 1)
    address = known.get(".".join(labels).lower())
    found = socket.inet_aton(address) if address and kind == _A else b""
    flags = 0x8580 | (0 if address else _NO_SUCH_NAME)
    head = question[:2] + struct.pack(">5H", flags, 1, 1 if found else 0, 0, 0)
    record = struct.pack(">3HIH", 0xC00C, _A, _IN, 1, 4) + found if found else b""
    return head + question[12 : place + 5] + record


class Relay:
    """Passes on what comes by TCP to a socket of this machine's file system."""

    def __init__(self, network: Network, address: tuple[str, int], to: str) -> None:
        self._to = to
        self._open: set[socket.socket] = set()
        network.also(OUTSIDE, address[0])
        with network.within(OUTSIDE):
            self._listener = socket.create_server(address)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                called = socket.socket(socket.AF_UNIX)
                try:
                    called.connect(self._to)
                except OSError:
                    # Whoever calls is hung up on, as by a machine that has lost its server.
                    called.close()
                    caller.close()
                    continue
                threading.Thread(target=self._pass_on, args=(caller, called), daemon=True).start()

    def _pass_on(self, caller: socket.socket, called: socket.socket) -> None:
        both = {caller, called}
        self._open |= both
        back = threading.Thread(target=_pour, args=(called, caller), daemon=True)
        back.start()
        _pour(caller, called)
        back.join()
        self._open -= both
        for one in both:
            one.close()


def _pour(whence: socket.socket, whither: socket.socket) -> None:
    with suppress(OSError):
        while some := whence.recv(65_536):
            whither.sendall(some)
    for one in (whence, whither):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
