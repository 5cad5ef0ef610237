"""The cluster's network: each pod in a namespace of its own, all led through the node's, none to this machine."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

NODE, OUTSIDE = "node", "outside"
_PLACE = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Network:
    """Namespaces by name. `NODE` passes everything on; `OUTSIDE` is the world beyond the cluster."""

    def __init__(self) -> None:
        self._key = f"hb-{uuid4().hex[:6]}"
        self._links = 0
        self._names: list[str] = []

    def __enter__(self) -> "Network":
        self._add(NODE)
        with self.within(NODE):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        self.join(OUTSIDE, "203.0.113")
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._names):
            self.leave(name)

    def join(self, name: str, subnet: str = "") -> str:
        """Make a namespace that is linked with the node; its address."""
        self._add(name)
        self._links += 1
        subnet = subnet or f"10.244.{self._links}"
        link = f"v{self._links}"
        here, there = self._called(NODE), self._called(name)
        _ip("-n", here, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", there)
        _ip("-n", here, "addr", "add", f"{subnet}.1/24", "dev", link)
        _ip("-n", here, "link", "set", link, "up")
        _ip("-n", there, "addr", "add", f"{subnet}.2/24", "dev", "eth0")
        _ip("-n", there, "link", "set", "eth0", "up")
        _ip("-n", there, "route", "add", "default", "via", f"{subnet}.1")
        return f"{subnet}.2"

    def also(self, name: str, address: str) -> str:
        """Give a namespace one more address."""
        _ip("-n", self._called(name), "addr", "add", f"{address}/24", "dev", "eth0")
        return address

    def leave(self, name: str) -> None:
        """End a namespace."""
        self._names.remove(name)
        _ip("netns", "del", self._called(name))

    def path(self, name: str) -> Path:
        """Where a namespace can be entered."""
        return _PLACE / self._called(name)

    @contextmanager
    def within(self, name: str) -> Iterator[None]:
        """This thread makes its sockets in that namespace; a socket stays where it was made."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self.path(name), os.O_RDONLY)
        try:
            _enter(there)
            try:
                yield
            finally:
                _enter(home)
        finally:
            os.close(there)
            os.close(home)

    def rule(self, text: str) -> None:
        """Put these rules, for nft, in the place of the node's."""
        command = ["nsenter", f"--net={self.path(NODE)}", "nft", "-f", "-"]
        done = subprocess.run(command, input=f"flush ruleset\n{text}", capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stderr}\n{text}"

    def _add(self, name: str) -> None:
        _ip("netns", "add", self._called(name))
        self._names.append(name)
        _ip("-n", self._called(name), "link", "set", "lo", "up")

    def _called(self, name: str) -> str:
        return f"{self._key}-{name}"


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
