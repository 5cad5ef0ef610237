"""Who started this process is told how it does: ready, alive, stopping (systemd's notification protocol).

Source: sd_notify(3) and systemd.service(5): datagrams of NAME=VALUE lines to the AF_UNIX socket that NOTIFY_SOCKET
names; a leading "@" stands for the abstract namespace. Without such a socket nothing is told.
"""

import logging
import socket
from collections.abc import Callable

LONGEST_STATUS = 200
"""Characters of a status at the most: `systemctl status` shows one line."""

log = logging.getLogger(__name__)


class Supervisor:
    """Whoever waits at the socket `address`; nobody where that is empty.

    A tick that ends feeds the watchdog, whether it was clean or not: a restart mends a checking that hangs, and helps
    nobody while the database is away. Ready is told once, by the first clean tick after `serving` says so.
    """

    def __init__(self, address: str, serving: Callable[[], bool] = lambda: True) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._serving = serving
        self._ready = False
        self._status = ""

    def ticked(self, clean: bool) -> None:
        """A tick has ended."""
        words = ["WATCHDOG=1"]
        if clean and not self._ready and self._serving():
            self._ready = True
            words.append("READY=1")
        status = "checking" if clean else "the last round of checking failed: see the log"
        if status != self._status:
            self._status = status
            words.append(f"STATUS={status}"[:LONGEST_STATUS])
        self._tell(words)

    def stopping(self) -> None:
        """The process is on its way out."""
        self._tell(["STOPPING=1", "STATUS=stopping"])

    def _tell(self, words: list[str]) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
                # Whoever does not listen must not hold up the checking.
                wire.setblocking(False)
                wire.sendto("\n".join(words).encode(), self._address)
        except OSError as error:
            log.warning("the supervisor was not told %s: %s", words[0], error.strerror)
