"""Destinations of addresses in every notation, and the fence."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.network import Destination, Fence, Reach, destination_of, networks, parse

EVERYWHERE = (
    "8.8.8.8 1.1.1.1 93.184.216.34 2606:4700::1111 2a00:1450:4001::8b ::ffff:8.8.8.8 64:ff9b::808:808"
)
INSIDE = {
    Destination.LOOPBACK: "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::127.0.0.1 64:ff9b::7f00:1 "
    "64:ff9b::127.0.0.1 2002:7f00:1:: 2002:7f00:0001::1",
    Destination.PRIVATE: "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255 fd12:3456::1 "
    "fc00::1 fec0::1 ::ffff:10.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::1 2002:0a00:0001::1 64:ff9b::6440:1",
    Destination.LINK_LOCAL: "169.254.0.1 fe80::1 fe80::1%eth0 ::ffff:169.254.0.1 64:ff9b::169.254.1.1",
    Destination.METADATA: "169.254.169.254 169.254.170.2 100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 "
    "fd20:ce::254 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1",
    Destination.MULTICAST: "224.0.0.1 239.255.255.255 ff02::1 ff0e::1 ::ffff:224.0.0.1",
    Destination.NOWHERE: "0.0.0.0 0.1.2.3 192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1 192.88.99.1 240.0.0.1 "
    "255.255.255.255 :: 2001:db8::1 3fff::1 4000::1 2001:2::1 64:ff9b:2::1 100::1 2002:808:808::1 ::8.8.8.8 "
    "2001:0:808:808::1 5f00::1 ::ffff:0:127.0.0.1",
}


@pytest.mark.parametrize("text", EVERYWHERE.split())
def test_the_internet_is_open_to_everybody(text: str) -> None:
    assert destination_of(parse(text)) is Destination.INTERNET
    for reach in Reach:
        assert Fence(reach).fault(parse(text)) is None


@pytest.mark.parametrize(
    ("where", "text"), [(where, text) for where, texts in INSIDE.items() for text in texts.split()]
)
def test_an_entered_address_reaches_nothing_inside(where: Destination, text: str) -> None:
    assert destination_of(parse(text)) is where
    fault = Fence(Reach.INTERNET, advice="ask the operator").fault(parse(text))
    assert fault is not None
    assert where.value in fault
    assert fault.endswith("where this page may not go; ask the operator")


@pytest.mark.parametrize(
    ("text", "open_to_the_file"),
    [
        ("10.0.0.1", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("100.64.0.1", True),
        ("fd12::1", True),
        ("169.254.169.254", False),
        ("::ffff:169.254.169.254", False),
        ("fe80::1", False),
        ("224.0.0.1", False),
    ],
)
def test_the_file_reaches_inside_but_not_where_no_provider_can_be(text: str, open_to_the_file: bool) -> None:
    assert (Fence(Reach.INSIDE).fault(parse(text)) is None) is open_to_the_file


@pytest.mark.parametrize(
    ("allowed", "text", "open_"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", True),
        ("10.0.0.0/8", "192.168.0.1", False),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("10.0.0.0/8", "64:ff9b::10.1.2.3", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("169.254.169.254", "169.254.169.254", True),
        ("fd12::/16, 192.168.1.20", "fd12::7", True),
        ("fd12::/16, 192.168.1.20", "192.168.1.20", True),
        ("", "10.1.2.3", False),
    ],
)
def test_the_operator_opens_networks(allowed: str, text: str, open_: bool) -> None:
    assert (Fence(Reach.INTERNET, networks(allowed)).fault(parse(text)) is None) is open_


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "example.com", "10.0.0.0/8 10.1.0.0/16", "*"])
def test_a_wrong_network_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a network; write for example"):
        networks(f"192.168.0.0/16, {text}")


@given(st.ip_addresses(v=4))
def test_an_address_within_another_never_opens_what_is_closed(inner: IPv4Address) -> None:
    """However an IPv4 address is wrapped, what was entered reaches it only where it reaches it unwrapped."""
    fence = Fence(Reach.INTERNET)
    number = int(inner)
    wrapped = [
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(0x64FF9B << 96 | number),
        IPv6Address(number),
        IPv6Address(0x2002 << 112 | number << 80 | 1),
        IPv6Address(0x20010000 << 96 | number << 64 | 0xFFFF_FFFF ^ number),
    ]
    if fence.fault(inner):
        assert all(fence.fault(outer) for outer in wrapped)


@given(st.ip_addresses())
def test_every_address_leads_somewhere(address: IPv4Address | IPv6Address) -> None:
    assert isinstance(destination_of(address), Destination)
    if (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_private
    ):
        assert Fence(Reach.INTERNET).fault(address) is not None
