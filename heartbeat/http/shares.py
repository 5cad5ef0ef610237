"""The places of a server, shared out by the networks of its clients. Pure.

A client can have many addresses, but seldom many networks: an IPv4 address counts for its /24, an IPv6 address for
its /64.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from heapq import heapify, heappop, heapreplace
from ipaddress import IPv6Address, ip_address
from typing import Generic, TypeVar

T = TypeVar("T")


@lru_cache(4_096)
def network_of(address: str) -> str:
    """Return the network of an address, or the text itself if it is no address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return f"{parsed.packed[:8].hex(':')}::/64" if parsed.version == 6 else f"{parsed.packed[:3].hex('.')}/24"


@dataclass(frozen=True, slots=True)
class Place(Generic[T]):
    """A place and who holds it. `since` is the time from which the client owes a request; None if it owes nothing."""

    holder: T
    network: str
    since: float | None


def to_shed(places: Iterable[Place[T]], count: int) -> list[T]:
    """Return up to `count` holders to send away: each time the one that owes a request for longest, of the network
    that then holds most places. Holders that owe nothing stay."""
    held: dict[str, int] = defaultdict(int)
    owing: dict[str, list[tuple[float, T]]] = defaultdict(list)
    for place in places:
        held[place.network] += 1
        if place.since is not None:
            owing[place.network].append((place.since, place.holder))
    for holders in owing.values():
        holders.sort(key=lambda entry: entry[0], reverse=True)
    largest = [(-held[network], network) for network in owing]
    heapify(largest)
    chosen: list[T] = []
    while largest and len(chosen) < count:
        size, network = largest[0]
        chosen.append(owing[network].pop()[1])
        if owing[network]:
            heapreplace(largest, (size + 1, network))
        else:
            heappop(largest)
    return chosen


class Shares:
    """Requests under way, counted by network. Each network may hold as many as are still free."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._held: dict[str, int] = {}

    def take(self, network: str) -> bool:
        """Take a place, and return whether there was one for this network."""
        held = self._held.get(network, 0)
        if held >= self._free:
            return False
        self._held[network] = held + 1
        self._free -= 1
        return True

    def give_back(self, network: str) -> None:
        """Give back a place that was taken."""
        self._free += 1
        self._held[network] -= 1
        if not self._held[network]:
            del self._held[network]
