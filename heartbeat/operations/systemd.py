"""Notifications to systemd about this process: ready, alive, stopping.

Source: sd_notify(3) and systemd.service(5): datagrams of NAME=VALUE lines to the AF_UNIX socket that NOTIFY_SOCKET
names; a leading "@" stands for the abstract namespace. Without such a socket nothing is sent.
"""

import logging
import socket
import time
from collections.abc import Callable

FED_EVERY = 1.0
"""Seconds between two messages that a tick moves."""
LONGEST_STATUS = 200
"""Characters of the longest status: `systemctl status` shows one line."""

log = logging.getLogger(__name__)


class Supervisor:
    """The receiver of notifications at the socket `address`; an empty address means none.

    Each tick that ends feeds the watchdog, clean or not: a restart mends a ticker that hangs, but does not help while
    the database is away. So does each part of a long one. The first clean tick after `serving` returns True sends
    ready, once.
    """

    def __init__(self, address: str, serving: Callable[[], bool] = lambda: True) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._serving = serving
        self._ready = False
        self._status = ""
        self._fed_at = float("-inf")

    def moved(self) -> None:
        """Report that a tick moves."""
        if time.monotonic() - self._fed_at >= FED_EVERY:
            self._fed_at = time.monotonic()
            self._send(["WATCHDOG=1"])

    def ticked(self, clean: bool) -> None:
        """Report that a tick has ended."""
        self._fed_at = time.monotonic()
        fields = ["WATCHDOG=1"]
        if clean and not self._ready and self._serving():
            self._ready = True
            fields.append("READY=1")
        status = "checking" if clean else "the last tick failed: see the log"
        if status != self._status:
            self._status = status
            fields.append(f"STATUS={status}"[:LONGEST_STATUS])
        self._send(fields)

    def stopping(self) -> None:
        """Report that the process is stopping."""
        self._send(["STOPPING=1", "STATUS=stopping"])

    def _send(self, fields: list[str]) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
                # A supervisor that does not listen must not delay the ticker.
                wire.setblocking(False)
                wire.sendto("\n".join(fields).encode(), self._address)
        except OSError as error:
            log.warning("cannot send %s to the supervisor: %s", fields[0], error.strerror)
