"""The destination of a network address, and whether a page may go there. Pure.

This guards against pages into a private network. The author of a contact decides how far it may reach: addresses in
the operator's configuration file may lead inside; those entered through the API or the console may lead to the
internet only. Networks that the operator allows are open to both.

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
    """The kinds of destinations, in words that fit into "it leads to …"."""

    INTERNET = "the internet"
    PRIVATE = "a private network"
    LOOPBACK = "this machine"
    LINK_LOCAL = "a link-local address"
    METADATA = "the metadata service of a cloud"
    MULTICAST = "a multicast address"
    NOWHERE = "an address outside of the internet"


class Reach(Enum):
    """The destinations that a page may reach."""

    INSIDE = frozenset({Destination.INTERNET, Destination.PRIVATE, Destination.LOOPBACK, Destination.NOWHERE})
    """The operator's own network too: for addresses in the configuration file."""
    INTERNET = frozenset({Destination.INTERNET})
    """For addresses entered through the API or the console."""


# The order matters: the metadata services of clouds lie within wider networks.
_DESTINATIONS: Final[Sequence[tuple[Destination, Sequence[Network]]]] = [
    (destination, [ip_network(network) for network in networks.split()])
    for destination, networks in (
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
"""All of IPv6 that IANA has assigned so far. The rest is nowhere."""
_PROTOCOLS: Final = IPv6Network("2001::/23")
"""Assignments to protocols, Teredo among them."""
_NAT64: Final = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE: Final = IPv6Network("::/96")


def parse(text: str) -> Address:
    """Return an address as a resolver writes it, without the zone of a link-local one. Raises ValueError."""
    return ip_address(text.partition("%")[0])


def networks(text: str) -> tuple[Network, ...]:
    """Return networks or single addresses, separated by commas. Raises ValueError that names the wrong part."""
    parsed = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            parsed.append(ip_network(part))
        except ValueError:
            message = f"{part!r} is not a network; write for example 10.0.0.0/8 or 192.168.1.20"
            raise ValueError(message) from None
    return tuple(parsed)


def destination_of(address: Address) -> Destination:
    """Return the destination of an address. An IPv6 address that contains an IPv4 address has that one's, or none."""
    for destination, ranges in _DESTINATIONS:
        if any(address in network for network in ranges if network.version == address.version):
            return destination
    if isinstance(address, IPv4Address):
        return Destination.INTERNET
    return _destination_of_ipv6(address)


@dataclass(frozen=True, slots=True)
class Fence:
    """The limit of pages. `allowed` are networks beyond it that the operator allows.

    `advice` tells people how to allow an address.
    """

    reach: Reach
    allowed: Sequence[Network] = ()
    advice: str = ""

    def fault(self, address: Address) -> str | None:
        """Return why a page may not go to this address, a sentence without its full stop, or None if it may."""
        addresses = [address, *_contained(address)]
        allowed = any(
            candidate in network
            for network in self.allowed
            for candidate in addresses
            if candidate.version == network.version
        )
        destination = destination_of(address)
        if allowed or destination in self.reach.value:
            return None
        advice = f"; {self.advice}" if self.advice else ""
        return f"the address leads to {address}, {destination.value}, where this page may not go{advice}"


def _destination_of_ipv6(address: IPv6Address) -> Destination:
    if address in _NAT64_LOCAL:
        # The place of the IPv4 address in it is up to the network.
        return Destination.PRIVATE
    contained = list(_contained(address))
    if not contained:
        return (
            Destination.INTERNET if address in _IN_USE and address not in _PROTOCOLS else Destination.NOWHERE
        )
    destinations = [destination_of(inner) for inner in contained]
    worst = next((inner for inner in destinations if inner is not Destination.INTERNET), Destination.INTERNET)
    translated = address.ipv4_mapped is not None or address in _NAT64
    return worst if translated or worst is not Destination.INTERNET else Destination.NOWHERE


def _contained(address: Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that an IPv6 address contains."""
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
