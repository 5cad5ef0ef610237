"""Where an address of the network leads, and whether a page may go there. Pure.

The guard against pages that are sent to the inside of somebody's network. Who wrote the contact decides how far
it may reach: the configuration file lies with the operator, who may page inside; what is entered through the
API or the console may lead to the internet only. Networks that the operator allows are open to both.

Sources: the IANA registries of special-purpose addresses (RFC 6890), RFC 4291 (mapped and compatible), RFC 6052
and 8215 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo), RFC 6598 (shared address space).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Destination(Enum):
    """Where an address leads, in words that fit into "it leads to …"."""

    INTERNET = "the internet"
    PRIVATE = "a private network"
    LOOPBACK = "this machine itself"
    LINK_LOCAL = "a link-local address"
    METADATA = "where a cloud tells its secrets"
    MULTICAST = "a multicast address"
    NOWHERE = "no address of the internet"


class Reach(Enum):
    """How far a page may reach."""

    INSIDE = frozenset({Destination.INTERNET, Destination.PRIVATE, Destination.LOOPBACK, Destination.NOWHERE})
    """Also inside the operator's own network: for what the configuration file says."""
    INTERNET = frozenset({Destination.INTERNET})
    """For what somebody has entered through the API or the console."""


# In this order: what clouds serve to their machines lies within wider networks.
_PLACES: Final[Sequence[tuple[Destination, Sequence[Network]]]] = [
    (place, [ip_network(one) for one in networks.split()])
    for place, networks in (
        (
            Destination.METADATA,
            "169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 168.63.129.16 192.0.0.192 "
            "fd00:ec2::/32 fd20:ce::254",
        ),
        (Destination.LOOPBACK, "127.0.0.0/8 ::1"),
        (Destination.LINK_LOCAL, "169.254.0.0/16 fe80::/10"),
        (Destination.PRIVATE, "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7 fec0::/10"),
        (Destination.MULTICAST, "224.0.0.0/4 ff00::/8"),
        (
            # This network, protocol assignments, documentation, the old 6to4 relays, benchmarks, reserved.
            Destination.NOWHERE,
            "0.0.0.0/8 192.0.0.0/24 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 192.88.99.0/24 198.18.0.0/15 "
            "240.0.0.0/4 2001:db8::/32 3fff::/20",
        ),
    )
]
_IN_USE: Final = IPv6Network("2000::/3")
"""All that IANA has given out of IPv6 so far. What lies beyond is nowhere."""
_PROTOCOLS: Final = IPv6Network("2001::/23")
"""Assignments to protocols, Teredo among them."""
_NAT64: Final = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE: Final = IPv6Network("::/96")


def parse(text: str) -> Address:
    """An address as a resolver tells it; the zone of a link-local one is left off. Raises ValueError."""
    return ip_address(text.partition("%")[0])


def networks(text: str) -> tuple[Network, ...]:
    """Networks or single addresses, separated by commas. Raises ValueError that names the one that is none."""
    found = []
    for one in filter(None, (part.strip() for part in text.split(","))):
        try:
            found.append(ip_network(one))
        except ValueError:
            raise ValueError(f"{one!r} is no network; write for example 10.0.0.0/8 or 192.168.1.20") from None
    return tuple(found)


def place(address: Address) -> Destination:
    """Where it leads. An IPv6 address that carries an IPv4 address leads where that one does, or to nowhere."""
    for found, within in _PLACES:
        if any(address in network for network in within if network.version == address.version):
            return found
    if isinstance(address, IPv4Address):
        return Destination.INTERNET
    return _place_of_ipv6(address)


@dataclass(frozen=True, slots=True)
class Fence:
    """How far pages may go. `allowed` are networks beyond it that the operator allows all the same.

    `advice` tells people how an address can be allowed.
    """

    reach: Reach
    allowed: Sequence[Network] = ()
    advice: str = ""

    def fault(self, address: Address) -> str | None:
        """Why a page may not go to this address, in a sentence without its end, or None where it may."""
        carried = [address, *_carried(address)]
        networks = [
            one for one in self.allowed if any(two in one for two in carried if two.version == one.version)
        ]
        found = place(address)
        if networks or found in self.reach.value:
            return None
        advice = f"; {self.advice}" if self.advice else ""
        return f"the address leads to {address}, {found.value}, where this page may not go{advice}"


def _place_of_ipv6(address: IPv6Address) -> Destination:
    if address in _NAT64_LOCAL:
        # Where in it the IPv4 address stands is the network's own affair.
        return Destination.PRIVATE
    carried = list(_carried(address))
    if not carried:
        return (
            Destination.INTERNET if address in _IN_USE and address not in _PROTOCOLS else Destination.NOWHERE
        )
    worst = next(
        (one for one in map(place, carried) if one is not Destination.INTERNET), Destination.INTERNET
    )
    translated = address.ipv4_mapped is not None or address in _NAT64
    return worst if translated or worst is not Destination.INTERNET else Destination.NOWHERE


def _carried(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address in _NAT64 or address in _COMPATIBLE:
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
    elif address.sixtofour is not None:
        yield address.sixtofour
    elif address.teredo is not None:
        yield from address.teredo
